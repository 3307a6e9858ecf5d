"""Is a share of rows certainly higher than in the reference, by more than its tolerance?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from detectors.intervals import Z95, difference_lower, difference_p_value, wilson
from detectors.measurement import MINIMUM_ROWS, NO_REFERENCE, TOO_FEW_ROWS, Measurement

Array = NDArray[np.float64]

ENOUGH_WINDOWS = 8
_Z_POWER = float(stats.norm.ppf(0.9))
_TINY = 1e-12
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
    x, n = counted.bad, counted.rows
    y, m = counted.reference_bad, counted.reference_rows
    share, base = x / np.maximum(n, 1), y / np.maximum(m, 1)
    z = float(stats.norm.isf(alpha))
    if counted.allowance is not None:
        y = np.minimum(np.maximum(y, counted.allowance), m)
    lower = difference_lower(x, n, y, m, z)
    upper = -difference_lower(counted.reference_bad, m, x, n, z)
    p_value = difference_p_value(x, n, y, m, tolerance)
    spread, windows = _spread(counted)
    enough = windows >= ENOUGH_WINDOWS
    critical = stats.t.isf(alpha, np.maximum(windows - 1, 1))
    by_windows = stats.t.sf((share - base - tolerance) / (spread + _TINY), np.maximum(windows - 1, 1))
    lower = np.where(enough, np.minimum(lower, share - base - critical * spread), lower)
    upper = np.where(enough, np.maximum(upper, share - base + critical * spread), upper)
    p_value = np.where(enough, np.maximum(p_value, by_windows), p_value)
    rows_error = np.sqrt(np.maximum(base + tolerance, 0) * (1 / np.maximum(n, 1) + 1 / np.maximum(m, 1)))
    mde = tolerance + np.maximum((z + _Z_POWER) * rows_error, np.where(enough, (critical + _Z_POWER) * spread, 0))
    low, high = wilson(x, n, Z95)
    columns = np.stack([share, low, high, p_value, share - base, lower, upper, np.minimum(mde, 1.0)])
    return [_one(counted, index, columns[:, index], base, windows, alpha) for index in range(len(counted.features))]


def _spread(counted: Counted) -> tuple[Array, NDArray[np.int64]]:
    """Prediction error of one more window's share from those of the reference, [F], and their number, [F]."""
    usable = counted.windows_rows >= MINIMUM_ROWS
    count = usable.sum(axis=0)
    shares = counted.windows_bad / np.maximum(counted.windows_rows, 1)
    mean = (usable * shares).sum(axis=0) / np.maximum(count, 1)
    squares = (usable * (shares - mean) ** 2).sum(axis=0)
    variance = squares / np.maximum(count - 1, 1) * (1 + 1 / np.maximum(count, 1))
    return np.sqrt(variance), count


def _one(
    counted: Counted, index: int, numbers: Array, base: Array, windows: NDArray[np.int64], alpha: float
) -> Measurement:
    n, m = round(float(counted.rows[index])), round(float(counted.reference_rows[index]))
    details = {"reference_share": float(base[index]), "count": float(counted.bad[index])}
    details |= dict(counted.details[index]) if counted.details else {}
    feature = counted.features[index]
    if n == 0:
        return Measurement(counted.metric, None, m, n, feature, reason=TOO_FEW_ROWS, details=details)
    value, low, high, p_value, effect, lower, upper, mde = (float(number) for number in numbers)
    if m == 0:
        return Measurement(counted.metric, value, m, n, feature, low, high, reason=NO_REFERENCE, details=details)
    if windows[index] < ENOUGH_WINDOWS and m < KNOWN:
        details["short_reference"] = True
    reason = TOO_FEW_ROWS if n < MINIMUM_ROWS else None
    return Measurement(
        counted.metric, value, m, n, feature, low, high, p_value, effect, lower, upper, mde, alpha, reason, details
    )
