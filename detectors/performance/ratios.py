"""Metrics as a sum over a number of rows: both add up over hours, so an hour has its own.

Every function takes counts [..., Lc] and sums [..., S], which need not be whole, and answers the sum and the rows,
[...] each. The area under the ROC curve is no such ratio, but near a reference it is nearly one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.others import right
from detectors.performance.roc_auc import placements
from detectors.performance.scored import LabelCounts, confusion, score_bins, scored

Array = NDArray[np.float64]
Parts = tuple[Array, Array]
Ratio = Callable[[ScoreLayout, Array, Array], Parts]


def accuracy(layout: ScoreLayout, counts: Array, sums: Array) -> Parts:
    """Rows predicted right, of all."""
    return right(layout, counts), counts[..., 0]


def precision(layout: ScoreLayout, counts: Array, sums: Array) -> Parts:
    """Hits, of the rows predicted positive."""
    table = confusion(layout, counts)
    return table[..., 1, 1], table[..., :, 1].sum(axis=-1)


def recall(layout: ScoreLayout, counts: Array, sums: Array) -> Parts:
    """Hits, of the positive rows."""
    table = confusion(layout, counts)
    return table[..., 1, 1], table[..., 1, :].sum(axis=-1)


def f1(layout: ScoreLayout, counts: Array, sums: Array) -> Parts:
    """Hits twice, of the rows predicted positive and the positive ones."""
    table = confusion(layout, counts)
    return 2 * table[..., 1, 1], table[..., :, 1].sum(axis=-1) + table[..., 1, :].sum(axis=-1)


def log_loss(layout: ScoreLayout, counts: Array, sums: Array) -> Parts:
    """Log loss, of the rows with a probability."""
    return sums[..., 0], scored(layout, counts)


def brier(layout: ScoreLayout, counts: Array, sums: Array) -> Parts:
    """Brier loss, of the rows with a probability."""
    return sums[..., 2], scored(layout, counts)


def mae(layout: ScoreLayout, counts: Array, sums: Array) -> Parts:
    """Absolute errors, of all rows."""
    return sums[..., 1], counts[..., 0]


def mse(layout: ScoreLayout, counts: Array, sums: Array) -> Parts:
    """Squared errors, of all rows."""
    return sums[..., 2], counts[..., 0]


RATIOS: Mapping[str, Ratio] = {
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "log_loss": log_loss,
    "brier": brier,
    "mae": mae,
    "rmse": mse,
}


def area_near(reference: LabelCounts) -> Ratio:
    """The area, of the rows with a probability, to first order around that of a ``reference`` that has both classes: it
    plus the mean influence of the rows (Hampel 1974), which is their placement among the other class of the reference
    (DeLong 1988) less the area, by the share of their own class."""

    def ratio(layout: ScoreLayout, counts: Array, sums: Array) -> Parts:
        above, below, area = placements(layout, reference)
        then = score_bins(layout, reference.counts)
        n, m = (float(bins.sum()) for bins in then)
        negative, positive = score_bins(layout, counts)
        rows = scored(layout, counts)
        pull = positive @ (above - area) / m + negative @ (below - area) / n
        return area * rows + (n + m) * pull, rows

    return ratio
