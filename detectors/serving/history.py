"""The same hours of the week, in the weeks before: what a window of traffic is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import Z95, t_quantile

LEAST_WEEKS = 2


@dataclass(frozen=True)
class Ratio:
    """A window's value over the mean of its history, with a 95 % interval."""

    effect: float
    lower: float
    upper: float


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
    critical = float(t_quantile(0.025, max(len(logs) - 1, 1)))
    half = max(critical * spread, Z95 * noise)
    effect = value / mean
    with np.errstate(over="ignore"):
        upper = float(min(effect * np.exp(min(half, 700.0)), 1e300))
    return Ratio(effect, float(effect * np.exp(-half)), upper)
