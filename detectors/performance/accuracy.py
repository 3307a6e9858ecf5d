"""Share of labelled rows predicted right."""

from __future__ import annotations

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate, share
from detectors.performance.others import right
from detectors.performance.scored import LabelCounts


def accuracy(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """Wilson interval."""
    return share(float(right(layout, labels.counts)), labels.weight, z)
