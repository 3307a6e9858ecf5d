"""Precision, recall and F1 of each class, averaged over the classes that occur (multiclass). All values that are none
of the model's classes are one class together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate
from detectors.performance.others import table_and_hits
from detectors.performance.scored import LabelCounts

Array = NDArray[np.float64]


def macro_precision(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """A class that occurs but is never predicted counts 0."""
    table, hits = table_and_hits(layout, labels.counts)
    return _average(table, hits, table.sum(axis=0), z)


def macro_recall(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """A class that is predicted but never occurs counts 0."""
    table, hits = table_and_hits(layout, labels.counts)
    return _average(table, hits, table.sum(axis=1), z)


def macro_f1(layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
    """F1 = 2j / (1 + j) of the proportion j = TP / (TP + FP + FN) of each class."""
    table, hits = table_and_hits(layout, labels.counts)
    return _average(table, hits, table.sum(axis=0) + table.sum(axis=1) - hits, z, of_f1=True)


def _average(table: Array, hits: Array, rows: Array, z: float, *, of_f1: bool = False) -> Estimate | None:
    """Mean over classes; normal interval from the binomial variance of each, by the delta method for F1."""
    occurs = (table.sum(axis=0) + table.sum(axis=1)) > 0
    if not occurs.any():
        return None
    hits, rows = hits[occurs], rows[occurs]
    each = hits / np.maximum(rows, 1)
    variance = each * (1 - each) / np.maximum(rows, 1)
    if of_f1:
        variance = variance * (2 / (1 + each) ** 2) ** 2
        each = 2 * each / (1 + each)
    value, error = float(each.mean()), float(np.sqrt(variance.sum()) / len(each))
    lower, upper = max(0.0, value - z * error), min(1.0, value + z * error)
    return Estimate(value, lower, upper, round(float(table.sum())), error)
