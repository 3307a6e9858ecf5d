"""Share of labelled rows predicted right."""

from __future__ import annotations

import numpy as np

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate, share
from detectors.performance.scored import LabelCounts, confusion


def right(layout: ScoreLayout, labels: LabelCounts) -> float:
    """Number of rows predicted right."""
    return float(np.trace(confusion(layout, labels.counts)[:-1, :-1]))


def accuracy(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """Wilson interval. A value that is none of the classes is never right."""
    return share(right(layout, labels), labels.weight, z)
