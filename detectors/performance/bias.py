"""Mean of prediction minus label."""

from __future__ import annotations

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate, mean
from detectors.performance.scored import LabelCounts


def bias(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """Normal interval."""
    return mean(labels.sums[0], labels.sums[2], labels.rows, z)
