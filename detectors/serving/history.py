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
    """``value`` / mean of those of ``history`` (one value per week, [K]) that are not zero: a missed week says nothing
    of how much is usual. ``None`` with fewer than 2 of them; a value of zero has ratio 0 where most weeks are not.

    Student's t with K - 1 degrees on logarithms: the error of predicting one more week, S sqrt(1 + 1/K), and never
    less than ``noise``, the standard error of the logarithm that counting alone brings.
    """
    weeks = history[history > 0]
    if len(weeks) < LEAST_WEEKS:
        return None
    if value <= 0:
        return Ratio(0.0, 0.0, 0.0) if 2 * len(weeks) > len(history) else None
    spread = float(np.log(weeks).std(ddof=1)) * np.sqrt(1 + 1 / len(weeks))
    critical, power = (float(t_quantile(alpha, len(weeks) - 1)) for alpha in (0.025, 0.1))
    half, more = max(critical * spread, Z95 * noise), max(power * spread, Z_POWER * noise)
    effect = value / float(weeks.mean())
    lower, upper, mde = effect * _exp(-half), effect * _exp(half), _exp(half + more)
    return Ratio(effect, lower, min(upper, 1e300), min(mde, 1e300))


def _exp(power: float) -> float:
    return float(np.exp(min(power, 690.0)))
