"""What the two-sample tests compare: values, counts of levels, or counts in bins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, CategoricalColumn

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Values:
    """Finite numbers, float64 [n], in any order."""

    numbers: Array

    @property
    def rows(self) -> float:
        """Number of rows."""
        return float(len(self.numbers))


@dataclass(frozen=True)
class Levels:
    """Category names and how often each occurs, [K]."""

    levels: tuple[str, ...]
    counts: NDArray[Any]

    @property
    def rows(self) -> float:
        """Number of rows."""
        return float(self.counts.sum())


@dataclass(frozen=True)
class Binned:
    """Increasing ``cuts`` [B] and ``counts`` [B + 1]: bin i holds cuts[i-1] < x <= cuts[i]. ``low`` and ``high``: where
    the first bin starts and the last one ends, as far as is known (else infinite)."""

    cuts: Array
    counts: NDArray[Any]
    low: float = -np.inf
    high: float = np.inf

    @property
    def rows(self) -> float:
        """Number of rows."""
        return float(self.counts.sum())

    @property
    def hidden(self) -> float:
        """Largest share of rows in a bin that holds more than one value: a change inside it cannot be seen."""
        wide = np.ones(len(self.counts), dtype=bool)
        wide[1:-1] = np.nextafter(self.cuts[1:], -np.inf) > self.cuts[:-1]
        return float((self.counts * wide).max() / max(self.rows, 1.0))


Sample = Values | Levels | Binned


@dataclass(frozen=True)
class Comparison:
    """A statistic of two samples; ``lower`` and ``upper`` bound it at 95 % where a law for that is known."""

    value: float
    p_value: float | None = None
    lower: float | None = None
    upper: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


Compare = Callable[[Sample, Sample], Comparison]


def sample_of(binning: Binning, name: str, counts: NDArray[Any]) -> Levels | Binned:
    """A column of a count vector [L], without its missing and odd values. Raises ``KeyError`` for an unknown name."""
    column = binning.by_name[name]
    slots = binning.slots(name)
    if not isinstance(column, CategoricalColumn):
        return Binned(column.cuts, counts[slots], column.minimum, column.maximum)
    extras = counts[[binning.extra(name, "other"), binning.extra(name, "unseen")]]
    return Levels((*column.levels, "__other__", "__unseen__"), np.concatenate([counts[slots], extras]))
