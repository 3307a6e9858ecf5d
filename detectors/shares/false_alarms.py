"""What people called false alarms: evidence of a reference's unrest, beside its replay by itself."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor

import numpy as np
from numpy.typing import NDArray

from detectors.shares.cells import Cells
from detectors.shares.horizons import Horizon
from detectors.shares.stretches import answer_together
from detectors.shares.unrest import Hours

Array = NDArray[np.float64]

DAYS = 30  # of the month that a budget is for
MOST = 100.0  # ten times the deviation: what is farther off is no unrest of the reference
_EXACT = 1.05


@dataclass(frozen=True)
class FalseAlarm:
    """An incident at ``day`` (days since any moment); ``needed``: of every series that was at severity in it, how many
    times its variance would have to be for it not to have been."""

    day: float
    needed: Mapping[Hashable, float]

    def is_silent(self, factors: Mapping[Hashable, float]) -> bool:
        """Whether it would not have been, with the variance of series so many times as large."""
        return all(factors.get(series, 1.0) >= needed for series, needed in self.needed.items())


def silencing_factor(
    cells: Cells,
    known: Mapping[int, Horizon],
    stretch: Hours,
    ends: NDArray[np.int64],
    tolerance: Array,
    alpha: float,
) -> Array:
    """The least calibration, to a twentieth, with which no window at ``ends`` is certain to have moved by more than
    ``tolerance`` [F], [F], by halving, for a bound falls as the variance grows; ``MOST`` where none below it does."""
    low, high = np.zeros(len(cells.sizes)), np.full(len(cells.sizes), np.log(MOST))
    while (high - low).max() > np.log(_EXACT):
        middle = (low + high) / 2
        tried = {hours: replace(one, factor=np.exp(middle)) for hours, one in known.items()}
        told = answer_together(cells, tried, stretch, ends, tolerance, alpha).lower > tolerance
        low, high = np.where(told.any(axis=0), middle, low), np.where(told.any(axis=0), high, middle)
    found: Array = np.exp(high)
    return found


def widened(alarms: Sequence[FalseAlarm], per_month: float) -> dict[Hashable, float]:
    """The factors > 1 by series under which no month holds more false alarms than were promised: of a month with too
    many, those go that take least. Where less than one a month is promised, the stretch is as long as one is promised
    for. What a budget allows, is no evidence against the reference; nor is what no calibration silences.
    """
    days = DAYS * max(1.0, 1 / per_month)
    allowed = max(1, floor(per_month + 1e-9))
    factors: dict[Hashable, float] = {}
    heard: list[FalseAlarm] = []
    for alarm in sorted((one for one in alarms if one.needed), key=lambda one: one.day):
        heard = [one for one in (*heard, alarm) if not one.is_silent(factors)]
        while len(recent := [one for one in heard if one.day > alarm.day - days]) > allowed:
            may_go = [one for one in recent if max(one.needed.values()) < MOST]
            if not may_go:
                break
            least = min(may_go, key=lambda one: max(one.needed.values()))
            for series, needed in least.needed.items():
                factors[series] = max(factors.get(series, 1.0), needed)
            heard = [one for one in heard if not one.is_silent(factors)]
    return factors
