"""Mean negative log-likelihood of the truth, in nats."""

from __future__ import annotations

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate, mean
from detectors.performance.scored import LabelCounts, scored


def log_loss(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """Normal interval; not defined without probabilities."""
    return mean(labels.sums[0], labels.sums[1], scored(layout, labels.counts), z, least=0.0)
