"""Labelled rows that are counted part by part, to the bytes of all at once; see ``detectors.parts``.

Counts add up. Sums are made on the grids of their groups, which are known when every part was counted; then each part
comes once more.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.scored import Groups, label_size, runs_of, sum_size
from detectors.sums import Steps, extremes


class ScoredParts:
    """Groups of labelled rows: keys int64 [G], counts [G, Lc], and of each of their sums [G, S] how many values it has,
    and the smallest and largest. First every part is counted, then every part is added."""

    def __init__(self, layout: ScoreLayout) -> None:
        self._layout, self._width = layout, sum_size(layout)
        self._keys = np.empty(0, np.int64)
        self._counts = np.empty((0, label_size(layout)), np.int64)
        self._sizes = np.empty((0, self._width), np.int64)
        self._low = self._high = np.empty((0, self._width))

    def count(self, groups: NDArray[np.int64], *values: Any) -> None:
        """A part, as ``count_scored`` takes it."""
        keys, counts, runs = runs_of(self._layout, groups, *values)
        at = self._widened(keys)
        self._counts[at] += counts
        for cells, numbers, sizes in runs:
            where = at[cells // self._width], cells % self._width
            low, high = extremes(numbers, sizes)
            self._sizes[where] += sizes
            self._low[where] = np.minimum(self._low[where], low)
            self._high[where] = np.maximum(self._high[where], high)

    def _widened(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places of groups, of which some may be new."""
        whole = np.union1d(self._keys, keys)
        old = np.searchsorted(whole, self._keys)

        def wider(values: NDArray[Any], empty: float) -> NDArray[Any]:
            made = np.full((len(whole), values.shape[1]), empty, values.dtype)
            made[old] = values
            return made

        self._keys, self._counts, self._sizes = whole, wider(self._counts, 0), wider(self._sizes, 0)
        self._low, self._high = wider(self._low, np.inf), wider(self._high, -np.inf)
        return np.searchsorted(whole, keys)

    def add(self, groups: NDArray[np.int64], *values: Any) -> None:
        """A part that was counted. What came since then is kept within what was, and does no harm."""
        keys, _, runs = runs_of(self._layout, groups, *values)
        at = np.searchsorted(self._keys, keys) * self._width
        for cells, numbers, sizes in runs:
            known = np.isin(keys, self._keys)[cells // self._width]
            if not known.all():
                numbers, cells, sizes = numbers[np.repeat(known, sizes)], cells[known], sizes[known]
            where = at[cells // self._width] + cells % self._width
            low, high = (np.repeat(side.ravel()[where], sizes) for side in (self._low, self._high))
            steps = self._steps.some(where)
            if len(where):
                self._totals[where] += steps.total(np.clip(numbers, low, high), sizes)

    @cached_property
    def _steps(self) -> Steps:
        """Of all sums, flattened; of those without values any."""
        some = self._sizes.ravel() > 0
        low, high = (np.where(some, side.ravel(), 0.0) for side in (self._low, self._high))
        return Steps.of(low, high, np.maximum(self._sizes.ravel(), 1), (1,))

    @cached_property
    def _totals(self) -> NDArray[np.int64]:
        return np.zeros((self._sizes.size, 1), np.int64)

    def found(self) -> Groups:
        """As ``count_scored`` of all rows."""
        return self._keys, self._counts, self._steps.floats(self._totals).reshape(self._sizes.shape)
