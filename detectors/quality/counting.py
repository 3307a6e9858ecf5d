"""Counts the bad rows of feature columns in a window, its reference and the reference's own windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import (
    CATEGORICAL_EXTRAS,
    NUMERIC_EXTRAS,
    Binning,
    CategoricalColumn,
    EmbeddingColumn,
    NumericColumn,
)
from detectors.profile import Reference
from detectors.quality.rise import Array, Counted
from detectors.rise import ENOUGH_WINDOWS
from detectors.summary import WindowCounts

DAY = 24


@dataclass(frozen=True)
class Sources:
    """A window, its reference, and the length of the reference's own windows to compare with; ``whole``: of all rows,
    not those of a segment."""

    binning: Binning
    current: WindowCounts
    reference: Reference
    length_hours: int
    whole: bool = True

    @cached_property
    def windows(self) -> NDArray[Any]:
        """Counts [K, L] of the reference's own windows."""
        return self.reference.windows(self.length_hours, self.current.end_hour)

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """Names of the numeric feature columns."""
        return tuple(one.name for one in self.binning.numeric if one.name.startswith("feature."))

    @cached_property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categorical feature columns."""
        columns = (one for one in self.binning.columns if isinstance(one, CategoricalColumn))
        return tuple(one.name for one in columns if one.name.startswith("feature."))

    def is_embedding(self, name: str) -> bool:
        """Whether a column is of vectors, which have no categories."""
        return isinstance(self.binning.by_name[name], EmbeddingColumn)

    def kind_of_vectors(self, name: str) -> str | None:
        """``vectors of 16 numbers``; None of a column that has no vectors."""
        column = self.binning.by_name[name]
        if not isinstance(column, EmbeddingColumn):
            return None
        return f"vectors of {column.dimension} numbers" if column.dimension else "vectors"

    def slot(self, counts: NDArray[Any], name: str, which: str) -> int:
        """The count in one of a column's extra slots, 0 where it has no such slot."""
        place = _slot(self.binning, name, which)
        return 0 if place < 0 else int(counts[place])


def count(
    metric: str,
    sources: Sources,
    names: Sequence[str],
    extras: Sequence[str],
    *,
    allowance: Array | None = None,
    clustering: Array | None = None,
    expects: bool = False,
    details: Sequence[Mapping[str, Any]] = (),
) -> Counted:
    """Count the slots ``extras`` (those that the column's kind has) of each column, among all rows.

    ``allowance`` [F]: how many reference rows at least to take as bad when judging chance; ``clustering`` [F]: how many
    rows are worth one; ``expects``: so many are to be expected; see ``Counted``.
    """
    slots = _places(sources.binning, tuple(names), tuple(extras))
    phases = sources.current.end_hour % sources.length_hours, sources.current.end_hour % DAY
    key = ("quality", metric, tuple(names), sources.length_hours, *phases)
    if key not in sources.reference.memo:
        sources.reference.memo[key] = (*_pair(sources.windows, slots), *_days(sources, slots))
    bad_now, now = _pair(sources.current.counts, slots)
    bad_then, then = _pair(sources.reference.total, slots)
    bad_windows, windows, bad_days, days = sources.reference.memo[key]
    features = tuple(name.removeprefix("feature.") for name in names)
    counts = (bad_now, now, bad_then, then, bad_windows, windows)
    more = (allowance, clustering, tuple(details), bad_days, days, sources.length_hours // DAY)
    return Counted(metric, features, *counts, *more, expects=expects)


def _days(sources: Sources, slots: NDArray[np.int64]) -> tuple[Array | None, Array | None]:
    """Of the reference's days, where its longer windows are too few."""
    if sources.length_hours <= DAY or len(sources.windows) >= ENOUGH_WINDOWS:
        return None, None
    return _pair(sources.reference.windows(DAY, sources.current.end_hour), slots)


def _places(binning: Binning, names: tuple[str, ...], bad: tuple[str, ...]) -> NDArray[np.int64]:
    """The slots of each column [F, number of extras], -1 where its kind has no such slot; found once a binning."""
    key = ("places", names, bad)
    if key not in binning.memo:
        slots = [[_slot(binning, name, one) for one in bad] for name in names]
        binning.memo[key] = np.array(slots, dtype=np.int64).reshape(len(names), len(bad))
    found: NDArray[np.int64] = binning.memo[key]
    return found


def _slot(binning: Binning, name: str, which: str) -> int:
    extras = NUMERIC_EXTRAS if isinstance(binning.by_name[name], NumericColumn) else CATEGORICAL_EXTRAS
    return binning.extra(name, which) if which in extras else -1


def _pair(counts: NDArray[Any], slots: NDArray[np.int64]) -> tuple[Array, Array]:
    """Bad rows and rows, [..., F]."""
    wrong = np.where(slots >= 0, counts[..., slots], 0).sum(axis=-1, dtype=np.float64)
    return wrong, np.repeat(counts[..., :1].astype(np.float64), len(slots), axis=-1)
