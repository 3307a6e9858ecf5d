"""Confidence-based performance estimation: what calibrated scores say of metrics before any label is there.

Each row is a positive with the probability that rows of such a score were in the reference (NannyML's CBPE). What
cannot be seen is that this probability itself changed: concept drift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.estimation.calibration import Calibration
from detectors.intervals import Z95
from detectors.performance.estimate import Estimate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Expected:
    """A binary window by score bin: ``rows`` [2, B], first those predicted negative, then positive; ``share`` [B] of
    positives that is expected."""

    rows: Array
    share: Array

    @property
    def positives(self) -> Array:
        """Expected positives, [2, B]."""
        return self.rows * self.share


def split(rows: Array, positive_share: float) -> Array:
    """Rows by bin [B] apart by predicted class, [2, B], where the class is positive from some score on: the highest
    ``positive_share`` of the rows are."""
    above = np.cumsum(rows[::-1])[::-1] - rows
    positive = np.clip(positive_share * rows.sum() - above, 0, rows)
    return np.stack([rows - positive, positive])


def estimate_binary(metric: str, expected: Expected, calibration: Calibration) -> Estimate | None:
    """One metric with its 95 % interval; None where it is not defined, and of ``OF_POSITIVES`` where no row is predicted
    positive: then recall is 0, which says nothing of the model.

    By the delta method: each row's own chance (a Poisson binomial), and the error of the calibration, which all rows of
    a bin share.
    """
    nothing = metric in OF_POSITIVES and expected.rows[1].sum() <= 0
    found = None if nothing else BINARY[metric](expected)
    if found is None:
        return None
    value, pull = found
    chance = float((pull**2 * expected.rows * expected.share * (1 - expected.share)).sum())
    of_bin = (pull * expected.rows).sum(axis=0)
    return _estimate(value, chance + float((of_bin**2 * calibration.variance).sum()), float(expected.rows.sum()))


def estimate_accuracy(rows: Array, calibration: Calibration) -> Estimate | None:
    """Of several classes, from rows by bin of the highest probability [B] and the calibrated share of right ones."""
    total = float(rows.sum())
    if total <= 0:
        return None
    weight, share = rows / total, calibration.share
    chance = float((weight * share * (1 - share)).sum()) / total
    return _estimate(float(weight @ share), chance + float(weight**2 @ calibration.variance), total)


def _estimate(value: float, variance: float, rows: float) -> Estimate:
    error = float(np.sqrt(variance))
    return Estimate(
        value, max(0.0, value - Z95 * error), min(1.0, value + Z95 * error), round(rows), error, {"rows": round(rows)}
    )


# Each answers with the value and its derivative for one more positive (one fewer negative) in each cell, [2, B].
Metric = Callable[[Expected], tuple[float, Array] | None]


def _accuracy(one: Expected) -> tuple[float, Array] | None:
    total = one.rows.sum()
    if total <= 0:
        return None
    right = one.positives[1].sum() + (one.rows - one.positives)[0].sum()
    return float(right / total), _sides(one, -1 / total, 1 / total)


def _precision(one: Expected) -> tuple[float, Array] | None:
    claimed = one.rows[1].sum()
    return None if claimed <= 0 else (float(one.positives[1].sum() / claimed), _sides(one, 0.0, 1 / claimed))


def _recall(one: Expected) -> tuple[float, Array] | None:
    missed, found = one.positives.sum(axis=1)
    total = missed + found
    return None if total <= 0 else (float(found / total), _sides(one, -found / total**2, missed / total**2))


def _f1(one: Expected) -> tuple[float, Array] | None:
    claimed, (missed, found) = one.rows[1].sum(), one.positives.sum(axis=1)
    total = claimed + missed + found
    if total <= 0:
        return None
    return float(2 * found / total), _sides(one, -2 * found / total**2, 2 * (total - found) / total**2)


def _roc_auc(one: Expected) -> tuple[float, Array] | None:
    positive = one.positives.sum(axis=0)
    negative = one.rows.sum(axis=0) - positive
    n, m = float(negative.sum()), float(positive.sum())
    if n <= 0 or m <= 0:
        return None
    above = (np.cumsum(negative) - negative / 2) / n
    below = 1 - (np.cumsum(positive) - positive / 2) / m
    area = float(positive @ above / m)
    pull = (above - area) / m - (below - area) / n
    return area, np.stack([pull, pull])


def _sides(one: Expected, negative: float, positive: float) -> Array:
    return np.stack([np.full(one.rows.shape[1], negative), np.full(one.rows.shape[1], positive)])


BINARY: Mapping[str, Metric] = {
    "accuracy": _accuracy,
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
    "roc_auc": _roc_auc,
}
OF_POSITIVES = ("precision", "recall", "f1")
