"""How much worse than the reference, for the metrics that are judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.cuts import ScoreLayout
from detectors.performance.accuracy import right
from detectors.performance.estimate import Estimate, Score
from detectors.performance.mae import mae
from detectors.performance.reach import estimates
from detectors.performance.roc_auc import LEAST_OF_EACH, roc_auc
from detectors.performance.scored import LabelCounts
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


@dataclass(frozen=True)
class Compared:
    """A window's labelled rows, the reference's, those of the reference's own windows, and what share of wrong rows is
    usual at its hours, where that is known."""

    layout: ScoreLayout
    current: LabelCounts
    reference: LabelCounts
    windows: Sequence[LabelCounts]
    usual: UsualErrors | None = None


Loss = Callable[[Compared, float, float], Rise | None]


def loss_of_accuracy(compared: Compared, tolerance: float, alpha: float) -> Rise | None:
    """accuracy of the reference - accuracy: the rise of the share of wrong rows; over what is usual at the window's
    hours, with the share engine's error, where that is known."""
    layout, windows = compared.layout, compared.windows
    rows = [np.array([one.weight]) for one in (compared.current, compared.reference)]
    wrong = [np.array([one.weight - right(layout, one)]) for one in (compared.current, compared.reference)]
    if compared.usual is not None:
        usual = compared.usual
        before = np.clip(usual.share, 0, 1) * rows[1]
        alone = rise_of_share(wrong[0], rows[0], before, rows[1], nothing_known(1), tolerance, alpha)
        return widened_by(alone, np.array([usual.deviation]), np.array([usual.degrees]), tolerance, alpha)
    each = np.array([[one.rows - right(layout, one), one.rows] for one in windows]).reshape(-1, 2)
    spread = spread_of_shares(each[:, :1], each[:, 1:])
    return rise_of_share(wrong[0], rows[0], wrong[1], rows[1], spread, tolerance, alpha)


def loss_of_roc_auc(compared: Compared, tolerance: float, alpha: float) -> Rise | None:
    """area of the reference - area; none where a class has fewer than 10 rows."""
    now, then = roc_auc(compared.layout, compared.current), roc_auc(compared.layout, compared.reference)
    if not (_enough(now) and _enough(then)) or now is None or then is None:
        return None
    effect, error = np.array([then.value - now.value]), np.hypot([now.error or 0.0], [then.error or 0.0])
    return rise_of_estimate(effect, error, _spread(roc_auc, compared), tolerance, alpha)


def loss_of_mae(compared: Compared, tolerance: float, alpha: float) -> Rise | None:
    """Relative rise of the mean absolute error, on the logarithm's scale; none where either is zero."""
    now, then = mae(compared.layout, compared.current), mae(compared.layout, compared.reference)
    if now is None or then is None or min(now.value, then.value) <= 0:
        return None
    effect = np.array([np.log(now.value / then.value)])
    error = np.hypot([(now.error or 0.0) / now.value], [(then.error or 0.0) / then.value])
    spread = _spread(mae, compared, logarithm=True)
    rise = rise_of_estimate(effect, error, spread, float(np.log1p(tolerance)), alpha)
    low, high = np.expm1(rise.lower), np.expm1(rise.upper)
    return Rise(np.expm1(rise.effect), low, high, rise.p_value, np.expm1(rise.mde))


def _enough(found: Estimate | None) -> bool:
    return found is not None and min(found.details["positives"], found.details["negatives"]) >= LEAST_OF_EACH


def _spread(score: Score, compared: Compared, *, logarithm: bool = False) -> Spread:
    found = estimates(compared.layout, score, compared.windows)
    values = np.array([one.value for one in found if one is not None])
    values = np.log(values[values > 0]) if logarithm else values
    return spread_of(values.reshape(-1, 1), np.ones((len(values), 1), dtype=bool))
