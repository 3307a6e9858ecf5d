"""How concept drift is judged: at which level and tolerance, and what several explanations leave of a finding."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Measurement
from detectors.rise import ENOUGH_WINDOWS, Rise

Array = NDArray[np.float64]

BEYOND = 2.0  # times the part that an end bin had in the reference: then its rows lie beyond those of the reference


@dataclass(frozen=True)
class Judging:
    """One number's level ``alpha``, and the ``tolerance`` above which it is a warning; of how many windows of the
    reference its spread is known, ``windows``."""

    alpha: float
    tolerance: float
    windows: int

    def told(self, found: Measurement, rise: Rise, place: int) -> Measurement:
        """The measurement with what it is judged by: one of the rises at this level."""
        details = {**found.details, "reference_windows": self.windows}
        if self.windows < ENOUGH_WINDOWS:
            details["short_reference"] = True
        return replace(
            found,
            effect=float(rise.effect[place]),
            effect_lower=float(rise.lower[place]),
            effect_upper=float(rise.upper[place]),
            p_value=1.0 if found.p_value is None else found.p_value,
            mde=float(rise.mde[place]),
            alpha=self.alpha,
            details=details,
        )


def less_sure(one: Measurement, other: Measurement | None) -> Measurement:
    """Of two that must both be beyond the tolerance, the one that is less."""
    if other is None:
        return one
    lower = [each.lower if each.effect_lower is None else each.effect_lower for each in (one, other)]
    return other if (lower[1] or 0.0) < (lower[0] or 0.0) else one


def beyond_range(now: Array, before: Array) -> NDArray[np.bool_]:
    """Which end bins, of rows of the window and the reference by bin [B], have to be left out: what rows beyond those
    of the reference are worth nobody knows, and an end bin takes them all."""
    share, usual = now / max(now.sum(), 1.0), before / max(before.sum(), 1.0)
    found = np.zeros(len(now), dtype=bool)
    ends = [0, -1]
    found[ends] = share[ends] > BEYOND * usual[ends]
    return found
