"""How many hours a reference covers: those without traffic after its last row belong to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.shares.seasons import DAY, WEEK


def covered(hours: NDArray[np.int64]) -> int:
    """Hours from the first of ``hours`` [T] (with rows, increasing, not empty) on that are covered.

    That is up to the next hour of the week at which there was ever a row (of the day, where there are no two weeks): a
    week of business hours ends on Monday, and a night's batch the night after. Of two weeks or more, less than a day
    that lacks to whole weeks is covered, too: the first row need not come at midnight.
    """
    span = int(hours[-1] - hours[0]) + 1
    period = WEEK if span >= 2 * WEEK else DAY
    if span < 2 * period:
        return span
    ahead = (np.unique(hours % period) - hours[-1] - 1) % period
    span += int(ahead.min())
    lacking = -span % WEEK
    return span + lacking if lacking < DAY and period == WEEK else span
