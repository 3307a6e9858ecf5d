"""The day and the week as the terms of a harmonic regression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DAY, WEEK = 24, 168
CONSTANT, DAILY, WEEKLY = 1, 9, 18  # terms of a baseline that knows neither, the day alone, the day and the week
_THURSDAY = 3  # 1970-01-01, counted from Monday


def terms(hours: NDArray[np.int64]) -> Array:
    """Design rows [T, 18] of hours since 1970: a constant; 4 daily harmonics; the weekend, its own 2 daily harmonics,
    and 2 weekly harmonics. A model with fewer terms uses the first 1 or 9."""
    day, week = (2 * np.pi * (hours % period) / period for period in (DAY, WEEK))
    weekend = ((hours // DAY + _THURSDAY) % 7 >= 5).astype(np.float64)
    daily = [wave(k * day) for k in (1, 2, 3, 4) for wave in (np.cos, np.sin)]
    at_weekends = [weekend * wave(k * day) for k in (1, 2) for wave in (np.cos, np.sin)]
    weekly = [wave(k * week) for k in (1, 2) for wave in (np.cos, np.sin)]
    return np.stack([np.ones(len(hours)), *daily, weekend, *at_weekends, *weekly], axis=1)


def affordable(hours: NDArray[np.int64]) -> int:
    """The most terms that so many hours can tell: the day needs four days of hours, the week fourteen."""
    if len(hours) == 0:
        return CONSTANT
    span = int(hours[-1] - hours[0]) + 1
    if span >= 2 * WEEK and len(hours) >= WEEK:
        return WEEKLY
    return DAILY if span >= 4 * DAY and len(hours) >= 3 * DAY else CONSTANT
