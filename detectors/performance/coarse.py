"""Labelled rows with no more slots than intervals need: 64 score bins show unrest as well as a thousand do."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.scored import confusion, label_size, score_bins

MOST_BINS = 64


@dataclass(frozen=True, eq=False)
class Coarse:
    """``layout`` of a part of a layout's counts; ``slots`` int64 [Lc]: which of its slots each one goes into, -1 for
    none."""

    layout: ScoreLayout
    slots: NDArray[np.int64]

    @classmethod
    def of(cls, layout: ScoreLayout) -> Coarse:
        """Binary: neighbouring score bins together. Other tasks: no bins, which no metric of theirs looks at."""
        binary = layout.task == "binary"
        step = max(1, (len(layout.score_cuts) + 1) // MOST_BINS)
        small = replace(layout, score_cuts=layout.score_cuts[step - 1 :: step] if binary else layout.score_cuts[:0])
        before, after = np.arange(label_size(layout)), np.arange(label_size(small))
        slots = np.full(len(before), -1)
        slots[0] = 0
        if layout.task != "regression":
            slots[confusion(layout, before)] = confusion(small, after)
            slots[-1] = after[-1]  # several classes: rows with a probability
        if binary:
            for bins, into in zip(score_bins(layout, before), score_bins(small, after), strict=True):
                slots[bins] = into[np.arange(len(bins)) // step]
        return cls(small, slots)
