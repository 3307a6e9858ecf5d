"""Groups of rows that are counted part by part, so that no more rows than a part are in memory.

Counts, codes of pairs and features of vectors are whole numbers, and add up. A sum of floats is made on a grid that all
rows of its group decide (see ``detectors.sums``): once the parts are counted the grid is known, and reading the parts
again gives the sums, the same to the bit as those of all rows at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.groups import Groups
from detectors.summary import ColumnValues, HourlySummaries, add, narrow
from detectors.sums import Steps

_POWERS = (1, 2)


def together(first: HourlySummaries, second: HourlySummaries) -> HourlySummaries:
    """The groups of two parts, but for their ``moments``, which are 0."""
    return narrow(add(*(replace(one, moments=np.zeros_like(one.moments)) for one in (first, second))))


class Moments:
    """Sums and sums of squares of groups that ``counted`` holds by each of several keys, see
    ``together``."""

    def __init__(self, binning: Binning, counted: Sequence[HourlySummaries]) -> None:
        self._binning = binning
        self._of_key = [_OfKey(binning, one) for one in counted]

    def add(self, groupings: Sequence[NDArray[np.int64]], columns: Mapping[str, ColumnValues]) -> None:
        """One part: keys (int64 [n] each) and values as for ``summarise_by``; columns without a numeric place in the
        binning are passed over."""
        clocks = [Groups.of(keys) for keys in groupings]
        for row, column in enumerate(self._binning.numeric):
            if column.name in columns:
                numbers = columns[column.name].values.to_numpy(zero_copy_only=False)
                for clock, one in zip(clocks, self._of_key, strict=True):
                    one.add(row, clock, numbers)

    def found(self) -> list[HourlySummaries]:
        """What was counted, with the sums of the parts that were added."""
        return [one.found() for one in self._of_key]


class _OfKey:
    """The groups of one key: the steps of each column, and how many there were so far, int64 [G, columns, 2]."""

    def __init__(self, binning: Binning, counted: HourlySummaries) -> None:
        self._counted = counted
        self._totals = np.zeros((len(counted.hours), len(binning.numeric), len(_POWERS)), np.int64)
        self._places: list[NDArray[np.int64]] = []
        self._steps: list[Steps] = []
        for row, column in enumerate(binning.numeric):
            start = binning.offsets[column.name]
            finite = counted.counts[:, start : start + len(column.cuts) + 1].sum(axis=1, dtype=np.int64)
            some = np.flatnonzero(finite)
            low, high = counted.extremes[some, row].T
            self._places.append(np.where(finite > 0, np.cumsum(finite > 0) - 1, -1))
            self._steps.append(Steps.of(low, high, finite[some], _POWERS))

    def add(self, row: int, clock: Groups, numbers: NDArray[np.float64]) -> None:
        """Values of one column, grouped. Those beyond what was counted came since then, and are left out, as are groups
        that were not there."""
        groups = np.searchsorted(self._counted.hours, clock.hours)
        groups = np.where(np.isin(clock.hours, self._counted.hours), groups, -1)
        low, high = np.append(self._counted.extremes[:, row], [[np.inf, -np.inf]], axis=0)[groups].T
        values, sizes = clock.runs(numbers, None)
        low, high = (np.repeat(side, sizes) for side in (low, high))
        inside = (values >= low) & (values <= high)
        if not inside.all():
            sizes = np.bincount(np.repeat(np.arange(len(sizes)), sizes)[inside], minlength=len(sizes))
            values = values[inside]
        some = np.flatnonzero(sizes)
        if len(some):
            steps = self._steps[row].some(self._places[row][groups[some]])
            self._totals[groups[some], row] += steps.total(values, sizes[some])

    def found(self) -> HourlySummaries:
        """With their sums."""
        moments = np.zeros(self._totals.shape)
        for row, (places, steps) in enumerate(zip(self._places, self._steps, strict=True)):
            some = np.flatnonzero(places >= 0)
            moments[some, row] = steps.floats(self._totals[some, row])
        return replace(self._counted, moments=moments)
