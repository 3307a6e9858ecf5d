"""Is a share of rows certainly higher than in the reference, by more than its tolerance?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import Z95, wilson
from detectors.measurement import MINIMUM_ROWS, NO_REFERENCE, TOO_FEW_ROWS, Measurement
from detectors.rise import Rise, Spread, rise_of_share, spread_of_shares

Array = NDArray[np.float64]

KNOWN = 1e12  # so many rows that their share is known


@dataclass(frozen=True)
class Counted:
    """Bad rows among rows of F features: ``bad``, ``rows`` float64 [F] in the window, ``reference_bad``,
    ``reference_rows`` [F]; ``windows_bad``, ``windows_rows`` [K, F] in the reference's own windows. ``allowance`` [F]:
    at least so many reference rows are taken as bad when chance is judged, where a reference cannot have bad rows by
    its making."""

    metric: str
    features: tuple[str | None, ...]
    bad: Array
    rows: Array
    reference_bad: Array
    reference_rows: Array
    windows_bad: Array
    windows_rows: Array
    allowance: Array | None = None
    details: tuple[Mapping[str, Any], ...] = field(default=())


def of_traffic(metric: str, bad: int, of: int) -> Counted:
    """A share of what was sent; in a reference it is zero by definition, known without error."""
    window, reference = np.array([[bad], [of]], dtype=np.float64), np.array([[0.0], [KNOWN]])
    none = np.zeros((0, 1))
    return Counted(metric, (None,), window[0], window[1], reference[0], reference[1], none, none)


def measure_rise(counted: Counted, tolerance: float, alpha: float) -> list[Measurement]:
    """``value``: the share, with its 95 % Wilson interval; ``effect``: its rise over the reference.

    ``effect_lower`` is the lesser of Newcombe's limit at ``alpha`` (exact limits where counts are small) and, with at
    least 8 windows of the reference, the rise minus t S sqrt(1 + 1/K), S between those windows. ``p_value`` is that of
    H0: rise <= tolerance, and p <= alpha where ``effect_lower`` >= tolerance.
    """
    x, n, y, m = counted.bad, counted.rows, counted.reference_bad, counted.reference_rows
    allowed = y if counted.allowance is None else np.minimum(np.maximum(y, counted.allowance), m)
    spread = spread_of_shares(counted.windows_bad, counted.windows_rows)
    rise = rise_of_share(x, n, allowed, m, spread, tolerance, alpha)
    rise = replace(rise, effect=x / np.maximum(n, 1) - y / np.maximum(m, 1))
    return [_one(counted, index, rise, spread, alpha) for index in range(len(counted.features))]


def _one(counted: Counted, index: int, rise: Rise, spread: Spread, alpha: float) -> Measurement:
    bad, base = float(counted.bad[index]), float(counted.reference_bad[index])
    n, m = round(float(counted.rows[index])), round(float(counted.reference_rows[index]))
    details = {"reference_share": base / max(m, 1), "count": bad}
    details |= dict(counted.details[index]) if counted.details else {}
    start = Measurement(counted.metric, None, m, n, counted.features[index], reason=TOO_FEW_ROWS, details=details)
    if n == 0:
        return start
    low, high = (float(limit) for limit in wilson(bad, n, Z95))
    start = replace(start, value=bad / n, lower=low, upper=high)
    if m == 0:
        return replace(start, reason=NO_REFERENCE)
    if not spread.enough[index] and m < KNOWN:
        details["short_reference"] = True
    return replace(
        start,
        p_value=float(rise.p_value[index]),
        effect=float(rise.effect[index]),
        effect_lower=float(rise.lower[index]),
        effect_upper=float(rise.upper[index]),
        mde=min(1.0, float(rise.mde[index])),
        alpha=alpha,
        reason=TOO_FEW_ROWS if n < MINIMUM_ROWS else None,
    )
