"""Area under the ROC curve: how often a positive row scores above a negative one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate
from detectors.performance.scored import LabelCounts, score_bins

Array = NDArray[np.float64]

LEAST_OF_EACH = 10  # fewer rows of a class say nothing about a standard error


def roc_auc(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """From score bins, ties counting half, with DeLong's (1988) standard error of the binned scores.

    ``details.error_bound``: binning moves the area by at most half the pairs that share a bin. Not defined without
    rows of both classes. The error is never taken below half a row of the smaller class.
    """
    if not len(layout.score_cuts):
        return None
    negative, positive = (bins.astype(np.float64) for bins in score_bins(layout, labels.counts))
    n, m = float(negative.sum()), float(positive.sum())
    if n <= 0 or m <= 0:
        return None
    above, below, area = placements(layout, labels)
    variance = (positive @ (above - area) ** 2 / m) / max(m - 1, 1) + (negative @ (below - area) ** 2 / n) / max(
        n - 1, 1
    )
    error = max(float(np.sqrt(variance)), 0.5 / min(n, m))
    lower, upper = max(0.0, area - z * error), min(1.0, area + z * error)
    details = {"error_bound": float(negative @ positive / (2 * n * m)), "positives": round(m), "negatives": round(n)}
    return Estimate(area, lower, upper, round(n + m), error, details)


def placements(layout: ScoreLayout, labels: LabelCounts) -> tuple[Array, Array, float]:
    """For a positive row of each bin the share of negatives below it, for a negative one that of positives above it,
    [B] each, ties counting half; and the area, the mean of either. Both classes have rows."""
    negative, positive = (bins.astype(np.float64) for bins in score_bins(layout, labels.counts))
    n, m = float(negative.sum()), float(positive.sum())
    above = (np.cumsum(negative) - negative / 2) / n
    below = 1 - (np.cumsum(positive) - positive / 2) / m
    return above, below, float(positive @ above / m)
