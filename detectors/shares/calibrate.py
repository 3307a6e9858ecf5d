"""Replay of the reference: each week judged by the others; what would have alarmed widens the variance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import t_quantile
from detectors.shares.baseline import Baseline, Normal, solve
from detectors.shares.cells import Cells
from detectors.shares.fitting import Fit
from detectors.shares.horizons import Changes, Horizon, level_changes, step_changes
from detectors.shares.memory import PAST
from detectors.shares.seasons import DAY, WEEK, terms

Array = NDArray[np.float64]

FEWEST = 3  # weeks, below which nothing can be left out


def calibrated(fitted: Fit, known: Horizon, tolerance: Array, alpha: float) -> Horizon:
    """The horizon with the least ``factor`` >= 1 by which its variance must grow so that no window of the reference,
    judged by the other weeks, rejects H0: at most ``tolerance`` [F] moved."""
    hours = len(fitted.residuals)
    if hours // WEEK < FEWEST or known.length > WEEK:  # a week left out holds no window longer than itself
        return known
    design = terms(fitted.reference.hours)
    inside, rows = fitted.reference.inside, fitted.reference.rows
    whole = Normal.of(design, inside, rows)
    needed = np.ones(rows.shape[1])
    for last in range(hours, WEEK - 1, -WEEK):
        week = slice(last - WEEK, last)
        others = solve(
            fitted.cells, whole.without(Normal.of(design[week], inside[week], rows[week])), fitted.baseline.sizes
        )
        needed = np.maximum(needed, _needed(fitted, others, known, last, tolerance, alpha))
    return replace(known, factor=needed)


def _needed(fitted: Fit, others: Baseline, known: Horizon, last: int, tolerance: Array, alpha: float) -> Array:
    stride = 1 if known.length < DAY else 4 if known.length < WEEK else DAY
    first = max(0, last - WEEK - PAST)
    week = fitted.reference.part(first, last)
    ends = np.arange(last - WEEK + known.length, last + 1, stride) - first
    cells, held_out = fitted.cells, replace(known, baseline=others)
    both = known.worthwhile
    share = np.where(both, 0.5, 1.0) * alpha / (2 * cells.sizes)
    level = level_changes(cells, held_out, week, ends)
    found = _ratio(cells, level, tolerance, share)
    if both.any() and len(late := ends[ends >= known.weights.shape[1]]):
        step = step_changes(cells, held_out, week, late, level.last(len(late)))
        if step is not None:
            found = np.maximum(found, np.where(both, _ratio(cells, step, tolerance, share), 0.0))
    return found


def _ratio(cells: Cells, changes: Changes, tolerance: Array, level: Array) -> Array:
    """The largest square of (change beyond the tolerance) / (critical value × standard error), [F]."""
    critical = t_quantile(level, changes.degrees)[cells.owner]
    beyond = np.maximum(np.abs(changes.change) - tolerance[cells.owner], 0)
    ratio = np.where(changes.usable[:, cells.owner], beyond**2 / (critical**2 * changes.variance), 0.0)
    return np.maximum.reduceat(ratio.max(axis=0), cells.starts)
