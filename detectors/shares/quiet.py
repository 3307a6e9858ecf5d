"""Weeks of the log in which nothing drifted: they tell what a reference of few weeks cannot know of long windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.shares.calibrate import calibrated
from detectors.shares.cells import Cells
from detectors.shares.fitting import Fit, fit_reference, horizon
from detectors.shares.horizons import Horizon
from detectors.shares.seasons import WEEK
from detectors.shares.unrest import ENOUGH, Hours

Array = NDArray[np.float64]


def fit_with(cells: Cells, reference: Hours, quiet: Hours) -> Fit:
    """A reference and quiet weeks after it as one stretch, hours of the week in their place. The weeks are given the
    reference's mean: how far the log is from it is what is to be told, and no unrest."""
    level, own = (_mean(cells, one) for one in (reference, quiet))
    gap = (quiet.start - reference.start - len(reference.rows)) % WEEK
    moved = quiet.inside + quiet.rows[:, cells.owner] * (level - own)
    inside = np.concatenate([reference.inside, np.zeros((gap, len(level))), moved])
    rows = np.concatenate([reference.rows, np.zeros((gap, reference.rows.shape[1])), quiet.rows])
    return fit_reference(cells, Hours(reference.start, inside, rows), levels=2)


def _mean(cells: Cells, hours: Hours) -> Array:
    mean: Array = hours.inside.sum(axis=0) / np.maximum(hours.rows.sum(axis=0), 1)[cells.owner]
    return mean


def taught(cells: Cells, longer: Fit, known: Horizon, tolerance: float, alpha: float) -> Horizon:
    """A horizon that has fewer than 8 windows, with the unrest that reference and quiet weeks show together where those
    have 8. The level is the reference's."""
    more = horizon(longer, known.length)
    more = calibrated(longer, more, np.full(len(more.windows), tolerance), alpha)
    better = (known.windows < ENOUGH) & (more.windows >= ENOUGH)
    cell = better[cells.owner]
    level = replace(
        known.level,
        excess=np.where(cell, more.level.excess, known.level.excess),
        degrees=np.where(better, more.level.degrees, known.level.degrees),
        by_hour=np.where(better, more.level.by_hour, known.level.by_hour),
    )
    return replace(
        known,
        level=level,
        rate=np.where(better, np.maximum(more.rate, known.rate), known.rate),
        windows=np.where(better, more.windows, known.windows),
        factor=np.where(better, more.factor, known.factor),
        learned=better,
        replayed=known.replayed or more.replayed,
    )
