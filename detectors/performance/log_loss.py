"""Mean negative log-likelihood of the truth, in nats."""

from __future__ import annotations

from detectors.cuts import ScoreLayout
from detectors.performance.estimate import Estimate, mean
from detectors.performance.scored import LabelCounts, scored


def log_loss(layout: ScoreLayout, labels: LabelCounts) -> Estimate | None:
    """Normal interval; not defined without probabilities."""
    return mean(labels.sums[0], labels.sums[1], scored(layout, labels.counts))
