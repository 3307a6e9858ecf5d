"""How wide the interval of a metric has to be: rows of an hour, and of nearby hours, are seldom independent.

Three things are asked, and the widest answer holds: the number of rows; the window's own hours (moving blocks); and,
where there are 8 of them, the reference's windows, which tell more than three blocks of a day ever can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95, t_quantile
from detectors.performance.blocks import Drawings
from detectors.performance.estimate import Estimate, Score
from detectors.performance.scored import LabelCounts, LabelWindows
from detectors.performance.weighting import Weighting
from detectors.rise import ENOUGH_WINDOWS

_EACH_SIDE = 0.025
_LEAST = 1e-3


@dataclass(frozen=True)
class Unrest:
    """What is known of how a window's hours go together: ``drawings`` of them, the reference's own ``windows`` of its
    length, and ``shorter`` ones (a longer window is at least as far from independent rows)."""

    drawings: Drawings | None = None
    windows: Sequence[LabelCounts] = ()
    shorter: Sequence[LabelCounts] = ()

    def limits(
        self, layout: ScoreLayout, metric: str, score: Score, labels: LabelCounts, weighting: Weighting | None = None
    ) -> Estimate | None:
        """The metric of ``labels``, with 95 % limits that are as wide as they must be; ``details.widened``: how many
        times as wide as independent rows would have them. ``weighting``: what made ``labels`` of the drawn hours."""
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
        known = [_by_windows(layout, score, one) for one in (self.windows, self.shorter)]
        if self.drawings is None or not rows.error:
            return max(known)
        # Few blocks know too little of a day, and Student's t must do; unless the reference's windows know.
        told = len(self.windows) >= ENOUGH_WINDOWS
        critical = Z95 if told else float(t_quantile(_EACH_SIDE, self.drawings.degrees))
        return max(*known, critical * self.drawings.error(metric, weighting) / rows.error)


def _by_windows(layout: ScoreLayout, score: Score, windows: Sequence[LabelCounts]) -> float:
    """By the variance between a reference's windows, where there are 8 of them (a design effect, Kish 1965)."""
    if len(windows) < ENOUGH_WINDOWS:
        return Z95
    found = [one for one in estimates(layout, score, windows) if one is not None and one.error is not None]
    independent = float(np.mean([(one.error or 0.0) ** 2 for one in found])) if found else 0.0
    if len(found) < ENOUGH_WINDOWS or independent <= 0:
        return Z95
    return _far(float(np.var([one.value for one in found], ddof=1)) / independent, len(found) - 1)


def _far(ratio: float, degrees: float) -> float:
    """By a variance ``ratio`` times that of independent rows. Only what is beyond theirs is a guess, worth so many
    degrees; both together are worth more (Satterthwaite 1946)."""
    if ratio <= 1:
        return Z95
    beyond = (ratio - 1) / ratio
    return float(t_quantile(_EACH_SIDE, degrees / max(beyond, _LEAST) ** 2) * np.sqrt(ratio))


def estimates(layout: ScoreLayout, score: Score, windows: Sequence[LabelCounts]) -> list[Estimate | None]:
    """The metric of each of the reference's windows, worked out once."""
    memo = windows.memo if isinstance(windows, LabelWindows) else {}
    if score not in memo:
        memo[score] = [score(layout, one) for one in windows]
    found: list[Estimate | None] = memo[score]
    return found
