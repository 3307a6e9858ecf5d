"""Do features still go together as they did? The change of each pair's rank correlation, from hourly sums.

Every feature may look as it always did while two of them come apart: no test of single columns sees it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.intervals import normal_quantile, t_tail
from detectors.measurement import MINIMUM_ROWS, NO_REFERENCE, NO_VARIATION, NOT_COUNTED, TOO_FEW_ROWS, Measurement
from detectors.pairs.counting import is_ranked
from detectors.pairs.known import (
    METRIC,
    SHORT_TOLERANCE,
    TOLERANCE,
    Array,
    Data,
    Known,
    Places,
    Window,
    known_of,
    unit_of_window,
)
from detectors.pairs.moments import Moments, one_row
from detectors.profile import Reference
from detectors.shares.bounds import POWER
from detectors.summary import WindowCounts

MOST_TOLD = 10
_Z_POWER = float(normal_quantile(1 - POWER))


def watched(binning: Binning, names: Collection[str]) -> Places:
    """Which of the binning's pairs have both columns among ``names``."""
    key = (METRIC, frozenset(names))
    if key not in binning.memo:
        inside = (place for place, pair in enumerate(binning.pairs) if key[1].issuperset(pair))
        binning.memo[key] = np.fromiter(inside, np.int64)
    found: Places = binning.memo[key]
    return found


def is_measured(binning: Binning, names: Collection[str]) -> bool:
    """Whether these columns have anything to say: a pair is watched, or would be if pairs had been counted."""
    if binning.pairs:
        return len(watched(binning, names)) > 0
    return sum(is_ranked(binning.by_name[name]) for name in names) > 1


def measure_correlations(
    binning: Binning,
    names: Sequence[str],
    current: WindowCounts,
    reference: Reference,
    *,
    length_hours: int,
    alpha: float,
    tolerance: float = TOLERANCE,
    independent: bool = False,
) -> Measurement:
    """The largest change of a rank correlation over the watched pairs of ``names``; ``feature`` is None.

    ``value``: the largest absolute change; ``effect`` that of the surest pair, ``effect_lower`` what it has changed at
    least, at ``alpha`` over all pairs (Bonferroni); all in units of correlation. ``p_value`` is that of H0: no pair
    changed by more than ``tolerance``. The test is Fisher's (1915) on z = atanh r, with the variance that the
    reference's own windows of ``length_hours`` show, at least that of independent rows (which all rows are taken for
    where they are said to be ``independent``). ``details.pairs``: the worst ones. Reasons: ``not_counted`` (hours or
    reference were stored before pairs were counted), ``no_reference``, ``too_few_rows`` (under 30 rows beyond the
    hours' means), ``no_variation``.
    """
    chosen = watched(binning, names)
    data = Data(binning, chosen, current, reference, length_hours, tolerance, alpha, independent)
    if not data.is_counted:
        return Measurement(METRIC, None, reference.rows, current.rows, reason=NOT_COUNTED)
    return _Found.of(data).measurement()


@dataclass(frozen=True)
class _Found:
    """Per pair [P]: correlations ``before`` (the reference's at the hours of the window) and ``now``, what certainly
    and at most changed, p-values of H0: at most the tolerance; ``usable`` ones could be measured."""

    data: Data
    known: Known
    window: Moments
    usable: NDArray[np.bool_]
    tolerance: Array
    before: Array
    now: Array
    lower: Array
    upper: Array
    p_value: Array
    mde: Array

    @classmethod
    def of(cls, data: Data) -> _Found:
        """Measure every pair."""
        looked_at = Window.of(data, unit_of_window(data))
        known = known_of(data, looked_at)
        window, whole = looked_at.moments, known.moments
        usable = (np.minimum(window.degrees, whole.degrees) >= MINIMUM_ROWS) & window.varies & whole.varies
        short = known.short & (not data.independent)
        tolerance = np.where(short, max(SHORT_TOLERANCE, data.tolerance), data.tolerance)
        before, now = np.clip(whole.correlation + known.shift, -0.999, 0.999), window.correlation
        row = one_row(before)
        variance = (row / np.maximum(window.degrees - 2, 1) + known.variance) * known.factor
        error = np.sqrt(variance) / (1 - before**2)
        lower, upper, p_value = _tested(before, now, error, known, tolerance)
        mde = tolerance + (known.critical + _Z_POWER) * np.sqrt(variance)
        return cls(data, known, window, usable, tolerance, before, now, lower, upper, p_value, mde)

    def measurement(self) -> Measurement:
        """That of the surest pair, and the worst ones in the details."""
        if not self.usable.any():
            return Measurement(METRIC, None, *self._rows(0), reason=self._reason())
        change = np.where(self.usable, np.abs(self.now - self.before), -1.0)
        sure = np.where(self.usable, self.lower - self.tolerance, -np.inf)
        order = np.lexsort((-change, -sure))
        order = order[self.usable[order]]
        top = order[0]
        value, upper = float(change.max()), float(self.upper[self.usable].max())
        lower = float(self.lower[top])
        p_value = min(1.0, len(change) * float(self.p_value[self.usable].min()))
        return Measurement(
            METRIC,
            value,
            *self._rows(top),
            lower=lower,
            upper=max(upper, value),
            p_value=p_value,
            effect=float(change[top]),
            effect_lower=lower,
            effect_upper=float(self.upper[top]),
            mde=min(2.0, float(self.mde[self.usable].max())),
            alpha=self.data.alpha,
            details=self._details(order[:MOST_TOLD]),
        )

    def _rows(self, place: int) -> tuple[int, int]:
        """Rows of the reference and of the window that have both values of a pair."""
        return round(float(self.known.moments.rows[place])), round(float(self.window.rows[place]))

    def _reason(self) -> str:
        if not self.known.moments.rows.any():
            return NO_REFERENCE
        few = np.minimum(self.window.degrees, self.known.moments.degrees) < MINIMUM_ROWS
        return TOO_FEW_ROWS if few.all() else NO_VARIATION

    def _details(self, worst: Places) -> dict[str, Any]:
        top = worst[0]
        details: dict[str, Any] = {
            "pairs": [self._pair(place) for place in worst],
            "pairs_watched": len(self.now),
            "tolerance": float(self.tolerance[top]),
            "reference_windows": int(self.known.windows[top]),
        }
        if self.known.short[top] and not self.data.independent:
            details["short_reference"] = True
        if self.known.factor[top] > 1:
            details["calibration"] = float(self.known.factor[top])
        return details

    def _pair(self, place: int) -> dict[str, Any]:
        names = self.data.binning.pairs[self.data.chosen[place]]
        return {
            "features": [name.removeprefix("feature.") for name in names],
            "reference": float(self.before[place]),
            "current": float(self.now[place]),
            "effect_lower": float(self.lower[place]),
            "effect_upper": float(self.upper[place]),
        }


def _tested(before: Array, now: Array, error: Array, known: Known, tolerance: Array) -> tuple[Array, Array, Array]:
    """What the correlation has changed at least and at most, and the p-value of H0: at most the tolerance; [P] each."""
    sign = np.where(now < before, -1.0, 1.0)
    z, reach = np.arctanh(now), sign * known.critical * error
    nearest, farthest = np.tanh(z - reach), np.tanh(z + reach)
    lower = np.maximum(sign * (nearest - before), 0.0)
    edge = np.arctanh(np.clip(before + sign * tolerance, -0.999999, 0.999999))
    beyond = np.abs(now - before) > tolerance
    p_value = np.ones(len(now))
    p_value[beyond] = np.minimum(2 * t_tail(np.abs(z - edge)[beyond] / error[beyond], known.degrees[beyond]), 1.0)
    return np.minimum(lower, np.abs(now - before)), sign * (farthest - before), p_value
