"""What the number of rows alone says of "more than the tolerance has moved", and the form in which a rule answers.

A rule answers with a lower bound of the largest change and with the p-value of H0: no change exceeds the tolerance, and
the two agree: p <= alpha where the bound >= tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import difference_lower, difference_p_value, normal_quantile
from detectors.shares.cells import Cells

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
    found with 90 % power; ``sudden``: where a step said more than the mean; ``change``: the largest change itself, of
    the last ``hours`` of the window, 0 where it is of the whole; [F] or [W, F] each."""

    lower: Array
    upper: Array
    p_value: Array
    mde: Array
    sudden: NDArray[np.bool_]
    change: Array
    hours: NDArray[np.int64]

    def window(self, place: int) -> Answer:
        """That of one of W windows."""
        return Answer(*(getattr(self, field.name)[place] for field in fields(self)))

    def at_level(self, part: float) -> Answer:
        """Of a test that has a part of the level, as of one that has all of it."""
        return replace(self, p_value=np.minimum(1.0, self.p_value / part))

    def or_else(self, other: Answer, hours: int, where: NDArray[np.bool_]) -> Answer:
        """Either may tell: the p-value is the lesser; ``where``, the rest is the other one, of the last ``hours``."""
        return Answer(
            np.where(where, other.lower, self.lower),
            np.where(where, other.upper, self.upper),
            np.minimum(self.p_value, other.p_value),
            self.mde,
            np.where(where, other.sudden, self.sudden),
            np.where(where, other.change, self.change),
            np.where(where, hours, self.hours),
        )

    def and_also(self, other: Answer, where: NDArray[np.bool_]) -> Answer:
        """Both rules must agree in the columns ``where``; elsewhere this one stands alone."""
        return replace(
            self,
            lower=np.where(where, np.minimum(self.lower, other.lower), self.lower),
            upper=np.where(where, np.maximum(self.upper, other.upper), self.upper),
            p_value=np.where(where, np.maximum(self.p_value, other.p_value), self.p_value),
            mde=np.where(where, np.maximum(self.mde, other.mde), self.mde),
        )


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
    return _of_rows(distance, distance - radius, distance + radius, p_value, mde)


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
    largest, _ = cells.largest(shares.change)
    return _of_rows(largest, lower, upper, np.minimum(1.0, 2 * cells.sizes * p_values), mde)


def _of_rows(change: Array, lower: Array, upper: Array, p_value: Array, mde: Array) -> Answer:
    whole = np.zeros(len(mde), dtype=np.int64)
    return Answer(lower, upper, p_value, mde, whole.astype(bool), change, whole)


def _reference_error(shares: Shares) -> Array:
    rows = (1 / np.maximum(shares.n, 1) + 1 / np.maximum(shares.m, 1))[shares.cells.owner]
    return np.sqrt(shares.q * (1 - shares.q) * rows)
