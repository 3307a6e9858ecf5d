"""Weeks of the log in which nothing drifted: they tell what a reference of few weeks cannot know of long windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, NumericColumn
from detectors.profile import ReferenceProfile
from detectors.shares.calibrate import calibrated
from detectors.shares.cells import Cells
from detectors.shares.covered import covered
from detectors.shares.fitting import Fit, fit_reference, horizon
from detectors.shares.horizons import Horizon
from detectors.shares.seasons import WEEK
from detectors.shares.unrest import ENOUGH, Hours

Array = NDArray[np.float64]


def fit_with(cells: Cells, reference: Hours, quiet: Hours, levels: int | Array = 1) -> Fit:
    """A reference and quiet weeks after it as one stretch, hours of the week in their place. The weeks are given the
    reference's mean: how far the log is from it is what is to be told, and no unrest. ``levels``: of the reference, as
    of a ``Fit``."""
    level, own = (_mean(cells, one) for one in (reference, quiet))
    gap = (quiet.start - reference.start - len(reference.rows)) % WEEK
    moved = quiet.inside + quiet.rows[:, cells.owner] * (level - own)
    inside = np.concatenate([reference.inside, np.zeros((gap, len(level))), moved])
    rows = np.concatenate([reference.rows, np.zeros((gap, reference.rows.shape[1])), quiet.rows])
    return fit_reference(cells, Hours(reference.start, inside, rows), levels=levels + 1)


def _mean(cells: Cells, hours: Hours) -> Array:
    mean: Array = hours.inside.sum(axis=0) / np.maximum(hours.rows.sum(axis=0), 1)[cells.owner]
    return mean


def taught(cells: Cells, longer: Fit, known: Horizon, tolerance: float, alpha: float) -> Horizon:
    """A horizon that has fewer than 8 windows, with the unrest that reference and quiet weeks show together where those
    have 8. The level is the reference's."""
    more = horizon(longer, known.length)
    more = calibrated(longer, more, np.full(len(more.windows), tolerance), alpha)
    better = (known.windows < ENOUGH) & (more.windows >= ENOUGH)
    cell, kept = better[cells.owner], known.odd.any(axis=1)  # what calibrates for odd hours is the reference alone
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
        factor=np.where(better, np.where(kept, np.maximum(more.factor, known.factor), more.factor), known.factor),
        learned=better,
        replayed=known.replayed or more.replayed,
    )


def windows_of_columns(binning: Binning, profile: ReferenceProfile, length: int) -> NDArray[np.int64]:
    """In how many whole windows of so many hours, counted back from the last hour that it covers, a reference with
    times has rows that say something, by column."""
    hours = profile.hours
    if hours is None:
        raise ValueError("a reference without times has no windows")
    ends = [(binning.offsets[one.name], told_slots(binning, one.name).stop) for one in binning.columns]
    rows = np.add.reduceat(profile.counts, np.ravel(ends), axis=1, dtype=np.int64)[:, ::2]
    span = covered(hours)
    window = (hours[0] + span - 1 - hours) // length
    whole = window < span // length
    starts = np.flatnonzero(np.diff(window[whole], prepend=-1))
    if len(starts) == 0:
        return np.zeros(len(ends), np.int64)
    found: NDArray[np.int64] = (np.add.reduceat(rows[whole], starts, axis=0) > 0).sum(axis=0)
    return found


def told_slots(binning: Binning, name: str) -> slice:
    """The slots of a column that a share of its rows may be of: bins, or levels with those that are rare or unseen."""
    if isinstance(binning.by_name[name], NumericColumn):
        return binning.slots(name)
    return binning.named_or_not(name)
