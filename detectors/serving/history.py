"""The same hours of the week, in the weeks before: what a window of traffic is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import Z95, t_quantile
from detectors.rise import Z_POWER

LEAST_WEEKS = 2


@dataclass(frozen=True)
class Ratio:
    """A window's value over the mean of its history, with a 95 % interval; ``mde``: the smallest rise (a ratio; of a
    fall, its inverse) whose interval would have left 1 out with 90 % power."""

    effect: float
    lower: float
    upper: float
    mde: float | None = None


def ratio_to_weeks(value: float, history: NDArray[np.float64], noise: float) -> Ratio | None:
    """``value`` / mean of ``history`` (one positive value per week, [K]); ``None`` under 2 weeks.

    Student's t with K - 1 degrees on logarithms: the error of predicting one more week, S sqrt(1 + 1/K), and never
    less than ``noise``, the standard error of the logarithm that counting alone brings. A value of zero has ratio 0.
    """
    if len(history) < LEAST_WEEKS:
        return None
    mean = float(history.mean())
    if value <= 0 or mean <= 0:
        return Ratio(0.0, 0.0, 0.0) if mean > 0 else None
    logs = np.log(history[history > 0])
    spread = float(logs.std(ddof=1)) * np.sqrt(1 + 1 / len(logs)) if len(logs) >= LEAST_WEEKS else 0.0
    critical, power = (float(t_quantile(alpha, max(len(logs) - 1, 1))) for alpha in (0.025, 0.1))
    half, more = max(critical * spread, Z95 * noise), max(power * spread, Z_POWER * noise)
    effect = value / mean
    lower, upper, mde = effect * _exp(-half), effect * _exp(half), _exp(half + more)
    return Ratio(effect, lower, min(upper, 1e300), min(mde, 1e300))


def _exp(power: float) -> float:
    return float(np.exp(min(power, 690.0)))
