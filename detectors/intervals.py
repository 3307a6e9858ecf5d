"""Confidence limits of shares and of differences of shares, vectorised.

Counts may be floats (mixed references have effective counts). Levels are one-sided: a limit at ``alpha`` is exceeded
by the truth with probability ``alpha`` on its side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Array = NDArray[np.float64]

Z95 = float(stats.norm.isf(0.025))
SMALL_COUNT = 50  # below it the normal approximation misses by factors at the small levels used here
_STEPS = 20
_FARTHEST = 37.0  # the normal tail beyond it is no longer a number


def wilson(successes: Any, rows: Any, z: Any) -> tuple[Array, Array]:
    """Score interval of a share (Wilson 1927): all roots p of |x/n - p| = z sqrt(p(1-p)/n). Without rows: 0 and 1."""
    x, n, z = (np.asarray(part, dtype=np.float64) for part in (successes, rows, z))
    safe = np.maximum(n, 1e-9)
    centre = (x + z * z / 2) / (safe + z * z)
    half = z * np.sqrt(np.maximum(x * (safe - x) / safe, 0) + z * z / 4) / (safe + z * z)
    lower = np.where((n > 0) & (x > 0), np.maximum(centre - half, 0.0), 0.0)
    upper = np.where((n > 0) & (x < n), np.minimum(centre + half, 1.0), 1.0)
    return lower, upper


def clopper_pearson(successes: Any, rows: Any, alpha: Any) -> tuple[Array, Array]:
    """Exact interval of a share (Clopper and Pearson 1934), each side at ``alpha``. Without rows: 0 and 1."""
    x, n, alpha = (np.asarray(part, dtype=np.float64) for part in (successes, rows, alpha))
    rest = np.maximum(n - x, 0)
    lower = np.where(x > 0, special.betaincinv(np.maximum(x, 1e-9), rest + 1, alpha), 0.0)
    upper = np.where(rest > 0, special.betainccinv(x + 1, np.maximum(rest, 1e-9), alpha), 1.0)
    return lower, upper


def difference_lower(x: Any, n: Any, y: Any, m: Any, z: Any) -> Array:
    """Lower limit of x/n - y/m at normal quantile ``z``.

    Newcombe's (1998, method 10) square-and-add of Wilson limits; of Clopper-Pearson limits where a count is small.
    """
    x, n, y, m, z = np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in (x, n, y, m, z)))
    p, q = x / np.maximum(n, 1e-9), y / np.maximum(m, 1e-9)
    low, high = wilson(x, n, z)[0], wilson(y, m, z)[1]
    small = np.minimum(np.minimum(x, n - x), np.minimum(y, m - y)) < SMALL_COUNT
    small &= p > q  # elsewhere the limit is below zero in any case
    if small.any():
        tail = special.ndtr(-z[small])
        low, high = low.copy(), high.copy()
        low[small] = clopper_pearson(x[small], n[small], tail)[0]
        high[small] = clopper_pearson(y[small], m[small], tail)[1]
    limit: Array = p - q - np.hypot(p - low, high - q)
    return limit


def difference_p_value(x: Any, n: Any, y: Any, m: Any, tolerance: Any) -> Array:
    """One-sided p-value of H0: x/n - y/m <= tolerance: the level at which ``difference_lower`` meets the tolerance.

    1 where the observed difference is not above it.
    """
    x, n, y, m, tolerance = np.broadcast_arrays(
        *(np.asarray(part, dtype=np.float64) for part in (x, n, y, m, tolerance))
    )
    p_values = np.ones(x.shape)
    above = x / np.maximum(n, 1e-9) - y / np.maximum(m, 1e-9) > tolerance
    if not above.any():
        return p_values
    parts = x[above], n[above], y[above], m[above]
    p_values[above] = special.ndtr(-_crossing(parts, tolerance[above]))
    return p_values


def _crossing(parts: tuple[Array, Array, Array, Array], tolerance: Array) -> Array:
    """The normal quantile at which ``difference_lower`` of x, n, y, m comes down to the tolerance, at most 37.

    Regula falsi in the Illinois form (Dowell and Jarratt 1971): the end that stays has its value halved.
    """
    low, high = np.zeros(len(tolerance)), np.full(len(tolerance), _FARTHEST)
    over, under = difference_lower(*parts, low) - tolerance, difference_lower(*parts, high) - tolerance
    beyond_all = under >= 0
    last = np.zeros(len(tolerance))
    for _ in range(_STEPS):
        middle = np.clip((low * under - high * over) / np.minimum(under - over, -1e-300), low, high)
        value = difference_lower(*parts, middle) - tolerance
        above = value >= 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
        over, under = (
            np.where(above, value, np.where(last < 0, over / 2, over)),
            np.where(above, np.where(last > 0, under / 2, under), value),
        )
        last = np.where(above, 1.0, -1.0)
    return np.where(beyond_all, _FARTHEST, np.where(over + under < 0, low, middle))
