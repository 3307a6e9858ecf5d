"""Harmonic mean of precision and recall."""

from __future__ import annotations

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate, share
from detectors.performance.scored import LabelCounts, confusion


def f1(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """F1 = 2j / (1 + j) of the proportion j = TP / (TP + FP + FN); the limits are j's Wilson limits, so mapped."""
    table = confusion(layout, labels.counts)
    hits = float(table[1, 1])
    found = share(hits, float(table[1, :].sum() + table[:, 1].sum()) - hits, z)
    if found is None:
        return None
    value, lower, upper = (2 * j / (1 + j) for j in (found.value, found.lower, found.upper))
    return Estimate(value, lower, upper, found.rows, 2 * (found.error or 0.0) / (1 + found.value) ** 2)
