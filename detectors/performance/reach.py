"""How wide the interval of a metric has to be: rows of an hour, and of nearby hours, are seldom independent.

What knows best is asked: the reference's windows of this length and shorter ones, where there are 8; else the window's
own hours (moving blocks), which cannot tell the rhythm of a day or a week from unrest. An interval is never narrower
than that of independent rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import special

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95, t_quantile
from detectors.performance.blocks import Drawings
from detectors.performance.estimate import Estimate, Score
from detectors.performance.hourly import LabelHours
from detectors.performance.scored import LabelCounts, LabelWindows
from detectors.performance.weighting import Weighting
from detectors.rise import ENOUGH_WINDOWS

_EACH_SIDE = 0.025
_LEAST = 1e-3
_LEAST_DEGREES = 2.0


@dataclass(frozen=True, eq=False)
class Unrest:
    """What is known of how a window's hours go together: its own ``hours``, the reference's ``windows`` of its length,
    and ``shorter`` ones, each of ``part`` of its hours."""

    hours: LabelHours | None = None
    windows: Sequence[LabelCounts] = ()
    shorter: Sequence[LabelCounts] = ()
    part: float = 1.0

    def limits(
        self, layout: ScoreLayout, metric: str, score: Score, labels: LabelCounts, weighting: Weighting | None = None
    ) -> Estimate | None:
        """The metric of ``labels``, with 95 % limits that are as wide as they must be; ``details.widened``: how many
        times as wide as independent rows would have them. ``weighting``: what made ``labels`` of the window's hours."""
        rows = score(layout, labels)
        if rows is None:
            return None
        reach = self._reach(layout, metric, score, rows, weighting)
        wide = score(layout, labels, reach) if reach > Z95 else None
        if wide is None:
            return rows
        return replace(wide, details={**wide.details, "widened": reach / Z95})

    def _reach(
        self, layout: ScoreLayout, metric: str, score: Score, rows: Estimate, weighting: Weighting | None
    ) -> float:
        """In standard errors of independent ``rows``."""
        if not rows.error:
            return Z95
        own = _by_windows(layout, score, self.windows, 1.0, rows.error)
        shorter = _by_windows(layout, score, self.shorter, self.part, rows.error)
        if own is not None and shorter is not None:  # a week is as restless as its days only if weeks allow for it
            return max(own.reach, min(shorter.reach, own.most))
        if either := own or shorter:
            return either.reach
        drawings = None if self.hours is None else self._drawn(layout, self.hours)
        if drawings is None:
            return Z95
        # Few blocks know too little of a day, and Student's t must do.
        return max(
            Z95, float(t_quantile(_EACH_SIDE, drawings.degrees)) * drawings.error(metric, weighting) / rows.error
        )

    def _drawn(self, layout: ScoreLayout, hours: LabelHours) -> Drawings | None:
        """Made when the first metric asks."""
        if not self._memo:
            self._memo.append(Drawings.of(layout, hours))
        return self._memo[0]

    @cached_property
    def _memo(self) -> list[Drawings | None]:
        return []


class _Told(NamedTuple):
    """How far limits must reach, in standard errors of the rows, and the most that these windows allow for."""

    reach: float
    most: float


def _by_windows(
    layout: ScoreLayout, score: Score, windows: Sequence[LabelCounts], part: float, error: float
) -> _Told | None:
    """By the variance between windows of a reference beyond that of their rows, where the metric is defined in 8 of
    them. It adds to that of the rows of the window itself (``error`` squared), which may have more or fewer; of a
    window of several the days' means are independent."""
    if len(windows) < ENOUGH_WINDOWS:
        return None
    found = [one for one in estimates(layout, score, windows) if one is not None and one.error is not None]
    degrees = len(found) - 1
    if degrees + 1 < ENOUGH_WINDOWS:
        return None
    independent = part * float(np.mean([(one.error or 0.0) ** 2 for one in found]))
    between = part * float(np.var([one.value for one in found], ddof=1))
    largest = between * degrees / float(special.chdtri(degrees, 1 - _EACH_SIDE))
    most = Z95 * np.sqrt(1 + max(0.0, largest - independent) / error**2)
    return _Told(_far(max(0.0, between - independent), between, error**2, degrees), float(most))


def _far(excess: float, between: float, own: float, degrees: float) -> float:
    """By variances: ``excess`` of hours that go together, found in ``between`` with so many degrees, and the rows'
    ``own``. Only the excess is a guess; both together are worth more (Satterthwaite 1946), unless the reference's
    windows have so few rows that these hide it."""
    if excess <= 0:
        return Z95
    total = own + excess
    guess = between if between > total else max(excess, _LEAST * total)
    worth = max(_LEAST_DEGREES, degrees * (total / guess) ** 2)
    return max(Z95, float(t_quantile(_EACH_SIDE, worth) * np.sqrt(total / own)))


def estimates(layout: ScoreLayout, score: Score, windows: Sequence[LabelCounts]) -> list[Estimate | None]:
    """The metric of each of the reference's windows, worked out once."""
    memo = windows.memo if isinstance(windows, LabelWindows) else {}
    if score not in memo:
        memo[score] = [score(layout, one) for one in windows]
    found: list[Estimate | None] = memo[score]
    return found
