"""Labelled rows that are counted part by part, to the bytes of all at once; see ``detectors.parts``.

Counts add up. Sums are made on the grids of their groups, which are known when every part was counted; then each part
comes once more. Only sums that have values are kept: of a thousand bins a group of few rows needs few.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.scored import Groups, label_size, most_cells, runs_of, sum_size
from detectors.sums import Steps, extremes

_COUNT = 3 * 8  # bytes; a part's counts are made from two of their size
_CELL = 2 * 8 * 4  # bytes of a sum's cell, number of values and extremes, twice while others come in


def room_of(layout: ScoreLayout, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """About how many bytes groups of so many rows (int64 [G]) take at most, int64 [G]."""
    return _COUNT * label_size(layout) + _CELL * most_cells(layout, rows)


class ScoredParts:
    """Groups of labelled rows: keys int64 [G] and counts [G, Lc]; and of each of their sums that has values, by its
    cell (key times S, and its place, increasing), how many it has, and the smallest and largest. First every part is
    counted, then every part is added."""

    def __init__(self, layout: ScoreLayout) -> None:
        self._layout, self._width = layout, sum_size(layout)
        self._keys = np.empty(0, np.int64)
        self._counts = np.empty((0, label_size(layout)), np.int64)
        self._cells, self._sizes = np.empty(0, np.int64), np.empty(0, np.int64)
        self._low = self._high = np.empty(0)

    def count(self, groups: NDArray[np.int64], *values: Any) -> None:
        """A part, as ``count_scored`` takes it."""
        keys, counts, runs = runs_of(self._layout, groups, *values)
        self._keys, old, new = _joined(self._keys, keys)
        self._counts = _wider(self._counts, old, len(self._keys), 0)
        self._counts[new] += counts
        found = [(self._of(keys, cells), sizes, *extremes(numbers, sizes)) for cells, numbers, sizes in runs]
        if found:
            cells, sizes, low, high = (np.concatenate(each) for each in zip(*found, strict=True))
            self._cells, old, new = _joined(self._cells, cells)
            most = len(self._cells)
            self._sizes = _wider(self._sizes, old, most, 0)
            self._sizes[new] += sizes
            self._low, self._high = _wider(self._low, old, most, np.inf), _wider(self._high, old, most, -np.inf)
            self._low[new] = np.minimum(self._low[new], low)
            self._high[new] = np.maximum(self._high[new], high)

    def _of(self, keys: NDArray[np.int64], cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cells of a part's groups as they are kept."""
        return keys[cells // self._width] * self._width + cells % self._width

    def add(self, groups: NDArray[np.int64], *values: Any) -> None:
        """A part that was counted. What came since then is kept within what was, and does no harm."""
        keys, _, runs = runs_of(self._layout, groups, *values)
        for cells, numbers, sizes in runs:
            mine = self._of(keys, cells)
            where, known = _places(self._cells, mine)
            if not known.all():
                numbers, where, sizes = numbers[np.repeat(known, sizes)], where[known], sizes[known]
            low, high = (np.repeat(side[where], sizes) for side in (self._low, self._high))
            if len(where):
                self._totals[where] += self._steps.some(where).total(np.clip(numbers, low, high), sizes)

    @cached_property
    def _steps(self) -> Steps:
        return Steps.of(self._low, self._high, self._sizes, (1,))

    @cached_property
    def _totals(self) -> NDArray[np.int64]:
        return np.zeros((len(self._cells), 1), np.int64)

    @property
    def keys(self) -> NDArray[np.int64]:
        """Of the groups, increasing."""
        return self._keys

    def found(self) -> Groups:
        """As ``count_scored`` of all rows."""
        return self._found((0, len(self._keys)), (0, len(self._cells)))

    def between(self, first: int, end: int) -> Groups:
        """The groups whose keys are in [first, end)."""
        cells = np.searchsorted(self._cells, [first * self._width, end * self._width])
        return self._found(np.searchsorted(self._keys, [first, end]), cells)

    def _found(self, groups: Sequence[int] | NDArray[np.int64], cells: Sequence[int] | NDArray[np.int64]) -> Groups:
        some, where = slice(*groups), np.arange(*cells)
        keys = self._keys[some]
        sums = np.zeros((len(keys), self._width))
        of, place = np.divmod(self._cells[where], self._width)
        sums[np.searchsorted(keys, of), place] = self._steps.some(where).floats(self._totals[where])[:, 0]
        return keys, self._counts[some], sums


def _places(known: NDArray[np.int64], some: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where they are among ``known``, and whether they are."""
    places = np.searchsorted(known, some)
    return places, np.append(known, np.iinfo(np.int64).max)[places] == some


def _joined(
    known: NDArray[np.int64], more: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """All of them, increasing, and the places there of both; ``known`` are increasing, and ``more`` all different."""
    new = more[~_places(known, more)[1]]
    whole = np.sort(np.concatenate([known, new]), kind="stable")  # stable: quick where most are in order
    return whole, np.searchsorted(whole, known), np.searchsorted(whole, more)


def _wider(values: NDArray[Any], places: NDArray[np.int64], size: int, empty: float) -> NDArray[Any]:
    """At their new places among so many."""
    made = np.full((size, *values.shape[1:]), empty, values.dtype)
    made[places] = values
    return made
