"""Coefficient of determination: 1 - Σ(y - prediction)² / Σ(y - mean y)²."""

from __future__ import annotations

import numpy as np

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate, mean
from detectors.performance.scored import LabelCounts

_FARTHEST = 5.0  # of a logarithm: limits that far away say that nothing is known


def r2(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """Log-normal interval of the ratio of the two mean squares, their relative variances added: that of the error's
    from the data, that of the label's 2/n as for a normal one. Not defined where labels do not vary."""
    rows = labels.rows
    square = mean(labels.sums[2], labels.sums[3], rows, z)
    if square is None or square.error is None or rows < 2:
        return None
    variance = float(labels.sums[5] / rows - (labels.sums[4] / rows) ** 2)
    if not variance > 1e-12 * labels.sums[5] / rows:
        return None
    ratio = square.value / variance
    relative = (square.error / square.value) ** 2 if square.value > 0 else 0.0
    error = float(np.sqrt(relative + 2 / rows))  # of the logarithm
    factor = float(np.exp(min(z * error, _FARTHEST)))
    return Estimate(1 - ratio, 1 - ratio * factor, 1 - ratio / factor, square.rows, ratio * error)
