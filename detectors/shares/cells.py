"""Every monitored share of a column as a run of slots: rows below a cut, rows in a category."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, CategoricalColumn, NumericColumn

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

TRIGGER_LEVELS: Array = np.concatenate([[1 / 64], np.arange(1, 20) / 20, [63 / 64]])
OTHER, UNSEEN = "__other__", "__unseen__"


@dataclass(frozen=True)
class Cells:
    """Cells of F columns, flat: ``first``, ``last`` int64 [B] (half-open runs of slots), ``owner`` int64 [B]
    (increasing, into the columns); the columns' own runs ``column_first``, ``column_last`` int64 [F] are the
    denominators. Every column has at least one cell."""

    first: Indices
    last: Indices
    owner: Indices
    column_first: Indices
    column_last: Indices

    @classmethod
    def of(cls, runs: Sequence[tuple[Indices, Indices, int, int]]) -> Cells:
        """From each column's (first, last, column first, column last)."""
        first, last, column_first, column_last = zip(*runs, strict=True)
        owner = np.repeat(np.arange(len(runs)), [len(part) for part in first])
        return cls(np.concatenate(first), np.concatenate(last), owner, np.array(column_first), np.array(column_last))

    @cached_property
    def starts(self) -> Indices:
        """First cell of each column, [F]."""
        return np.flatnonzero(np.diff(self.owner, prepend=-1))

    @cached_property
    def sizes(self) -> Indices:
        """Number of cells of each column, [F]."""
        return np.bincount(self.owner)

    def part(self, columns: slice) -> Cells:
        """Those of some columns."""
        chosen = (self.owner >= columns.start) & (self.owner < columns.stop)
        owner = self.owner[chosen] - columns.start
        runs = self.column_first[columns], self.column_last[columns]
        return Cells(self.first[chosen], self.last[chosen], owner, *runs)

    def count(self, counts: NDArray[Any]) -> tuple[Array, Array]:
        """Rows in the cells [..., B] and in the columns [..., F]; ``counts`` [..., L]."""
        start, stop = 0, int(self.column_last.max())
        if counts.dtype.kind in "iu":  # what others before have does not even round
            start = int(self.column_first.min())
        sums = np.zeros((*counts.shape[:-1], stop - start + 1))
        np.cumsum(counts[..., start:stop], axis=-1, out=sums[..., 1:])
        cells: Array = sums[..., self.last - start] - sums[..., self.first - start]
        columns: Array = sums[..., self.column_last - start] - sums[..., self.column_first - start]
        return cells, columns

    def largest(self, values: Array) -> tuple[Array, Indices]:
        """The largest of ``values`` [B] in each column, and the first cell that has it, [F] each."""
        most = np.maximum.reduceat(values, self.starts)
        places = np.flatnonzero(values == most[self.owner])
        return most, places[np.diff(self.owner[places], prepend=-1) > 0]


def remembered(make: Callable[[Binning, Sequence[str]], Cells], binning: Binning, names: Sequence[str]) -> Cells:
    """The cells of these columns, made once per binning."""
    key = (make.__name__, tuple(names))
    if key not in binning.memo:
        binning.memo[key] = make(binning, names)
    found: Cells = binning.memo[key]
    return found


def every_cut(binning: Binning, names: Sequence[str]) -> Cells:
    """One cell for each cut of each numeric column: the rows at or below it."""
    return Cells.of([_below(binning, name, np.arange(len(_numeric(binning, name).cuts))) for name in names])


def trigger_cuts(binning: Binning, names: Sequence[str]) -> Cells:
    """The cuts that may trigger: ventiles, 1/64 and 63/64 of the reference, and just below a heavy value."""
    return Cells.of([_below(binning, name, _trigger_places(_numeric(binning, name))) for name in names])


def every_bin(binning: Binning, names: Sequence[str]) -> Cells:
    """One cell for each bin of numeric columns in which different values are counted together."""
    runs = []
    for name in names:
        slots = binning.slots(name)
        wide = np.arange(slots.start, slots.stop)[~_numeric(binning, name).points]
        runs.append((wide, wide + 1, slots.start, slots.stop))
    return Cells.of(runs)


def categories(binning: Binning, names: Sequence[str]) -> Cells:
    """One cell for each level of each categorical column, then one for all values that are no common level, rare and
    unseen ones with them, as only together they have a share that the reference tells (``CategoricalColumn.sure``); and
    one for unseen ones where hardly any is to be expected."""
    runs = []
    for name in names:
        start, stop = binning.offsets[name], binning.extra(name, "unseen") + 1
        column = binning.by_name[name]
        assert isinstance(column, CategoricalColumn)
        places = np.arange(start, start + len(column.levels))
        more = [start + column.sure, *([stop - 1] if has_unseen(column) else [])]
        first, last = np.append(places, more), np.append(places + 1, [stop] * len(more))
        runs.append((first, last, start, stop))
    return Cells.of(runs)


def named_or_not(binning: Binning, names: Sequence[str]) -> Cells:
    """One cell for each level of each categorical column, and one for all values that have none: each row is in one."""
    runs = []
    for name in names:
        start, end, stop = binning.offsets[name], binning.slots(name).stop, binning.extra(name, "unseen") + 1
        places = np.arange(start, end + 1)
        runs.append((places, np.append(places[1:], stop), start, stop))
    return Cells.of(runs)


def has_unseen(column: CategoricalColumn) -> bool:
    """Whether unseen values have a cell of their own: where they are not all that is no common level."""
    return column.is_closed and (len(column.rare) > 0 or column.sure < len(column.levels))


def every_category(binning: Binning, name: str) -> slice:
    """The slots of a column's levels, of rare and of unseen values, as ``category_names`` calls them."""
    return slice(binning.offsets[name], binning.extra(name, "unseen") + 1)


def category_names(column: CategoricalColumn) -> tuple[str, ...]:
    """What levels, rare and unseen values are called."""
    return (*column.levels, OTHER, UNSEEN)


def _numeric(binning: Binning, name: str) -> NumericColumn:
    column = binning.by_name[name]
    if not isinstance(column, NumericColumn):
        raise TypeError(f"{name} is not numeric")
    return column


def _below(binning: Binning, name: str, places: Indices) -> tuple[Indices, Indices, int, int]:
    slots = binning.slots(name)
    return np.full(len(places), slots.start), slots.start + places + 1, slots.start, slots.stop


def _trigger_places(column: NumericColumn) -> Indices:
    if len(column.levels) == 0:
        return np.arange(len(column.cuts))
    places = column.quantile_cuts(TRIGGER_LEVELS)
    heavy = places[column.points[places]]
    return np.unique(np.concatenate([places, heavy - 1]))
