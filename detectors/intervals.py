"""Confidence limits of shares and of differences of shares, vectorised.

Counts may be floats (mixed references have effective counts). Levels are one-sided: a limit at ``alpha`` is exceeded
by the truth with probability ``alpha`` on its side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

Z95 = float(-special.ndtri(0.025))

SMALL_COUNT = 50  # below it the normal approximation misses by factors at the small levels used here
_TINY = 1e-9
_STEPS = 20
_CLOSE = 1e-12  # of a share
_FARTHEST = 37.0  # the normal tail beyond it is no longer a number


def normal_quantile(alpha: Any) -> Any:
    """The standard normal quantile exceeded with probability ``alpha``."""
    return -special.ndtri(alpha)


def t_quantile(alpha: Any, degrees: Any) -> Any:
    """Student's quantile exceeded with probability ``alpha``."""
    return -special.stdtrit(degrees, alpha)


def t_tail(value: Any, degrees: Any) -> Any:
    """Probability that Student's t exceeds ``value``."""
    return special.stdtr(degrees, -np.asarray(value))


def wilson(successes: Any, rows: Any, z: Any) -> tuple[Array, Array]:
    """Score interval of a share (Wilson 1927): all roots p of |x/n - p| = z sqrt(p(1-p)/n). Without rows: 0 and 1."""
    x, n, z = (np.asarray(part, dtype=np.float64) for part in (successes, rows, z))
    return _wilson_lower(x, n, z), 1 - _wilson_lower(n - x, n, z)


def difference_lower(x: Any, n: Any, y: Any, m: Any, z: Any) -> Array:
    """Lower limit of x/n - y/m at normal quantile ``z``.

    Newcombe's (1998, method 10) square-and-add of Wilson limits; of Clopper-Pearson limits where a count is small.
    """
    x, n, y, m, z = np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in (x, n, y, m, z)))
    # The upper limit of y/m is one less the lower limit of (m - y)/m: both limits are found in one go.
    counts, rows = np.stack([x, m - y]), np.stack([n, m])
    shares = counts / np.maximum(rows, _TINY)
    lower = _wilson_lower(counts, rows, z)
    difference: Array = shares.sum(axis=0) - 1
    small = (np.minimum(counts, rows - counts).min(axis=0) < SMALL_COUNT) & (difference > 0)
    if small.any():  # elsewhere the limit is below zero in any case
        lower[:, small] = _exact_lower(counts[:, small], rows[:, small], special.ndtr(-z[small]))
    limit: Array = difference - np.hypot(*(shares - lower))
    return limit


def _wilson_lower(x: Array, n: Array, z: Array) -> Array:
    square, safe = z * z, np.maximum(n, _TINY)
    half = z * np.sqrt(np.maximum(x * (safe - x) / safe, 0) + square / 4)
    lower: Array = np.where((n > 0) & (x > 0), np.maximum((x + square / 2 - half) / (safe + square), 0.0), 0.0)
    return lower


def _exact_lower(x: Array, n: Array, alpha: Array) -> Array:
    a, b = np.maximum(x, _TINY), np.maximum(n - x, 0) + 1
    limit = special.betaincinv(a, b, alpha)
    # Far out in the tail (alpha below 1e-150 or so) scipy gives up; there the first term of the series is exact enough.
    tail = np.exp((np.log(np.maximum(alpha, 1e-320)) + np.log(a) + special.betaln(a, b)) / a)
    lower: Array = np.where(x > 0, np.where(np.isnan(limit), np.minimum(tail, 1.0), limit), 0.0)
    return lower


def difference_p_value(x: Any, n: Any, y: Any, m: Any, tolerance: Any) -> Array:
    """One-sided p-value of H0: x/n - y/m <= tolerance: the level at which ``difference_lower`` meets the tolerance.

    1 where the observed difference is not above it.
    """
    x, n, y, m, tolerance = np.broadcast_arrays(
        *(np.asarray(part, dtype=np.float64) for part in (x, n, y, m, tolerance))
    )
    p_values = np.ones(x.shape)
    above = x / np.maximum(n, _TINY) - y / np.maximum(m, _TINY) > tolerance
    if not above.any():
        return p_values
    parts = x[above], n[above], y[above], m[above]
    p_values[above] = special.ndtr(-_crossing(parts, tolerance[above]))
    return p_values


def _crossing(parts: tuple[Array, Array, Array, Array], tolerance: Array) -> Array:
    """The normal quantile at which ``difference_lower`` of x, n, y, m comes down to the tolerance, at most 37.

    Regula falsi in the Illinois form (Dowell and Jarratt 1971): the end that stays has its value halved.
    """
    low, high = np.zeros(len(tolerance)), _beyond(parts, tolerance)
    over, under = difference_lower(*parts, low) - tolerance, difference_lower(*parts, high) - tolerance
    if np.any(short := under >= 0):
        high = np.where(short, _FARTHEST, high)
        under = difference_lower(*parts, high) - tolerance
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
        if np.all((np.abs(value) < _CLOSE) | beyond_all):
            break
    return np.where(beyond_all, _FARTHEST, np.where(over + under < 0, low, middle))


def _beyond(parts: tuple[Array, Array, Array, Array], tolerance: Array) -> Array:
    """A quantile that is most often past the crossing: further than where normal errors would put it."""
    x, n, y, m = parts
    p, q = x / np.maximum(n, _TINY), y / np.maximum(m, _TINY)
    error = np.sqrt(p * (1 - p) / np.maximum(n, _TINY) + q * (1 - q) / np.maximum(m, _TINY))
    return np.minimum(1.5 * (p - q - tolerance) / np.maximum(error, _TINY) + 1, _FARTHEST)
