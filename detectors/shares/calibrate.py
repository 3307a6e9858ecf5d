"""Replay of the reference: each week judged by the others; what would have alarmed widens the variance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import t_quantile
from detectors.shares.baseline import Baseline, Normal, solve
from detectors.shares.cells import Cells
from detectors.shares.fitting import Fit
from detectors.shares.horizons import Changes, Horizon, level_changes, step_changes
from detectors.shares.memory import PAST
from detectors.shares.seasons import DAY, WEEK, terms
from detectors.shares.unrest import Hours

Array = NDArray[np.float64]

FEWEST = 3  # weeks, below which nothing can be left out


@dataclass(frozen=True)
class Week:
    """A week of a reference: what the ``others`` expect, and its hours, with those before it that foretell them, as
    ``stretch``."""

    others: Baseline
    stretch: Hours


@dataclass(frozen=True)
class HeldOut:
    """A week of a reference: what the ``others`` expect, its hours (with those before it that foretell them) as
    ``stretch``, and the ``ends`` int64 [W] of its windows in there."""

    others: Baseline
    stretch: Hours
    ends: NDArray[np.int64]


def can_replay(fitted: Fit, length: int) -> bool:
    """Whether a reference has weeks enough to be replayed, and a week a window of so many hours."""
    return len(fitted.residuals) // WEEK >= FEWEST and length <= WEEK


def weeks_of(fitted: Fit) -> list[Week]:
    """Each whole week of a reference, from the end on; none where fewer than two others would remain."""
    hours, found = len(fitted.residuals), []
    if hours // WEEK < FEWEST:
        return []
    design = terms(fitted.reference.hours)
    inside, rows = fitted.reference.inside, fitted.reference.rows
    whole = Normal.of(design, inside, rows)
    for last in range(hours, WEEK - 1, -WEEK):
        week = slice(last - WEEK, last)
        others = whole.without(Normal.of(design[week], inside[week], rows[week]))
        stretch = fitted.reference.part(max(0, last - WEEK - PAST), last)
        found.append(Week(solve(fitted.cells, others, fitted.baseline.sizes), stretch))
    return found


def held_out(fitted: Fit, length: int, weeks: Sequence[Week] | None = None) -> Iterator[HeldOut]:
    """Each whole week from the end on, with its windows of so many hours; none where a week holds no such window, or
    fewer than two others remain. ``weeks``: of all lengths, where they were made before."""
    if not can_replay(fitted, length):
        return
    stride = 1 if length < DAY else 4 if length < WEEK else DAY
    for week in weeks_of(fitted) if weeks is None else weeks:
        hours = len(week.stretch.rows)
        yield HeldOut(week.others, week.stretch, np.arange(hours - WEEK + length, hours + 1, stride))


def calibrated(
    fitted: Fit, known: Horizon, tolerance: Array, alpha: float, weeks: Sequence[Week] | None = None
) -> Horizon:
    """The horizon with the least ``factor`` >= 1 by which its variance must grow so that no window of the reference,
    judged by the other weeks, rejects H0: at most ``tolerance`` [F] moved. ``weeks``: as of ``held_out``."""
    needed = np.ones(fitted.reference.rows.shape[1])
    for week in held_out(fitted, known.length, weeks):
        needed = np.maximum(needed, _needed(fitted.cells, week, known, tolerance, alpha))
    return replace(known, factor=needed, replayed=can_replay(fitted, known.length))


def _needed(cells: Cells, week: HeldOut, known: Horizon, tolerance: Array, alpha: float) -> Array:
    by_others = replace(known, baseline=week.others)
    both = known.worthwhile
    share = np.where(both, 0.5, 1.0) * alpha / (2 * cells.sizes)
    level = level_changes(cells, by_others, week.stretch, week.ends)
    found = _ratio(cells, level, tolerance, share)
    if both.any() and len(late := week.ends[week.ends >= known.weights.shape[1]]):
        step = step_changes(cells, by_others, week.stretch, late, level.last(len(late)))
        if step is not None:
            found = np.maximum(found, np.where(both, _ratio(cells, step, tolerance, share), 0.0))
    return found


def _ratio(cells: Cells, changes: Changes, tolerance: Array, level: Array) -> Array:
    """The largest square of (change beyond the tolerance) / (critical value × standard error), [F]."""
    critical = t_quantile(level, changes.degrees)[cells.owner]
    beyond = np.maximum(np.abs(changes.change) - tolerance[cells.owner], 0)
    ratio = np.where(changes.usable[:, cells.owner], beyond**2 / (critical**2 * changes.variance), 0.0)
    return np.maximum.reduceat(ratio.max(axis=0), cells.starts)
