"""Mean squared difference of probability and truth (Brier 1950); binary: of the positive class alone."""

from __future__ import annotations

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate, mean
from detectors.performance.scored import LabelCounts, scored


def brier(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """Normal interval; not defined without probabilities."""
    return mean(labels.sums[2], labels.sums[3], scored(layout, labels.counts), z, least=0.0)
