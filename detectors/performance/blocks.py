"""How far a metric is off although rows of nearby hours go together: whole blocks of hours drawn anew.

The moving-block bootstrap (Künsch 1989): a window is put together again from blocks of consecutive hours, drawn with
replacement from all there are. All that metrics need adds up over hours, so a drawing is a weighted sum of hours, and
all drawings are one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.coarse import Coarse
from detectors.performance.hourly import LabelHours
from detectors.performance.scored import sum_size
from detectors.performance.values import VALUES
from detectors.performance.weighting import Weighting

Array = NDArray[np.float64]

TIMES = 200
LONGEST = 24  # hours: what a day has is in every block
LEAST_BLOCKS = 3
_MOST_UNDEFINED = 0.5  # of the drawings


def block_length(hours: int) -> int:
    """Of a window: a day; a third of the window where that is shorter."""
    return min(LONGEST, hours // LEAST_BLOCKS)


def degrees_of(hours: int, length: int) -> float:
    """What a variance from overlapping blocks is worth: 1.5 (T / length - 1) (Meketon and Schmeiser 1984)."""
    return 1.5 * (hours / length - 1)


def multiplicities(hours: int, length: int, times: int, seed: tuple[int, ...]) -> NDArray[np.int64]:
    """How often each hour is in each drawing, int64 [times, hours]; every row sums to ``hours``, the last block is cut
    off where they are full."""
    blocks = -(-hours // length)
    first = np.random.default_rng(seed).integers(0, hours - length + 1, (times, blocks))
    last = first + length
    last[:, -1] -= blocks * length - hours
    rows = np.arange(times)[:, None] * (hours + 1)
    # Each block begins with +1 and is over at -1: running sums count the blocks that an hour is in.
    begun, over = (np.bincount((rows + at).ravel(), minlength=times * (hours + 1)) for at in (first, last))
    found: NDArray[np.int64] = np.cumsum((begun - over).reshape(times, hours + 1), axis=1)[:, :-1]
    return found


@dataclass(frozen=True, eq=False)
class Drawings:
    """Drawings of a window of ``hours`` in blocks of ``length``: ``counts`` [R, L] and ``sums`` [R, S] of ``layout``,
    which may be coarser than the model's."""

    layout: ScoreLayout
    counts: Array
    sums: Array
    hours: int
    length: int

    @classmethod
    def of(cls, layout: ScoreLayout, labels: LabelHours, times: int = TIMES) -> Drawings | None:
        """None of a window shorter than 3 hours. What is drawn follows from the window's hours alone."""
        hours, length = labels.hours, block_length(labels.hours)
        if length < 1:
            return None
        drawn = multiplicities(hours, length, times, (labels.start, hours)).astype(np.float64)
        coarse = Coarse.of(layout)
        counts, sums = labels.arrays(coarse.slots, sum_size(coarse.layout))
        with np.errstate(over="ignore", invalid="ignore"):
            return cls(coarse.layout, drawn @ counts, drawn @ sums, hours, length)

    @property
    def degrees(self) -> float:
        """What their spread is worth."""
        return degrees_of(self.hours, self.length)

    def error(self, metric: str, weighting: Weighting | None = None) -> float:
        """Standard error of the metric (weighted, if so): the spread over drawings, with what few blocks lack, k / (k -
        1) of the variance; 0 where it is not defined in half of them."""
        counts, sums = self.counts, self.sums
        if weighting is not None:
            mine = weighting.on(self.layout)
            counts, sums = mine.of_counts(counts), mine.of_sums(counts, sums)
        with np.errstate(over="ignore", invalid="ignore"):
            values = VALUES[self.layout.task][metric](self.layout, counts, sums)
            values = values[np.isfinite(values)]
            if len(values) < _MOST_UNDEFINED * len(self.counts):
                return 0.0
            blocks = self.hours / self.length
            return float(np.std(values, ddof=1) * np.sqrt(blocks / (blocks - 1)))
