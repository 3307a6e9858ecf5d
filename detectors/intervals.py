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
_STEPS = 34


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

    1 where the observed difference is not above it. Found by bisection, to 1e-8 of the normal quantile.
    """
    x, n, y, m, tolerance = np.broadcast_arrays(
        *(np.asarray(part, dtype=np.float64) for part in (x, n, y, m, tolerance))
    )
    p_values = np.ones(x.shape)
    above = x / np.maximum(n, 1e-9) - y / np.maximum(m, 1e-9) > tolerance
    if not above.any():
        return p_values
    parts = x[above], n[above], y[above], m[above]
    low, high = np.zeros(len(parts[0])), np.full(len(parts[0]), 38.0)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        certain = difference_lower(*parts, middle) > tolerance[above]
        low, high = np.where(certain, middle, low), np.where(certain, high, middle)
    p_values[above] = special.ndtr(-low)
    return p_values
