"""Confidence-based performance estimation: what calibrated scores say of metrics before any label is there.

Each row is a positive with the probability that rows of such a score were in the reference (NannyML's CBPE). What
cannot be seen is that this probability itself changed: concept drift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

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


@dataclass(frozen=True)
class Ratio:
    """``top`` over ``bottom``, each with what it grows by for one more positive (one fewer negative) in each cell,
    [2, B]."""

    top: float
    bottom: float
    of_top: Array
    of_bottom: Array


def estimate_binary(metric: str, expected: Expected, calibration: Calibration) -> Estimate | None:
    """One metric with its 95 % interval; None where it is not defined, and of ``OF_POSITIVES`` where no row is
    predicted positive: then recall is 0, which says nothing of the model.

    Two things vary: each row's own chance (a Poisson binomial), and the error of the calibration, which all rows of a
    bin share. Of the area by the delta method. A ratio is below r where its top less r times its bottom is below zero,
    which is a sum, also where the bottom is a few rows (Fieller 1954).
    """
    nothing = metric in OF_POSITIVES and expected.rows[1].sum() <= 0
    found = None if nothing else BINARY[metric](expected)
    if found is None:
        return None
    value, pull = found
    estimate = _estimate(value, _covariance(expected, calibration, pull, pull), float(expected.rows.sum()))
    if metric not in RATIOS:
        return estimate
    lower, upper = _fieller(RATIOS[metric](expected), expected, calibration)
    return replace(estimate, lower=min(lower, value), upper=max(upper, value))


def _covariance(expected: Expected, calibration: Calibration, one: Array, other: Array) -> float:
    """Of two sums that grow by so much for one more positive in each cell, [2, B] each."""
    rows, share = expected.rows, expected.share
    chance = float((one * other * rows * share * (1 - share)).sum())
    return chance + float(((one * rows).sum(axis=0) * (other * rows).sum(axis=0) * calibration.variance).sum())


def _fieller(one: Ratio, expected: Expected, calibration: Calibration) -> tuple[float, float]:
    """All r in [0, 1] with |top - r bottom| <= z sd(top - r bottom)."""
    of_top, mixed, of_bottom = (
        _covariance(expected, calibration, *pulls)
        for pulls in ((one.of_top, one.of_top), (one.of_top, one.of_bottom), (one.of_bottom, one.of_bottom))
    )
    square = one.bottom**2 - Z95**2 * of_bottom
    middle = one.top * one.bottom - Z95**2 * mixed
    left = one.top**2 - Z95**2 * of_top
    if square <= 0:  # the bottom may as well be none
        return 0.0, 1.0
    reach = float(np.sqrt(max(middle**2 - square * left, 0.0)))
    return max(0.0, (middle - reach) / square), min(1.0, (middle + reach) / square)


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


def _accuracy(one: Expected) -> Ratio:
    right = one.positives[1].sum() + (one.rows - one.positives)[0].sum()
    return Ratio(float(right), float(one.rows.sum()), _sides(one, -1.0, 1.0), _sides(one, 0.0, 0.0))


def _precision(one: Expected) -> Ratio:
    claimed = float(one.rows[1].sum())
    return Ratio(float(one.positives[1].sum()), claimed, _sides(one, 0.0, 1.0), _sides(one, 0.0, 0.0))


def _recall(one: Expected) -> Ratio:
    missed, found = one.positives.sum(axis=1).tolist()
    return Ratio(found, missed + found, _sides(one, 0.0, 1.0), _sides(one, 1.0, 1.0))


def _f1(one: Expected) -> Ratio:
    claimed, (missed, found) = float(one.rows[1].sum()), one.positives.sum(axis=1).tolist()
    return Ratio(2 * found, claimed + missed + found, _sides(one, 0.0, 2.0), _sides(one, 1.0, 1.0))


def _value(ratio: Callable[[Expected], Ratio], expected: Expected) -> tuple[float, Array] | None:
    one = ratio(expected)
    if one.bottom <= 0:
        return None
    value = one.top / one.bottom
    return value, (one.of_top - value * one.of_bottom) / one.bottom


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


RATIOS: Mapping[str, Callable[[Expected], Ratio]] = {
    "accuracy": _accuracy,
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
}
# Each answers with the value and its derivative for one more positive (one fewer negative) in each cell, [2, B].
BINARY: Mapping[str, Callable[[Expected], tuple[float, Array] | None]] = {
    **{name: partial(_value, ratio) for name, ratio in RATIOS.items()},
    "roc_auc": _roc_auc,
}
OF_POSITIVES = ("precision", "recall", "f1")
