"""Harmonic mean of precision and recall."""

from __future__ import annotations

from detectors.cuts import ScoreLayout
from detectors.performance.estimate import Estimate, share
from detectors.performance.scored import LabelCounts, confusion


def f1(layout: ScoreLayout, labels: LabelCounts) -> Estimate | None:
    """F1 = 2j / (1 + j) of the proportion j = TP / (TP + FP + FN); the limits are j's Wilson limits, so mapped."""
    table = confusion(layout, labels.counts)
    hits = float(table[1, 1])
    found = share(hits, float(table[1, :].sum() + table[:, 1].sum()) - hits)
    if found is None:
        return None
    value, lower, upper = (2 * j / (1 + j) for j in (found.value, found.lower, found.upper))
    return Estimate(value, lower, upper, found.rows)
