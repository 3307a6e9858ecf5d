"""Of the rows predicted positive, the share that were."""

from __future__ import annotations

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate, share
from detectors.performance.scored import LabelCounts, confusion


def precision(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """Wilson interval; not defined where nothing was predicted positive."""
    table = confusion(layout, labels.counts)
    return share(table[1, 1], table[:, 1].sum(), z)
