"""The test of windows of one length against what a reference knows of its own unrest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.intervals import normal_quantile, t_quantile, t_tail
from detectors.shares.baseline import Baseline
from detectors.shares.bounds import POWER, Answer
from detectors.shares.cells import Cells
from detectors.shares.memory import PAST
from detectors.shares.seasons import DAY
from detectors.shares.unrest import Hours, Unrest, between, contrast, steps_usable

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_Z_POWER = float(normal_quantile(1 - POWER))
_TINY = 1e-12
_MANY_TIMES = 8.0  # a rare share that became so many times as large: by what it was, a window would be worth a few rows


@dataclass(frozen=True)
class Horizon:
    """What a reference knows of windows of one length.

    Its shares ``q`` [B] with the variance ``row`` [B] of one row, and its ``baseline``; ``level`` is the unrest of
    windows' mean shares, ``step`` that of a step at their start by ``weights`` [F, 48 + length], used where
    ``worthwhile`` [F]; ``rate`` [F]: how many times the variance of independent rows a long mean has; ``windows`` [F]:
    how many it has without overlap; ``factor`` [F]: of the calibration, 1 where none was needed, or where the reference
    was not ``replayed``: it has too few weeks, or the windows are longer; ``learned`` [F]: whether the log told it;
    ``odd`` [F, 2]: the first and last hour (since 1970) of a spell of the reference that was left out of all this but
    the calibration, zeros without one.
    """

    length: int
    baseline: Baseline
    q: Array
    row: Array
    level: Unrest
    step: Unrest
    weights: Array
    worthwhile: Flags
    rate: Array
    windows: Array
    factor: Array
    learned: Flags
    odd: NDArray[np.int64]
    replayed: bool = False


def mean_terms(stretch: Hours, length: int, ends: NDArray[np.int64]) -> Array:
    """Mean terms of the rows of each window, [W, F, 18]."""
    rows = between(stretch.running_rows, length, ends)
    found: Array = between(stretch.running_terms, length, ends) / np.maximum(rows, 1)[:, :, None]
    return found


def _designs(
    baseline: Baseline, stretch: Hours, length: int, ends: NDArray[np.int64]
) -> list[tuple[Baseline, Array, Array]]:
    """Of each part of a mixed baseline its share of each window's rows [W, F], and their mean terms [W, F, 18]."""
    if stretch.of_parts is None or not baseline.parts:
        return [(baseline, np.ones((len(ends), stretch.rows.shape[1])), mean_terms(stretch, length, ends))]
    rows = np.maximum(between(stretch.running_rows, length, ends), 1e-9)
    found = []
    for part, own in zip(baseline.parts, stretch.of_parts, strict=True):
        alone = Hours(stretch.start, stretch.inside, own)
        mine = between(alone.running_rows, length, ends)
        design = between(alone.running_terms, length, ends) / np.maximum(mine, 1e-9)[:, :, None]
        found.append((part, mine / rows, design))
    return found


def leverage(baseline: Baseline, stretch: Hours, length: int, ends: NDArray[np.int64]) -> Array:
    """Variance of the baseline at the rows of each window, in units of one row's variance, [W, F]; parts of a mixed one
    err independently."""
    found: Array = np.sum(
        [share**2 * part.leverage(design) for part, share, design in _designs(baseline, stretch, length, ends)], axis=0
    )
    return found


def expected_mean(cells: Cells, baseline: Baseline, stretch: Hours) -> Array:
    """Share that the rows of a stretch are expected to have, [B]."""
    length = len(stretch.rows)
    parts = _designs(baseline, stretch, length, np.array([length]))
    found: Array = np.sum(
        [share[0][cells.owner] * part.mean(cells, design[0]) for part, share, design in parts], axis=0
    )
    return found


@dataclass(frozen=True)
class Changes:
    """Of W windows: ``change`` [W, B] from the ``expected`` shares [W, B], with ``variance`` [W, B] and the
    ``degrees`` [F] that it is worth; ``usable`` [W, F]."""

    change: Array
    expected: Array
    variance: Array
    degrees: Array
    usable: Flags

    def last(self, count: int) -> Changes:
        """The last so many windows."""
        change, expected, variance = (part[-count:] for part in (self.change, self.expected, self.variance))
        return Changes(change, expected, variance, self.degrees, self.usable[-count:])


def level_changes(cells: Cells, known: Horizon, stretch: Hours, ends: NDArray[np.int64]) -> Changes:
    """The mean shares of windows.

    Variance: i.i.d. at the larger of the two binomial variances, the excess, and the baseline's own error.
    """
    rows = between(stretch.running_rows, known.length, ends)
    safe = np.maximum(rows, 1)[:, cells.owner]
    share = between(stretch.running_inside, known.length, ends) / safe
    change = between(stretch.beside(cells, known.baseline).running, known.length, ends) / safe
    expected = share - change
    larger = _larger(known, share, expected)
    error = leverage(known.baseline, stretch, known.length, ends) * known.rate
    by_hour = known.level.by_hour[(stretch.start + ends) % DAY][:, cells.owner]
    variance = larger * (known.row / safe + known.level.excess * by_hour + error[:, cells.owner] * known.row)
    factor = known.factor[cells.owner]
    return Changes(change, expected, variance * factor, known.level.degrees, rows > 0)


def step_changes(
    cells: Cells, known: Horizon, stretch: Hours, ends: NDArray[np.int64], level: Changes
) -> Changes | None:
    """The steps at the start of windows; None where no column has a use for them or the hours before are not known."""
    if not known.worthwhile.any() or ends.min() < PAST + known.length:
        return None
    beside = stretch.beside(cells, known.baseline)
    change = contrast(beside.shares, known.weights.T, ends, cells.owner, beside.spectra)
    independent = contrast(1 / np.maximum(stretch.rows, 1), known.weights.T**2, ends)[:, cells.owner]
    by_hour = known.step.by_hour[(stretch.start + ends) % DAY][:, cells.owner]
    larger = _larger(known, level.expected + level.change, level.expected)
    variance = larger * (independent * known.row + known.step.excess * by_hour) * known.factor[cells.owner]
    usable = steps_usable(stretch.rows, known.weights, ends, known.length) & known.worthwhile
    return Changes(change, level.expected, variance, known.step.degrees, usable)


def _larger(known: Horizon, share: Array, expected: Array) -> Array:
    """How many times the variance of a row is that of the reference where it is largest: a share that wanders away
    from 0 or 1 wanders more."""
    spread = np.maximum(share * (1 - share), expected * (1 - expected))
    return np.maximum(spread / known.row, 1.0)


def answer(
    cells: Cells, known: Horizon, stretch: Hours, ends: NDArray[np.int64], tolerance: Array, alpha: float
) -> Answer:
    """Whether more than ``tolerance`` [F] of the rows moved in the windows that end at ``ends`` (places in the
    stretch): bounds of the largest change at ``alpha``, p-value and smallest change found, [W, F] each."""
    level = level_changes(cells, known, stretch, ends)
    step = step_changes(cells, known, stretch, ends, level)
    rows = between(stretch.running_rows, known.length, ends)
    both = np.zeros(rows.shape, dtype=bool) if step is None else step.usable
    lower, p_value = _tested(cells, level, rows, tolerance, alpha, both)
    sudden = np.zeros(rows.shape, dtype=bool)
    if step is not None:
        by_step = _tested(cells, _towards(step, level), rows, tolerance, alpha, both)
        sudden = both & (by_step[0] > lower)
        lower = np.where(sudden, by_step[0], lower)
        p_value = np.where(both, np.minimum(1, 2 * np.minimum(p_value, by_step[1])), p_value)
    critical = _critical(cells, level.degrees, alpha, both)
    deviation = np.sqrt(level.variance)
    upper = np.maximum.reduceat(np.abs(level.change) + critical[:, cells.owner] * deviation, cells.starts, axis=-1)
    widest = np.maximum.reduceat(deviation, cells.starts, axis=-1)
    mde = tolerance + (critical + _Z_POWER) * widest
    change = np.maximum.reduceat(np.abs(level.change), cells.starts, axis=-1)
    return Answer(lower, upper, p_value, mde, sudden, change, np.zeros(rows.shape, dtype=np.int64))


def _level(cells: Cells, alpha: float) -> Array:
    """Bonferroni over a column's cells and two sides, [F]."""
    return alpha / (2 * cells.sizes)


def _critical(cells: Cells, degrees: Array, alpha: float, both: Flags) -> Array:
    """Student's quantile [W, F]; half the level for each where ``both`` tests are made."""
    level = _level(cells, alpha)
    found: Array = np.where(both, t_quantile(level / 2, degrees), t_quantile(level, degrees))
    return found


def _towards(step: Changes, level: Changes) -> Changes:
    """No more of a step than the window's mean confirms: the end of a drift is a step, and no drift."""
    same = np.where(np.sign(step.change) == np.sign(level.change), np.abs(level.change), 0.0)
    return replace(step, change=np.sign(step.change) * np.minimum(np.abs(step.change), same))


def _tested(
    cells: Cells, found: Changes, rows: Array, tolerance: Array, alpha: float, both: Flags
) -> tuple[Array, Array]:
    """Lower bound of the largest change and p-value of H0: at most the tolerance, [W, F]."""
    worth_rows = np.maximum(rows, 1)[:, cells.owner]
    sure = np.abs(found.change) - 0.5 / worth_rows
    error = np.sqrt(found.variance) + _TINY
    critical = _critical(cells, found.degrees, alpha, both)
    by_cell = sure - critical[:, cells.owner] * error
    allowed = np.broadcast_to(tolerance[cells.owner], sure.shape)
    tails = np.ones_like(sure)
    # Nearer to the tolerance than this, Bonferroni makes any p-value 1.
    near = np.maximum(normal_quantile(np.minimum(0.5, 0.5 / cells.sizes)), 0.0)[cells.owner]
    beyond = sure - allowed > near * error
    owner = np.broadcast_to(cells.owner, sure.shape)
    degrees = found.degrees[owner[beyond]]
    tails[beyond] = t_tail((sure - allowed)[beyond] / error[beyond], degrees)
    level = np.where(both, 0.5, 1.0) * _level(cells, alpha)
    binomial_tail, binomial_lower = _binomial(found, sure, worth_rows, allowed, level[:, cells.owner], beyond)
    tails[beyond] = np.maximum(tails[beyond], binomial_tail)
    by_cell[beyond] = np.minimum(by_cell[beyond], binomial_lower)
    lower = np.maximum.reduceat(by_cell, cells.starts, axis=-1)
    smallest = np.minimum.reduceat(tails, cells.starts, axis=-1)
    return lower, np.minimum(1.0, 2 * cells.sizes * smallest)


def _spread(found: Changes, where: Flags) -> Array:
    """What the variance of a row is of a share as it is now."""
    share = np.clip(found.expected + found.change, 0.0, 1.0)[where]
    return share * (1 - share)


def _binomial(
    found: Changes, sure: Array, rows: Array, allowed: Array, level: Array, where: Flags
) -> tuple[Array, Array]:
    """Tail and lower bound of the change in a window that is worth only q(1 - q) / variance independent rows (Kish
    1965): a share near 0 or 1 is skewed, and Student's t does not know it."""
    up = (found.change > 0)[where]
    q = np.clip(found.expected[where], 0.5 / rows[where], 1 - 0.5 / rows[where])
    q = np.where(up, 1 - q, q)
    p = np.clip(q - sure[where], 0.0, 1.0)
    spread = np.maximum(q * (1 - q), _spread(found, where) / _MANY_TIMES)
    worth = np.clip(spread / np.maximum(found.variance[where], _TINY), 1.0, rows[where])
    nearer = q - allowed[where]
    a, b = worth * p + 1, np.maximum(worth * (1 - p), _TINY)
    tail = np.where(nearer > p, special.betainc(b, a, np.clip(1 - nearer, 0, 1)), 1.0)  # 1 - I is 0 below 1e-16
    limit = q - special.betaincinv(a, b, 1 - level[where])
    return tail, limit
