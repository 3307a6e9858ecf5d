"""How sure is a rise? Judged by the rows, and by how much the reference's own windows differ: the wider wins."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.intervals import difference_lower, difference_p_value, normal_quantile, t_quantile, t_tail
from detectors.measurement import MINIMUM_ROWS

Array = NDArray[np.float64]

ENOUGH_WINDOWS = 8
SHORT_TOLERANCE = 0.05  # for differences between windows that cannot be known
Z_POWER = float(normal_quantile(0.1))
_TINY = 1e-12
_MOST_MEMORY = 0.95  # a correlation of days


@dataclass(frozen=True)
class Rise:
    """Rises ``effect`` with one-sided limits ``lower``, ``upper``; ``p_value`` of H0: rise <= tolerance; ``mde`` the
    smallest rise found with 90 % power; float64 [F] each. p <= alpha where lower >= tolerance."""

    effect: Array
    lower: Array
    upper: Array
    p_value: Array
    mde: Array


@dataclass(frozen=True)
class Spread:
    """``deviation`` float64 [F]: standard error of predicting one more window from K, S sqrt(1 + 1/K); ``windows``
    int64 [F]: K."""

    deviation: Array
    windows: NDArray[np.int64]

    @property
    def enough(self) -> NDArray[np.bool_]:
        """Where there are at least 8 windows."""
        return self.windows >= ENOUGH_WINDOWS


def nothing_known(count: int) -> Spread:
    """No windows."""
    return Spread(np.zeros(count), np.zeros(count, dtype=np.int64))


def spread_of(values: Array, usable: NDArray[np.bool_]) -> Spread:
    """From one value per window, [K, F]; only those ``usable`` count."""
    count = usable.sum(axis=0)
    mean = np.where(usable, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(usable, (values - mean) ** 2, 0.0).sum(axis=0)
    variance = squares / np.maximum(count - 1, 1) * (1 + 1 / np.maximum(count, 1))
    return Spread(np.sqrt(variance), count)


def spread_of_shares(bad: Array, rows: Array) -> Spread:
    """From counts per window, [K, F]; windows with fewer than 30 rows are left out."""
    return spread_of(bad / np.maximum(rows, 1), rows >= MINIMUM_ROWS)


def spread_of_days(bad: Array, rows: Array, length: int) -> tuple[Array, Array]:
    """What windows of ``length`` days differ by, from counts per day of the reference, [D, F]: the standard error of
    predicting one more window from all days, and its degrees of freedom, [F] each; 0 and 1 with fewer than 8 days.

    Days follow a first-order autoregression, rho with Kendall's (1954) correction and never below 0: a mean of L days
    has variance S^2 / L (1 + rho) / (1 - rho), at most S^2, and days are worth (1 - rho) / (1 + rho) of one.
    """
    usable = rows >= MINIMUM_ROWS
    count = usable.sum(axis=0)
    share = np.where(usable, bad / np.maximum(rows, 1), 0.0)
    apart = np.where(usable, share - share.sum(axis=0) / np.maximum(count, 1), 0.0)
    squares = (apart**2).sum(axis=0)
    lagged = (apart[1:] * apart[:-1]).sum(axis=0)
    first = np.divide(lagged, squares, out=np.zeros_like(squares), where=squares > 0)
    rho = np.clip(first + (1 + 3 * first) / np.maximum(count, 1), 0.0, _MOST_MEMORY)
    worth = (1 + rho) / (1 - rho)  # days that tell as much as an independent one
    variance = squares / np.maximum(count - worth, 1)
    both = variance * (np.minimum(worth / length, 1.0) + worth / np.maximum(count, 1))
    enough = count >= ENOUGH_WINDOWS
    return np.where(enough, np.sqrt(both), 0.0), np.where(enough, np.maximum(count / worth - 1, 3.0), 1.0)


def design_effect(bad: Array, rows: Array) -> Array:
    """How many rows are worth an independent one, [F]: the variance of the share between windows [K, F], in units of
    that of independent rows, at least 1 (Kish 1965). 1 where there are fewer than 8 windows, or nothing varies."""
    usable = rows >= MINIMUM_ROWS
    count = usable.sum(axis=0)
    share = np.where(usable, bad / np.maximum(rows, 1), 0.0)
    mean = share.sum(axis=0) / np.maximum(count, 1)
    variance = np.where(usable, (share - mean) ** 2, 0.0).sum(axis=0) / np.maximum(count - 1, 1)
    independent = mean * (1 - mean) * np.where(usable, 1 / np.maximum(rows, 1), 0.0).sum(axis=0) / np.maximum(count, 1)
    ratio = np.divide(variance, independent, out=np.ones_like(mean), where=independent > 0)
    return np.where(count >= ENOUGH_WINDOWS, np.maximum(ratio, 1.0), 1.0)


def rise_of_share(
    x: Array, n: Array, y: Array, m: Array, spread: Spread, tolerance: Array | float, alpha: float
) -> Rise:
    """Of x/n over y/m: Newcombe's limits at ``alpha`` (exact ones where counts are small), and the spread."""
    z = float(normal_quantile(alpha))
    base = y / np.maximum(m, 1)
    error = np.sqrt(np.minimum(base + tolerance, 0.25) * (1 / np.maximum(n, 1) + 1 / np.maximum(m, 1)))
    rise = Rise(
        x / np.maximum(n, 1) - base,
        difference_lower(x, n, y, m, z),
        -difference_lower(y, m, x, n, z),
        difference_p_value(x, n, y, m, tolerance),
        tolerance + (z + Z_POWER) * error,
    )
    return widened(rise, spread, tolerance, alpha)


def rise_of_estimate(effect: Array, error: Array, spread: Spread, tolerance: Array | float, alpha: float) -> Rise:
    """Of an estimate with a standard error: normal limits, and the spread."""
    z = float(normal_quantile(alpha))
    p_value = special.ndtr(-(effect - tolerance) / (error + _TINY))
    rise = Rise(effect, effect - z * error, effect + z * error, p_value, tolerance + (z + Z_POWER) * error)
    return widened(rise, spread, tolerance, alpha)


def widened(rise: Rise, spread: Spread, tolerance: Array | float, alpha: float) -> Rise:
    """Where there are enough windows, Student's t with K - 1 degrees must agree."""
    return widened_where(spread.enough, rise, spread.deviation, np.maximum(spread.windows - 1, 1), tolerance, alpha)


def widened_where(
    where: NDArray[np.bool_], rise: Rise, deviation: Array, degrees: Array, tolerance: Array | float, alpha: float
) -> Rise:
    """Where so, Student's t with so many degrees must agree."""
    other = widened_by(rise, deviation, degrees, tolerance, alpha)
    each = ((getattr(other, one.name), getattr(rise, one.name)) for one in fields(Rise))
    return Rise(*(np.where(where, wide, narrow) for wide, narrow in each))


def widened_by(rise: Rise, deviation: Array, degrees: Array, tolerance: Array | float, alpha: float) -> Rise:
    """Student's t with so many degrees must agree."""
    critical, standardised = t_quantile(alpha, degrees), (rise.effect - tolerance) / (deviation + _TINY)
    reach = critical * deviation
    return Rise(
        rise.effect,
        np.minimum(rise.lower, rise.effect - reach),
        np.maximum(rise.upper, rise.effect + reach),
        np.maximum(rise.p_value, t_tail(standardised, degrees)),
        np.maximum(rise.mde, tolerance + (critical + Z_POWER) * deviation),
    )
