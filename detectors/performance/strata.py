"""Kinds of labelled rows whose labels may take differently long, as sums of the counts of label summaries.

In their order: one per class of truth (the last is any other value), then the parts of each class: binary the predicted
class (negative, positive, other), multiclass wrong and right; with scores also quarters of the score bins: binary of
either class, multiclass of the rows predicted wrong and of those predicted right, whatever their class, for counts have
no scores by class. Classes are one division of the labelled rows, and so are the parts. A regression has no strata: its
label summaries do not tell rows apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.scored import confusion, label_size, no_labels, score_bins, sparse

QUARTERS = 4


@dataclass(frozen=True)
class Strata:
    """``parents`` int64 [S]: the class of each (classes: themselves; -1: rows of several); ``cells`` int64 [C, C]: the
    part that each cell of truth x predicted belongs to; ``scores`` int64 [2, bins]: the quarter of each of both parts
    of ``score_bins``, empty without; ``of_slot`` int64 [Lc]: the part or quarter of each slot of the counts, -1 for
    none. ``others``: the part of rows predicted right whose value is none of the classes; there are as many as counts
    times ``lacking`` int64 [Lc]."""

    parents: NDArray[np.int64]
    cells: NDArray[np.int64]
    scores: NDArray[np.int64]
    of_slot: NDArray[np.int64]
    others: int
    lacking: NDArray[np.int64]

    @classmethod
    def of(cls, layout: ScoreLayout) -> Strata:
        """Of a layout that has classes."""
        size, bins = len(layout.classes) + 1, len(layout.score_cuts) + 1
        classes = np.arange(size)
        parts = size if layout.task == "binary" else 2
        within = np.broadcast_to(classes, (size, size)) if layout.task == "binary" else _right(size)
        cells = size + classes[:, None] * parts + within
        parents = [classes, np.repeat(classes, parts)]
        scores = np.empty((2, 0), np.int64)
        if len(layout.score_cuts):
            quarter = np.arange(bins) * QUARTERS // bins
            scores = size * (1 + parts) + np.arange(2)[:, None] * QUARTERS + quarter
            parents.append(np.repeat([0, 1] if layout.task == "binary" else [-1, -1], QUARTERS))
        slots, others = _slots(layout, cells, scores), int(size + (size - 1) * parts + parts - 1)
        return cls(np.concatenate(parents), cells, scores, slots, others, _lacking(layout))

    def count(self, data: Sequence[bytes]) -> NDArray[np.float64]:
        """Rows of each encoded group by stratum, [n, S]."""
        group, slot, value = sparse(data)
        stratum = self.of_slot[slot]
        kept = stratum >= 0
        size = len(self.parents)
        flat = np.bincount(group[kept] * size + stratum[kept], weights=value[kept], minlength=len(data) * size)
        counted: NDArray[np.float64] = flat.astype(np.float64).reshape(len(data), size)
        counted[:, self.others] += np.bincount(group, weights=value * self.lacking[slot], minlength=len(data))
        for part in np.unique(np.append(self.cells, self.others)):
            counted[:, self.parents[part]] += counted[:, part]
        return counted


def _right(size: int) -> NDArray[np.int64]:
    """Whether truth and prediction are one class; two values outside the classes that are the same are in no cell."""
    right = np.eye(size, dtype=np.int64)
    right[-1, -1] = 0
    return right


def _slots(layout: ScoreLayout, cells: NDArray[np.int64], scores: NDArray[np.int64]) -> NDArray[np.int64]:
    """By what the readers of counts see in each slot, so that there is one place that knows where things stand."""
    slots: NDArray[Any] = np.full(label_size(layout), -1, np.int64)
    numbered = np.arange(len(no_labels(layout).counts))
    slots[confusion(layout, numbered)] = cells
    if scores.size:
        for bins, quarters in zip(score_bins(layout, numbered), scores, strict=True):
            slots[bins] = quarters
    return slots


def _lacking(layout: ScoreLayout) -> NDArray[np.int64]:
    """Rows that the table of truth x predicted lacks are all rows without those in it."""
    found: NDArray[Any] = np.zeros(label_size(layout), np.int64)
    found[0] = 1
    confusion(layout, found)[...] = -1
    return found
