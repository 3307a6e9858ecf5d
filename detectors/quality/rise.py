"""Is a share of rows certainly higher than in the reference, by more than its tolerance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import Z95, wilson
from detectors.measurement import MINIMUM_ROWS, NO_REFERENCE, TOO_FEW_ROWS, Measurement
from detectors.rise import Rise, Spread, rise_of_share, spread_of_days, spread_of_shares, widened_where

Array = NDArray[np.float64]

KNOWN = 1e12  # so many rows that their share is known


@dataclass(frozen=True)
class Counted:
    """Bad rows among rows of F features: ``bad``, ``rows`` float64 [F] in the window, ``reference_bad``,
    ``reference_rows`` [F]; ``windows_bad``, ``windows_rows`` [K, F] in the reference's own windows. ``allowance`` [F]:
    at least so many reference rows are taken as bad when chance is judged, where a reference cannot have bad rows by
    its making. ``clustering`` [F]: how many rows are worth one, because such rows come together (1 where not given).
    ``days_bad``, ``days_rows`` [D, F]: those of the reference's days, where its windows of ``length_days`` are too few
    to tell how much they differ. ``expects``: the rise is one over what the allowance says, not the reference's share.
    """

    metric: str
    features: tuple[str | None, ...]
    bad: Array
    rows: Array
    reference_bad: Array
    reference_rows: Array
    windows_bad: Array
    windows_rows: Array
    allowance: Array | None = None
    clustering: Array | None = None
    details: tuple[Mapping[str, Any], ...] = field(default=())
    days_bad: Array | None = None
    days_rows: Array | None = None
    length_days: int = 1
    expects: bool = False

    @property
    def allowed(self) -> Array:
        """So many of the reference's rows are taken as bad when chance is judged, [F]."""
        if self.allowance is None:
            return self.reference_bad
        return np.minimum(np.fmax(self.reference_bad, self.allowance), self.reference_rows)

    @property
    def base(self) -> Array:
        """Of how many of the reference's rows the rise is counted, [F]."""
        return self.allowed if self.expects else self.reference_bad


def of_traffic(metric: str, bad: int, of: int) -> Counted:
    """A share of what was sent; in a reference it is zero by definition, known without error."""
    window, reference = np.array([[bad], [of]], dtype=np.float64), np.array([[0.0], [KNOWN]])
    none = np.zeros((0, 1))
    return Counted(metric, (None,), window[0], window[1], reference[0], reference[1], none, none)


def measure_rise(parts: Sequence[Counted], tolerances: Mapping[str, float], alpha: float) -> list[Measurement]:
    """``value``: the share, with its 95 % Wilson interval; ``effect``: its rise over the reference, or over
    what is to be expected by it (``details.expected_share``). All parts at once,
    each with its metric's tolerance.

    ``effect_lower`` is the lesser of Newcombe's limit at ``alpha`` (exact limits where counts are small) and, with at
    least 8 windows of the reference, the rise minus t S sqrt(1 + 1/K), S between those windows; with fewer, and at
    least 8 days, with what the days say of such windows. ``p_value`` is that of H0: rise <= tolerance, and p <= alpha
    where ``effect_lower`` >= tolerance.
    """
    x, n, y, m, allowed = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("bad", "rows", "base", "reference_rows", "allowed")
    )
    tolerance = np.repeat([tolerances[part.metric] for part in parts], [len(part.features) for part in parts])
    together = np.concatenate(
        [np.ones(len(part.features)) if part.clustering is None else part.clustering for part in parts]
    )
    spread = _joined([spread_of_shares(part.windows_bad, part.windows_rows) for part in parts])
    worth = m / together
    rise = rise_of_share(x / together, n / together, np.minimum(allowed, worth), worth, spread, tolerance, alpha)
    rise = replace(rise, effect=x / np.maximum(n, 1) - y / np.maximum(m, 1))
    deviation, degrees = (np.concatenate(each) for each in zip(*map(_of_days, parts), strict=True))
    rise = widened_where(deviation > 0, rise, deviation, degrees, tolerance, alpha)
    limits = wilson(x, n, Z95)
    places = [(part, place) for part in parts for place in range(len(part.features))]
    rows = _Row.all(rise, spread, limits)
    return [_one(part, place, row, alpha) for (part, place), row in zip(places, rows, strict=True)]


def _joined(spreads: Sequence[Spread]) -> Spread:
    return Spread(np.concatenate([one.deviation for one in spreads]), np.concatenate([one.windows for one in spreads]))


def _of_days(part: Counted) -> tuple[Array, Array]:
    if part.days_bad is None or part.days_rows is None:
        return np.zeros(len(part.features)), np.ones(len(part.features))
    return spread_of_days(part.days_bad, part.days_rows, part.length_days)


class _Row(NamedTuple):
    """One feature's numbers."""

    low: float
    high: float
    effect: float
    lower: float
    upper: float
    p_value: float
    mde: float
    enough: bool

    @classmethod
    def all(cls, rise: Rise, spread: Spread, limits: tuple[Array, Array]) -> list[_Row]:
        """In the order of the features."""
        numbers = (*limits, rise.effect, rise.lower, rise.upper, rise.p_value, rise.mde, spread.enough)
        return [cls(*row) for row in zip(*(part.tolist() for part in numbers), strict=True)]


def _one(counted: Counted, index: int, row: _Row, alpha: float) -> Measurement:
    bad, base = float(counted.bad[index]), float(counted.reference_bad[index])
    n, m = round(float(counted.rows[index])), round(float(counted.reference_rows[index]))
    details = {"reference_share": base / max(m, 1), "count": bad}
    if counted.expects and counted.base[index] > base:
        details["expected_share"] = float(counted.base[index]) / max(m, 1)
    details |= dict(counted.details[index]) if counted.details else {}
    feature = counted.features[index]
    if n == 0:
        return Measurement(counted.metric, None, m, n, feature, reason=TOO_FEW_ROWS, details=details)
    if m == 0:
        known = (bad / n, m, n, feature, row.low, row.high)
        return Measurement(counted.metric, *known, reason=NO_REFERENCE, details=details)
    if not row.enough and m < KNOWN:
        details["short_reference"] = True
    return Measurement(
        metric=counted.metric,
        value=bad / n,
        n_reference=m,
        n_current=n,
        feature=feature,
        lower=row.low,
        upper=row.high,
        p_value=row.p_value,
        effect=row.effect,
        effect_lower=row.lower,
        effect_upper=row.upper,
        mde=min(1.0, row.mde),
        alpha=alpha,
        reason=TOO_FEW_ROWS if n < MINIMUM_ROWS else None,
        details=details,
    )
