"""The last hours of a window, looked at beside the whole of it: what began in its middle is told sooner."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from detectors.profile import Reference
from detectors.shares.bounds import Answer
from detectors.shares.cells import Cells
from detectors.shares.engine import KNOWN, known_horizons, share_known
from detectors.shares.horizons import Horizon, answer
from detectors.shares.seasons import DAY
from detectors.shares.unrest import Hours

Array = NDArray[np.float64]

_WHOLE = 0.5  # of the level; the stretches share the rest


def stretches(length: int) -> tuple[int, ...]:
    """How many of a window's last hours are looked at by themselves: two thirds, half and a third of them up to half a
    day, half of longer ones, whole days of more than two. A window an hour or two long is looked at as it is."""
    if length < 3:
        return ()
    if length <= DAY // 2:
        return tuple(sorted({length * 2 // 3, length // 2, length // 3}, reverse=True))
    return (length // 2 if length <= 2 * DAY else length // (2 * DAY) * DAY,)


def levels(length: int) -> dict[int, float]:
    """The part of the level that each test of a window has; the whole window comes first."""
    parts = stretches(length)
    if not parts:
        return {length: 1.0}
    return {length: _WHOLE, **{part: (1 - _WHOLE) / len(parts) for part in parts}}


def horizons_of(
    cells: Cells, reference: Reference, length: int, tolerance: float, alpha: float
) -> dict[int, Horizon] | None:
    """What a reference knows of windows of ``length`` hours and of their last stretches, the whole first; None where
    it knows nothing of hours. Of a mixed reference, without stretches that are mostly of a part that knows nothing."""
    parts = {
        hours: part * alpha
        for hours, part in levels(length).items()
        if hours == length or share_known(reference, hours) >= KNOWN
    }
    return known_horizons(cells, reference, parts, tolerance)


def answer_together(
    cells: Cells,
    known: Mapping[int, Horizon],
    stretch: Hours,
    ends: NDArray[np.int64],
    tolerance: Array,
    alpha: float,
) -> Answer:
    """``answer`` of whole windows, or of the stretch at their end that is certain where the whole is not; the level is
    divided between them, so the p-value is that of the least one over its part (Bonferroni), [W, F] each."""
    length, *parts = known
    share = levels(length)
    found = answer(cells, known[length], stretch, ends, tolerance, share[length] * alpha)
    found = found.at_level(share[length])
    for hours in parts:
        one = answer(cells, known[hours], stretch, ends, tolerance, share[hours] * alpha).at_level(share[hours])
        found = found.or_else(one, hours, (found.lower < tolerance) & (one.lower >= tolerance))
    return found
