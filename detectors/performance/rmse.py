"""Root of the mean squared error."""

from __future__ import annotations

import numpy as np

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate, mean
from detectors.performance.scored import LabelCounts


def rmse(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """Log-normal interval: the relative error of the root is half that of the mean square (delta method)."""
    square = mean(labels.sums[2], labels.sums[3], labels.rows, z)
    if square is None or square.error is None:
        return None
    value = float(np.sqrt(square.value))
    half = z * square.error / (2 * square.value) if square.value > 0 else 0.0
    error = square.error / (2 * value) if value > 0 else 0.0
    return Estimate(value, value * float(np.exp(-half)), value * float(np.exp(half)), square.rows, error)
