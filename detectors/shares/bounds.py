"""Two rules for "more than the tolerance has moved"; a finding needs both.

The rule of windows compares the change with how much the reference's own windows differ. The rule of rows is the
i.i.d. floor: what the number of rows alone would allow. Each rule answers with a lower bound of the largest change and
with the p-value of H0: no change exceeds the tolerance, and the two agree: p <= alpha where the bound >= tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.intervals import difference_lower, difference_p_value, normal_quantile, t_quantile, t_tail
from detectors.shares.cells import Cells
from detectors.shares.variance import Spread

Array = NDArray[np.float64]

POWER = 0.9
_TINY = 1e-12
_Z_POWER = float(normal_quantile(1 - POWER))


@dataclass(frozen=True)
class Shares:
    """Cells counted in a window and in the reference: ``current``, ``reference`` rows [B]; ``n``, ``m`` rows [F]."""

    cells: Cells
    current: Array
    reference: Array
    n: Array
    m: Array

    @cached_property
    def p(self) -> Array:
        """Share of the window, [B]."""
        return self.current / np.maximum(self.n, 1)[self.cells.owner]

    @cached_property
    def q(self) -> Array:
        """Share of the reference, [B]."""
        return self.reference / np.maximum(self.m, 1)[self.cells.owner]

    @cached_property
    def change(self) -> Array:
        """Absolute change of each share, [B]."""
        return np.abs(self.p - self.q)

    @cached_property
    def error(self) -> Array:
        """i.i.d. standard error of the change, [B]; with the larger of the two p(1 - p), against skew."""
        spread = np.maximum(self.p * (1 - self.p), self.q * (1 - self.q))
        return np.sqrt(spread * (1 / np.maximum(self.n, 1) + 1 / np.maximum(self.m, 1))[self.cells.owner])


@dataclass(frozen=True)
class Answer:
    """``lower`` and ``upper`` bound of the largest change (not clipped), ``p_value``, and ``mde``: the smallest change
    found with 90 % power; float64 [F] each."""

    lower: Array
    upper: Array
    p_value: Array
    mde: Array

    def and_also(self, other: Answer, where: NDArray[np.bool_]) -> Answer:
        """Both rules must agree in the columns ``where``; elsewhere this one stands alone."""
        return Answer(
            np.where(where, np.minimum(self.lower, other.lower), self.lower),
            np.where(where, np.maximum(self.upper, other.upper), self.upper),
            np.where(where, np.maximum(self.p_value, other.p_value), self.p_value),
            np.where(where, np.maximum(self.mde, other.mde), self.mde),
        )


def rule_of_windows(shares: Shares, spread: Spread, tolerance: Array, alpha: float) -> Answer:
    """Each cell's change against the unrest of the reference's own windows, Bonferroni over a column's cells and two
    sides. Two tests must agree, since each covers the other's weak side.

    Student's t with K - 1 degrees. Standard error squared: the larger of the i.i.d. one and S² (1 + 1/K), the error of
    predicting one more window from K. It knows how little K windows tell of S². Half a row is taken off for continuity.

    The binomial tail of a window that is worth only n' = q(1 - q) / (S² (1 + 1/K)) independent rows (Kish 1965, the
    effective sample size). It knows that a share near 0 or 1 is skewed: if 5 % of the reference's days lay wholly below
    a cut, a day wholly below it is no news, however many standard errors that is.
    """
    cells = shares.cells
    windows = np.maximum(spread.windows, 2)
    predicted = spread.variance * (1 + 1 / windows)[cells.owner]
    error = np.sqrt(np.maximum(shares.error**2, predicted)) + _TINY
    change = shares.change - (0.5 / np.maximum(np.minimum(shares.n, shares.m), 1))[cells.owner]
    level = alpha / (2 * cells.sizes)
    critical = t_quantile(level, windows - 1)
    worth = _worth(shares, predicted)
    by_cell = change - critical[cells.owner] * error
    certain = by_cell > 0  # below, the other test cannot make it a finding, and its inverse is what takes time
    limits = _binomial_lower(shares, worth, level[cells.owner], certain)
    by_cell[certain] = np.minimum(by_cell, limits)[certain]
    lower, _ = cells.largest(by_cell)
    upper, _ = cells.largest(shares.change + critical[cells.owner] * error)
    allowed = tolerance[cells.owner]
    beyond = change > allowed  # else a tail is above 1/2, and the p-value 1 in any case
    tails = np.ones_like(change)
    tails[beyond] = t_tail((change - allowed)[beyond] / error[beyond], (windows - 1)[cells.owner][beyond])
    tails[beyond] = np.maximum(tails[beyond], _binomial_tail(shares, worth, allowed, beyond))
    smallest, _ = cells.largest(-tails)
    widest, _ = cells.largest(np.sqrt(np.maximum(_reference_error(shares) ** 2, predicted)))
    p_value = np.minimum(1.0, -2 * cells.sizes * smallest)
    return Answer(lower, upper, p_value, tolerance + (critical + _Z_POWER) * widest)


def _worth(shares: Shares, predicted: Array) -> Array:
    """How many independent rows the window's share is worth, at most nm / (n + m), at least 1."""
    n, m = shares.n[shares.cells.owner], shares.m[shares.cells.owner]
    most = np.maximum(n * m / np.maximum(n + m, 1), 1.0)
    worth: Array = np.clip(_inside(shares) * (1 - _inside(shares)) / np.maximum(predicted, _TINY), 1.0, most)
    return worth


def _inside(shares: Shares) -> Array:
    """The reference's share, kept half a row away from 0 and 1."""
    least = 0.5 / np.maximum(shares.m, 1)[shares.cells.owner]
    inside: Array = np.clip(shares.q, least, 1 - least)
    return inside


def _towards(shares: Shares) -> tuple[Array, Array]:
    """Shares of the window and of the reference, turned so that the window's is the lower one."""
    down = shares.p <= shares.q
    inside = _inside(shares)
    return np.where(down, shares.p, 1 - shares.p), np.where(down, inside, 1 - inside)


def _binomial_tail(shares: Shares, worth: Array, tolerance: Array, where: NDArray[np.bool_]) -> Array:
    """P(at most the window's share of ``worth`` rows) where the true share is ``tolerance`` nearer to it, in the cells
    ``where``."""
    p, q = (part[where] for part in _towards(shares))
    expected, worth = q - tolerance[where], worth[where]
    tail: Array = 1 - special.betainc(worth * p + 1, np.maximum(worth * (1 - p), _TINY), np.clip(expected, 0, 1))
    return np.where(expected > p, tail, 1.0)


def _binomial_lower(shares: Shares, worth: Array, level: Array, where: NDArray[np.bool_]) -> Array:
    """Lower bound of the change in the cells ``where``: the reference's share less the upper limit of the window's
    (Clopper and Pearson 1934)."""
    p, q = _towards(shares)
    limit = np.zeros_like(p)
    a, b = worth * p + 1, np.maximum(worth * (1 - p), _TINY)
    limit[where] = q[where] - special.betaincinv(a[where], b[where], 1 - level[where])
    return limit


def rows_below_cuts(distance: Array, n: Array, m: Array, tolerance: Array, alpha: float) -> Answer:
    """The Kolmogorov-Smirnov band: p = 2 c exp(-2 N max(0, D - tolerance)²), N = nm / (n + m).

    The bound without c is asymptotic; c = 1 + max(0, 40/k² - 0.07/k - 400/k³), k the smaller sample, is Wei and
    Dudley's (2012) correction for small samples.
    """
    effective = np.maximum(n * m / np.maximum(n + m, 1), _TINY)
    least = np.maximum(np.minimum(n, m), 12)
    scale = 2 * (1 + np.maximum(0.0, 40 / least**2 - 0.07 / least - 400 / least**3))
    radius = np.sqrt(np.log(scale / alpha) / (2 * effective))
    p_value = np.minimum(1.0, scale * np.exp(-2 * effective * np.maximum(distance - tolerance, 0) ** 2))
    mde = tolerance + radius + _Z_POWER * 0.5 / np.sqrt(effective)
    return Answer(distance - radius, distance + radius, p_value, mde)


def rows_in_categories(shares: Shares, tolerance: Array, alpha: float) -> Answer:
    """Newcombe's interval of each category's change (exact limits where counts are small), Bonferroni over a column's
    categories and two sides."""
    cells = shares.cells
    n, m = shares.n[cells.owner], shares.m[cells.owner]
    up = shares.p >= shares.q
    x, y = np.where(up, shares.current, n - shares.current), np.where(up, shares.reference, m - shares.reference)
    critical = normal_quantile(alpha / (2 * cells.sizes))
    limits = difference_lower(x, n, y, m, critical[cells.owner])
    lower, top = cells.largest(limits)
    upper, _ = cells.largest(2 * shares.change - limits)
    p_values = difference_p_value(x[top], n[top], y[top], m[top], tolerance)
    widest, _ = cells.largest(_reference_error(shares))
    mde = tolerance + (critical + _Z_POWER) * widest
    return Answer(lower, upper, np.minimum(1.0, 2 * cells.sizes * p_values), mde)


def _reference_error(shares: Shares) -> Array:
    rows = (1 / np.maximum(shares.n, 1) + 1 / np.maximum(shares.m, 1))[shares.cells.owner]
    return np.sqrt(shares.q * (1 - shares.q) * rows)
