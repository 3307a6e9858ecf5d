"""What the two-sample tests compare: values, counts of levels, or counts in bins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
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

    @cached_property
    def ordered(self) -> Array:
        """The numbers, increasing; sorted once for all tests that need it."""
        return np.sort(self.numbers)


NAMELESS = ("__other__", "__unseen__")  # values that are counted together: rare in the reference, or not in it


@dataclass(frozen=True)
class Levels:
    """Category names and how often each occurs, [K]. Of counts on a column's cuts the last two are ``NAMELESS``, and
    ``column`` says what may be asked of them."""

    levels: tuple[str, ...]
    counts: NDArray[Any]
    column: CategoricalColumn | None = None

    @property
    def tells(self) -> bool:
        """Whether any value, or all that are not common, have a share of their own."""
        return self.column is None or self.apart > 0 or not self.column.is_open

    @property
    def apart(self) -> int:
        """So many levels, the commonest, are categories by themselves: all, unless it was luck which values are rare or
        unseen."""
        column = self.column
        if column is None or column.common is None or not (column.rare or column.is_open):
            return len(self.levels) - (0 if column is None else len(NAMELESS))
        return column.common

    @property
    def rows(self) -> float:
        """Number of rows."""
        return float(self.counts.sum())


@dataclass(frozen=True)
class Binned:
    """Increasing ``cuts`` [B] and ``counts`` [B + 1]: bin i holds cuts[i-1] < x <= cuts[i]. ``low`` and ``high``: where
    the first bin starts and the last one ends, as far as is known (else infinite). ``moments``: sum and sum of squares
    of the values themselves, where they are known."""

    cuts: Array
    counts: NDArray[Any]
    low: float = -np.inf
    high: float = np.inf
    moments: tuple[float, float] | None = None

    @property
    def rows(self) -> float:
        """Number of rows."""
        return float(self.counts.sum())

    @property
    def bounded(self) -> bool:
        """Are the ends of the first and the last bin known?"""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    @cached_property
    def edges(self) -> Array:
        """Where bins start and end, [B + 2]; a bin whose end is not known ends at its cut."""
        if len(self.cuts) == 0:
            return np.array([self.low, self.high] if self.bounded else [0.0, 0.0])
        low = self.low if np.isfinite(self.low) else self.cuts[0]
        high = self.high if np.isfinite(self.high) else self.cuts[-1]
        return np.concatenate([[min(low, self.cuts[0])], self.cuts, [max(high, self.cuts[-1])]])

    @property
    def middles(self) -> Array:
        """The number that stands for each bin, [B + 1]."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def widths(self) -> Array:
        """[B + 1]; no value is farther from its bin's middle than half of it, if the sample is ``bounded``."""
        return np.diff(self.edges)

    @property
    def wide(self) -> NDArray[np.bool_]:
        """Bins that may hold more than one value, [B + 1]."""
        wide = np.ones(len(self.counts), dtype=bool)
        wide[1:-1] = np.nextafter(self.cuts[1:], -np.inf) > self.cuts[:-1]
        return wide

    @property
    def hidden(self) -> float:
        """Largest share of rows in a bin that holds more than one value: a change inside it cannot be seen."""
        return float((self.counts * self.wide).max() / max(self.rows, 1.0))


Sample = Values | Levels | Binned


@dataclass(frozen=True)
class Comparison:
    """A statistic of two samples; ``lower`` and ``upper`` bound it at 95 % where a law for that is known. Where the
    statistic is not defined for the samples, ``value`` is NaN and ``reason`` says why."""

    value: float
    p_value: float | None = None
    lower: float | None = None
    upper: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None


def undefined(reason: str, details: Mapping[str, Any] | None = None) -> Comparison:
    """No statistic, for a ``reason`` of ``detectors.measurement``."""
    return Comparison(np.nan, reason=reason, details=details or {})


Compare = Callable[[Sample, Sample], Comparison]


def sample_of(binning: Binning, name: str, counts: NDArray[Any], moments: Array | None = None) -> Levels | Binned:
    """A column of a count vector [L] and of the sums and sums of squares of the numeric columns [M, 2], without its
    missing and odd values. Raises ``KeyError`` for an unknown name."""
    column = binning.by_name[name]
    slots = binning.slots(name)
    if not isinstance(column, CategoricalColumn):
        own = None if moments is None else _row(moments[[one.name for one in binning.numeric].index(name)])
        return Binned(column.cuts, counts[slots], column.minimum, column.maximum, own)
    extras = counts[[binning.extra(name, "other"), binning.extra(name, "unseen")]]
    return Levels((*column.levels, *NAMELESS), np.concatenate([counts[slots], extras]), column)


def _row(moments: Array) -> tuple[float, float]:
    total, squares = moments.tolist()
    return total, squares
