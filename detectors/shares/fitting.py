"""What a reference knows of its own unrest at one window length: fitted once, then small enough to keep."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.shares.baseline import Baseline, fit
from detectors.shares.baseline_error import coefficient_covariance, step_error
from detectors.shares.cells import Cells
from detectors.shares.horizons import Horizon, mean_terms
from detectors.shares.memory import PAST, Memory, memory_of
from detectors.shares.seasons import DAY, WEEK
from detectors.shares.unrest import (
    ENOUGH,
    Deviations,
    Hours,
    Unrest,
    level_deviations,
    step_deviations,
    sums,
    unrest_of,
)

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

STEPS = DAY  # a step at the start of a longer window is no news that its mean would not tell as well
_WORTHWHILE = 0.9  # of the mean's variance: else a test of its own does not pay
_TINY = 1e-12
_FOREVER = 400  # hours, after which nothing is remembered


@dataclass(frozen=True)
class Fit:
    """A reference as the engine knows it: ``q`` [B] its shares, the hours it was fitted on, its own errors, and the
    variance ``row`` [B] of one row; ``levels``, or [F]: of how many stretches it took the mean by itself."""

    cells: Cells
    reference: Hours
    baseline: Baseline
    residuals: Array
    memory: Memory
    q: Array
    row: Array
    levels: int | Array = 1
    memo: dict[int, tuple[Unrest, Deviations]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def covariance(self) -> Array:
        """Of the baseline's coefficients, in units of one hour's variance, [F, 18, 18]; the same for all lengths."""
        return coefficient_covariance(self.reference, self.baseline, self.memory)


def fit_reference(cells: Cells, reference: Hours, row: Array | None = None, *, levels: int | Array = 1) -> Fit:
    """The seasonal baseline of a reference and the memory of what it leaves. ``row`` [B]: the variance of one row where
    what is added up is no share; else that of a share, q(1 - q), half a row away from 0. ``levels``: of how many
    stretches of it the mean was set to one before."""
    some = np.flatnonzero(reference.rows.sum(axis=1))
    if not len(some):  # one version has none of these columns
        some = np.arange(len(reference.rows))
    baseline = fit(cells, reference.start + some, reference.inside[some], reference.rows[some])
    residuals = reference.residuals(cells, baseline)
    median = np.array([np.median(part[part > 0]) if (part > 0).any() else 1.0 for part in reference.rows.T])
    weights = reference.rows / (reference.rows + median)
    memory = memory_of(cells, residuals / np.maximum(reference.rows, 1)[:, cells.owner], weights)
    total = reference.rows.sum(axis=0)
    q = reference.inside.sum(axis=0) / np.maximum(total, 1)[cells.owner]
    least = 0.5 / np.maximum(total, 1)[cells.owner]
    inside = np.clip(q, least, 1 - least)
    return Fit(cells, reference, baseline, residuals, memory, q, inside * (1 - inside) if row is None else row, levels)


def horizon(fitted: Fit, length: int) -> Horizon:
    """The unrest of windows of a length: of their own kind where the reference has 8 of them, and at least what its
    shorter windows and its memory foretell."""
    cells, memory = fitted.cells, fitted.memory
    columns = fitted.reference.rows.shape[1]
    level, found = _level(fitted, length)
    weights = memory.step_weights(length) if length <= STEPS else np.zeros((columns, PAST + length))
    step, worthwhile = None, np.zeros(columns, dtype=bool)
    if length <= STEPS and (memory.first > 0).any():
        deviations = step_deviations(cells, fitted.reference, fitted.residuals, fitted.row, weights, length)
        step = _in_new_weeks(fitted, unrest_of(cells, deviations, np.zeros(columns), length), weights)
        worthwhile = _pays(cells, fitted, step, level, deviations, found)
    return Horizon(
        length=length,
        baseline=fitted.baseline,
        q=fitted.q,
        row=fitted.row,
        level=level,
        step=step if step is not None else Unrest(np.zeros(len(fitted.q)), np.ones(columns), np.ones((DAY, columns))),
        weights=weights,
        worthwhile=worthwhile,
        rate=_rate(fitted),
        windows=found.disjoint,
        factor=np.ones(columns),
        learned=np.zeros(columns, dtype=bool),
        odd=np.zeros((columns, 2), dtype=np.int64),
    )


def _own(fitted: Fit, length: int) -> tuple[Unrest, Deviations]:
    """What the reference's windows of this length tell by themselves, found once."""
    if length not in fitted.memo:
        found = level_deviations(fitted.cells, fitted.reference, fitted.residuals, fitted.row, length)
        fitted.memo[length] = unrest_of(fitted.cells, found, taken(fitted, found, length), length), found
    return fitted.memo[length]


def _level(fitted: Fit, length: int) -> tuple[Unrest, Deviations]:
    cells = fitted.cells
    own, found = _own(fitted, length)
    own_excess = np.where((found.disjoint >= ENOUGH)[cells.owner], own.excess, 0.0)
    best, most, degrees = np.zeros(len(own_excess)), np.full(len(own.degrees), -1.0), own.degrees
    for shorter in (1, 6, DAY):
        if shorter >= length or len(fitted.residuals) < ENOUGH * shorter:
            continue
        part, windows = _own(fitted, shorter)
        enough = windows.disjoint >= ENOUGH
        ratio = fitted.memory.variance(length) / fitted.memory.variance(shorter)
        foretold = np.where(enough[cells.owner], part.excess * ratio[cells.owner], 0.0)
        total = np.where(enough, np.add.reduceat(foretold, cells.starts), -1.0)
        degrees = np.where(total > most, part.degrees, degrees)
        best, most = np.maximum(best, foretold), np.maximum(most, total)
    return Unrest(np.maximum(own_excess, best), _worth(cells, own_excess, best, own, degrees), own.by_hour), found


def _worth(cells: Cells, own_excess: Array, foretold: Array, own: Unrest, degrees: Array) -> Array:
    """Degrees of the larger of the two variances: those of the foretold, fewer by as much as it goes beyond it
    (Satterthwaite 1946)."""
    beyond = np.maximum(own_excess - foretold, 0)
    total, extra = (np.add.reduceat(part, cells.starts) for part in (np.maximum(own_excess, foretold), beyond))
    share = np.clip(extra / np.maximum(total, _TINY), 0, 1)
    found: Array = 1 / ((1 - share) ** 2 / degrees + share**2 / own.degrees)
    return found


def taken(fitted: Fit, found: Deviations, length: int) -> Array:
    """The share of a window's variance that the baseline takes with it: rows times leverage, [F]; and of each level
    more one window of all that there are."""
    ends = found.ends - fitted.reference.start
    if len(ends) == 0:
        return np.zeros(found.usable.shape[1])
    chosen = ends[:: max(1, len(ends) // 64)]
    rows = sums(fitted.reference.rows, length, chosen)
    leverage = fitted.baseline.leverage(mean_terms(fitted.reference, length, chosen))
    more = (fitted.levels - 1) * length / len(fitted.residuals)
    taken: Array = np.clip((rows * leverage).mean(axis=0) + more, 0, 0.5)
    return taken


def _in_new_weeks(fitted: Fit, step: Unrest, weights: Array) -> Unrest:
    """The baseline followed the reference's own steps, which therefore lack its error; those of other weeks have it."""
    hour, found = _own(fitted, 1)
    variance = hour.excess + (found.independent.mean(axis=0) if len(found.ends) else 0.0)
    error = step_error(fitted.covariance, weights)
    return replace(step, excess=step.excess + 2 * error[fitted.cells.owner] * variance)


def _pays(cells: Cells, fitted: Fit, step: Unrest, level: Unrest, steps: Deviations, levels: Deviations) -> Flags:
    """Columns whose step has clearly less variance than the mean of the window."""
    if len(steps.ends) == 0 or len(levels.ends) == 0:
        return np.zeros(steps.usable.shape[1], dtype=bool)
    one = np.add.reduceat(step.excess + steps.independent.mean(axis=0), cells.starts)
    other = np.add.reduceat(level.excess + levels.independent.mean(axis=0), cells.starts)
    return (fitted.memory.first > 0) & (one < _WORTHWHILE * other) & (steps.disjoint >= ENOUGH)


def _rate(fitted: Fit) -> Array:
    """Long-run variance in units of independent rows: what the baseline's own error has too much, [F]."""
    hours = len(fitted.residuals)
    length = next((one for one in (WEEK, DAY, 6) if hours >= ENOUGH * one), 1)
    level, found = _level(fitted, length)
    if len(found.ends) == 0:
        return np.ones(fitted.reference.rows.shape[1])
    independent = np.add.reduceat(found.independent.mean(axis=0), fitted.cells.starts)
    excess = np.add.reduceat(level.excess, fitted.cells.starts)
    later = fitted.memory.variance(_FOREVER) * _FOREVER / (fitted.memory.variance(length) * length)
    rate: Array = 1 + excess / np.maximum(independent, _TINY) * np.maximum(later, 1.0)
    return rate
