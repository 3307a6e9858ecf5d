"""How much worse than the reference: for the metrics that are judged, and those that a check may ask a drop of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.measurement import MINIMUM_ROWS
from detectors.performance.estimate import Estimate, Score
from detectors.performance.mae import mae
from detectors.performance.others import right
from detectors.performance.reach import estimates
from detectors.performance.rmse import rmse
from detectors.performance.roc_auc import LEAST_OF_EACH, roc_auc
from detectors.performance.scored import LabelCounts, confusion
from detectors.performance.usual import UsualValue
from detectors.rise import (
    Rise,
    Spread,
    nothing_known,
    rise_of_estimate,
    rise_of_share,
    spread_of,
    spread_of_shares,
    widened_by,
)
from detectors.shares.errors import UsualErrors

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """A window's labelled rows, the reference's, those of the reference's own windows, and what the metric usually is
    at its hours, where that is known: of accuracy the share of wrong rows. Then the loss is counted from there, with
    the share engine's error; else from all of the reference, with the spread of its windows."""

    layout: ScoreLayout
    current: LabelCounts
    reference: LabelCounts
    windows: Sequence[LabelCounts]
    usual: UsualErrors | UsualValue | None = None


Loss = Callable[[Compared, float, float], Rise | None]


def loss_of_accuracy(compared: Compared, tolerance: float, alpha: float) -> Rise | None:
    """accuracy of the reference - accuracy: the rise of the share of wrong rows."""
    layout, windows = compared.layout, compared.windows
    rows = [np.array([one.weight]) for one in (compared.current, compared.reference)]
    wrong = [np.array([one.weight - right(layout, one.counts)]) for one in (compared.current, compared.reference)]
    each = np.array([[one.rows - right(layout, one.counts), one.rows] for one in windows]).reshape(-1, 2)
    return _of_shares(compared, wrong, rows, each, tolerance, alpha)


def loss_of_roc_auc(compared: Compared, tolerance: float, alpha: float) -> Rise | None:
    """area of the reference - area; none where a class has fewer than 10 rows."""
    now, then = roc_auc(compared.layout, compared.current), roc_auc(compared.layout, compared.reference)
    if not (_enough(now) and _enough(then)) or now is None or then is None:
        return None
    return _beyond(roc_auc, -1.0, compared, now, then, tolerance, alpha)


def loss_of_precision(compared: Compared, tolerance: float, alpha: float) -> Rise | None:
    """precision of the reference - precision: the rise of the share of negatives among rows predicted positive."""
    return _rise_among(_claimed, compared, tolerance, alpha)


def loss_of_recall(compared: Compared, tolerance: float, alpha: float) -> Rise | None:
    """recall of the reference - recall: the rise of the share of positives that were missed."""
    return _rise_among(_positive, compared, tolerance, alpha)


def fall_of(score: Score) -> Loss:
    """Value of the reference - value, with the standard errors of both; none with fewer than 30 rows."""
    return partial(_change, score, -1.0)


def rise_of(score: Score) -> Loss:
    """Value - value of the reference, of a metric that rises as things get worse."""
    return partial(_change, score, 1.0)


def loss_of_mae(compared: Compared, tolerance: float, alpha: float) -> Rise | None:
    """Relative rise of the mean absolute error; see ``_relative``."""
    return _relative(mae, compared, tolerance, alpha)


def loss_of_rmse(compared: Compared, tolerance: float, alpha: float) -> Rise | None:
    """Relative rise of the root of the mean squared error; see ``_relative``."""
    return _relative(rmse, compared, tolerance, alpha)


def _claimed(layout: ScoreLayout, labels: LabelCounts) -> tuple[float, float]:
    """Of the rows predicted positive: those that were not, and all."""
    claimed = confusion(layout, labels.counts)[:, 1]
    return float(claimed.sum() - claimed[1]), float(claimed.sum())


def _positive(layout: ScoreLayout, labels: LabelCounts) -> tuple[float, float]:
    """Of the positive rows: those that were predicted to be none, and all."""
    positive = confusion(layout, labels.counts)[1]
    return float(positive.sum() - positive[1]), float(positive.sum())


def _rise_among(
    share: Callable[[ScoreLayout, LabelCounts], tuple[float, float]],
    compared: Compared,
    tolerance: float,
    alpha: float,
) -> Rise | None:
    """None where either has no such rows."""
    (x, n), (y, m) = (share(compared.layout, one) for one in (compared.current, compared.reference))
    if min(n, m) <= 0:
        return None
    each = np.array([share(compared.layout, one) for one in compared.windows]).reshape(-1, 2)
    wrong, rows = [np.array([x]), np.array([y])], [np.array([n]), np.array([m])]
    return _of_shares(compared, wrong, rows, each, tolerance, alpha)


def _of_shares(
    compared: Compared, wrong: Sequence[Array], rows: Sequence[Array], each: Array, tolerance: float, alpha: float
) -> Rise:
    """Of ``wrong`` among ``rows`` of the window over those of the reference, [1] each, whose own windows are ``each``
    [K, 2]."""
    usual = compared.usual
    if usual is None:
        spread = spread_of_shares(each[:, :1], each[:, 1:])
        return rise_of_share(wrong[0], rows[0], wrong[1], rows[1], spread, tolerance, alpha)
    before = np.clip(1 - usual.value, 0, 1) * rows[1]
    alone = rise_of_share(wrong[0], rows[0], before, rows[1], nothing_known(1), tolerance, alpha)
    return _widened(alone, usual, usual.deviation, tolerance, alpha)


def _change(score: Score, sign: float, compared: Compared, tolerance: float, alpha: float) -> Rise | None:
    now, then = score(compared.layout, compared.current), score(compared.layout, compared.reference)
    if now is None or then is None or min(now.rows, then.rows) < MINIMUM_ROWS:
        return None
    return _beyond(score, sign, compared, now, then, tolerance, alpha)


def _beyond(
    score: Score, sign: float, compared: Compared, now: Estimate, then: Estimate, tolerance: float, alpha: float
) -> Rise:
    error, usual = np.hypot([now.error or 0.0], [then.error or 0.0]), compared.usual
    if usual is None:
        effect = np.array([sign * (now.value - then.value)])
        return rise_of_estimate(effect, error, _spread(score, compared), tolerance, alpha)
    effect = np.array([sign * (now.value - usual.value)])
    alone = rise_of_estimate(effect, error, nothing_known(1), tolerance, alpha)
    return _widened(alone, usual, usual.deviation, tolerance, alpha)


def _widened(alone: Rise, usual: UsualErrors | UsualValue, deviation: float, tolerance: float, alpha: float) -> Rise:
    return widened_by(alone, np.array([deviation]), np.array([usual.degrees]), tolerance, alpha)


def _relative(score: Score, compared: Compared, tolerance: float, alpha: float) -> Rise | None:
    """Relative rise, on the logarithm's scale; none where either is zero."""
    now, then = score(compared.layout, compared.current), score(compared.layout, compared.reference)
    if now is None or then is None or min(now.value, then.value) <= 0:
        return None
    error = np.hypot([(now.error or 0.0) / now.value], [(then.error or 0.0) / then.value])
    allowed = float(np.log1p(tolerance))
    usual = compared.usual
    effect = np.log([now.value / (then if usual is None else usual).value])
    if usual is None:
        rise = rise_of_estimate(effect, error, _spread(score, compared, logarithm=True), allowed, alpha)
    else:
        alone = rise_of_estimate(effect, error, nothing_known(1), allowed, alpha)
        rise = _widened(alone, usual, usual.deviation / usual.value, allowed, alpha)
    low, high = np.expm1(rise.lower), np.expm1(rise.upper)
    return Rise(np.expm1(rise.effect), low, high, rise.p_value, np.expm1(rise.mde))


def _enough(found: Estimate | None) -> bool:
    return found is not None and min(found.details["positives"], found.details["negatives"]) >= LEAST_OF_EACH


def _spread(score: Score, compared: Compared, *, logarithm: bool = False) -> Spread:
    found = estimates(compared.layout, score, compared.windows)
    values = np.array([one.value for one in found if one is not None])
    values = np.log(values[values > 0]) if logarithm else values
    return spread_of(values.reshape(-1, 1), np.ones((len(values), 1), dtype=bool))
