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
    denominators. Every column has at least one cell. ``least`` float64 [B]: which share of a column's rows a reference
    is taken to have in a cell at least, where by its making it has too few there (None: as it has)."""

    first: Indices
    last: Indices
    owner: Indices
    column_first: Indices
    column_last: Indices
    least: Array | None = None

    @classmethod
    def of(cls, runs: Sequence[tuple[Indices, Indices, int, int]], least: Array | None = None) -> Cells:
        """From each column's (first, last, column first, column last)."""
        first, last, column_first, column_last = zip(*runs, strict=True)
        owner = np.repeat(np.arange(len(runs)), [len(part) for part in first])
        columns = np.array(column_first), np.array(column_last)
        return cls(np.concatenate(first), np.concatenate(last), owner, *columns, least)

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
        least = None if self.least is None else self.least[chosen]
        return Cells(self.first[chosen], self.last[chosen], owner, *runs, least)

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

    def count_reference(self, counts: NDArray[Any]) -> tuple[Array, Array]:
        """The like of a reference's counts."""
        cells, columns = self.count(counts)
        if self.least is not None and self.least.any():
            cells = np.maximum(cells, self.least * columns[..., self.owner])
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
    """One cell for each level of each categorical column, one for all values that are no common level, rare and unseen
    ones with them, and one for unseen values. What is common by luck in the reference is rarer in the next rows of the
    same source, and what it lacks by luck is there; all that is not common together has one share in both. Unseen
    values by themselves are as many as are to be expected; where these are many, as of users, nothing is asked."""
    runs, least = [], []
    for name in names:
        column, slots = binning.by_name[name], binning.named_or_not(name)
        assert isinstance(column, CategoricalColumn)
        level = np.arange(slots.start, slots.start + len(column.levels))
        first, last, floor = [level], [level + 1], [np.zeros(len(level))]
        for start, end, share in _of_no_level(column, slots):
            first.append(np.array([start]))
            last.append(np.array([end]))
            floor.append(np.array([share]))
        runs.append((np.concatenate(first), np.concatenate(last), slots.start, slots.stop))
        least.append(np.concatenate(floor))
    return Cells.of(runs, np.concatenate(least))


def _of_no_level(column: CategoricalColumn, slots: slice) -> list[tuple[int, int, float]]:
    """Cells beside the levels': first and last slot, and the least share of a reference."""
    other, unseen = (slots.stop - 2, slots.stop - 1, 0.0), (slots.stop - 1, slots.stop, column.unseen or 0.0)
    if column.common is None:  # cuts of before that was counted
        return [other, unseen]
    together = (slots.start + column.common, slots.stop, 0.0)
    if not column.rare and column.common == len(column.levels):
        return [together]
    return [together] if column.is_open else [together, unseen]


def name_of(column: CategoricalColumn, place: int) -> str:
    """What one of the cells of ``categories`` is called."""
    if place < len(column.levels):
        return column.levels[place]
    alone = not column.rare and column.common == len(column.levels)
    return UNSEEN if alone or place > len(column.levels) else OTHER


def named_or_not(binning: Binning, names: Sequence[str]) -> Cells:
    """One cell for each level of each categorical column, and one for all values that have none: each row is in one."""
    runs = []
    for name in names:
        slots = binning.named_or_not(name)
        places = np.arange(slots.start, slots.stop - 1)
        runs.append((places, np.append(places[1:], slots.stop), slots.start, slots.stop))
    return Cells.of(runs)


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
