"""A few hours of a reference that are unlike all its others: left out of what is usual, and told.

Three hours of a broken sensor in four weeks are no unrest. Their squares would be most of the variance, and their
fourth powers all of its tail: windows of a day would see nothing but what moves half of the rows. The replay of the
reference (``calibrate``) keeps them, so that what they were alarms no sooner than before.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from detectors.shares.calibrate import FEWEST
from detectors.shares.fitting import Fit, fit_reference
from detectors.shares.seasons import DAY, WEEK
from detectors.shares.unrest import Hours, between, has_heavy_tails, level_deviations, running

Array = NDArray[np.float64]
Places = NDArray[np.int64]

_LENGTHS = (1, 2, 3, 4, 6, 8, 12)  # hours of a spell
_UNLIKE = 3.0  # times as far from the baseline as the farthest of all other hours, in standard deviations
_FAR = 8.0  # standard deviations
_SHARE = 0.02  # of the spell's rows that are elsewhere, at least; less is no drift
_ROWS = 20.0  # so many rows, at least
_MEDIAN = 0.4549  # of chi-square with one degree of freedom


def odd_hours(fitted: Fit) -> Places:
    """The one spell of up to 12 hours of each column that is three times as far from the baseline as any other spell of
    its length, and 8 standard deviations: its first hour (since 1970) and the one after its last, int64 [F, 2]; zeros
    of a column without one. It lies within a week that the calibration replays, of three at least.

    Distances are in units of what spells of that length differ by (from their median, which a few do not move), so days
    that wander have none; nor have columns whose other hours have heavy tails, as the spell is one of many then.
    """
    cells, hours = fitted.cells, fitted.reference
    found: Places = np.zeros((len(cells.sizes), 2), dtype=np.int64)
    if len(hours.rows) // WEEK < FEWEST:
        return found
    residuals, rows = running(fitted.residuals), hours.running_rows
    farthest = np.zeros(len(cells.sizes))
    for length in _LENGTHS:
        square = _squares(fitted, residuals, rows, length)
        place, far, others = _farthest(square, length)
        odd = (far >= _FAR**2) & (far > _UNLIKE**2 * others) & _moved(fitted, residuals, rows, length, place)
        better = odd & (far > farthest)
        found = np.where(better[:, None], np.stack([place, place + length], axis=1), found)
        farthest = np.where(better, far, farthest)
    week = (found - np.array([0, 1]) - len(hours.rows) % WEEK) // WEEK
    found = np.where((found[:, 1:] > 0) & (week[:, :1] >= 0) & (week[:, :1] == week[:, 1:]), found + hours.start, 0)
    return found * ~_heavy_tails(without_odd_hours(fitted, found))[:, None] if found.any() else found


def without_odd_hours(fitted: Fit, odd: Places) -> Fit:
    """The same reference, each column without rows in its ``odd`` hours [F, 2]."""
    if not odd.any():
        return fitted
    inside, rows = fitted.reference.inside.copy(), fitted.reference.rows.copy()
    for column in np.flatnonzero(odd[:, 1]).tolist():
        first, last = (odd[column] - fitted.reference.start).tolist()
        start, size = int(fitted.cells.starts[column]), int(fitted.cells.sizes[column])
        inside[first:last, start : start + size] = 0.0
        rows[first:last, column] = 0.0
    return fit_reference(fitted.cells, Hours(fitted.reference.start, inside, rows), levels=fitted.levels)


def as_details(odd: Places) -> dict[str, str]:
    """One spell [2] as details tell it: ``start`` and ``end`` (RFC 3339)."""
    moments = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in odd.tolist()]
    start, end = (one.strftime("%Y-%m-%dT%H:%M:%SZ") for one in moments)
    return {"start": start, "end": end}


def _squares(fitted: Fit, residuals: Array, rows: Array, length: int) -> Array:
    """Of every spell of a length that has rows, how far its loudest cell is off, squared, [W, F]."""
    cells = fitted.cells
    ends = np.arange(length, len(residuals))
    n = between(rows, length, ends)
    usable = n > 0
    each = np.maximum(n, 1)[:, cells.owner]
    square: Array = between(residuals, length, ends) ** 2 / (each * np.maximum(fitted.row, 1e-12))
    square[~usable[:, cells.owner]] = np.inf
    middle = np.maximum(usable.sum(axis=0) - 1, 0)[cells.owner] // 2
    usual = np.take_along_axis(np.sort(square, axis=0), middle[None], axis=0) / _MEDIAN
    square[~usable[:, cells.owner]] = 0.0
    found: Array = np.maximum.reduceat(square / np.maximum(usual, 1.0), cells.starts, axis=1)
    return found


def _farthest(square: Array, length: int) -> tuple[Places, Array, Array]:
    """The farthest spell of each column: its first hour's place, its square, and the largest of those that have no
    hour of it, [F] each."""
    place = np.argmax(square, axis=0)
    far = square[place, np.arange(square.shape[1])]
    near = np.abs(np.arange(len(square))[:, None] - place) < length
    return place, far, np.where(near, 0.0, square).max(axis=0)


def _moved(fitted: Fit, residuals: Array, rows: Array, length: int, place: Places) -> NDArray[np.bool_]:
    """Whether the spell at each ``place`` has rows and shares enough elsewhere, [F]."""
    owner = fitted.cells.owner
    first = place[owner]
    where = np.arange(len(owner))
    off = np.abs(residuals[first + length, where] - residuals[first, where])
    off = np.maximum.reduceat(off, fitted.cells.starts)
    columns = np.arange(len(place))
    n = rows[place + length, columns] - rows[place, columns]
    enough: NDArray[np.bool_] = (off >= _ROWS) & (off >= _SHARE * np.maximum(n, 1))
    return enough


def _heavy_tails(fitted: Fit) -> NDArray[np.bool_]:
    """Columns whose other windows have heavy tails all the same, [F]."""
    found = np.zeros(len(fitted.cells.sizes), dtype=bool)
    for length in (1, 6, DAY):
        windows = level_deviations(fitted.cells, fitted.reference, fitted.residuals, fitted.row, length)
        found |= has_heavy_tails(fitted.cells, windows, length)
    return found
