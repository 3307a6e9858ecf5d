"""Labelled rows and all rows in the same bins of the score, or of a regression's prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, NumericColumn

Array = NDArray[np.float64]


class SharedBins:
    """The bins that both ``ScoreLayout.score_cuts`` and the column of the score (regression: the prediction) have."""

    def __init__(self, binning: Binning, column: NumericColumn) -> None:
        shared = np.intersect1d(binning.scores.score_cuts, column.cuts)
        self.cuts, self.size = shared, len(shared) + 1
        self._slots = binning.slots(column.name)
        self._of_label = _places(shared, binning.scores.score_cuts)
        self._of_window = _places(shared, column.cuts)

    def rows(self, counts: NDArray[Any]) -> Array:
        """All rows with a finite value by bin, [bins], of counts [L]."""
        found: Array = np.bincount(self._of_window, weights=counts[self._slots], minlength=self.size).astype(np.float64)
        return found

    def labelled(self, counts: NDArray[Any]) -> Array:
        """The like of counts (or sums) [..., len(score_cuts) + 1] of labelled rows."""
        flat = counts.reshape(-1, counts.shape[-1])
        found: Array = np.stack([np.bincount(self._of_label, weights=one, minlength=self.size) for one in flat])
        return found.astype(np.float64).reshape(*counts.shape[:-1], self.size)

    @classmethod
    def of(cls, binning: Binning) -> SharedBins | None:
        """None where there are no scores, or they were never cut."""
        name = "prediction" if binning.scores.task == "regression" else "score"
        column = binning.by_name.get(name)
        if not isinstance(column, NumericColumn) or not len(binning.scores.score_cuts):
            return None
        if ("bins", name) not in binning.memo:
            binning.memo["bins", name] = cls(binning, column)
        found: SharedBins = binning.memo["bins", name]
        return found


def _places(shared: Array, cuts: Array) -> NDArray[np.int64]:
    """The shared bin of each bin of ``cuts``: bin i ends at cuts[i]."""
    return np.append(np.searchsorted(shared, cuts), len(shared)).astype(np.int64)
