"""The last time that any of some columns changed: since then each of them is of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.profile import Reference
from detectors.rise import SHORT_TOLERANCE
from detectors.shares import cells as cell
from detectors.shares.engine import known_horizons, stretch_of
from detectors.shares.onset import KINDS, LEVEL, TOLERANCE, has_cells
from detectors.shares.seasons import DAY
from detectors.summary import WindowCounts

Array = NDArray[np.float64]
Places = NDArray[np.int64]

CERTAIN = 12.0  # log likelihood ratio of a change: of independent rows one column in 10,000 has one by chance
PART = 6  # hours
TOGETHER = 6  # hours within which columns are taken to have changed at once
_UNREST = 0.4549  # median of chi-square with one degree of freedom
_FEWEST_DAYS = 6  # whose ups and downs say how much days differ by themselves


@dataclass(frozen=True)
class LastChange:
    """The ``hour`` (since 1970) of the last change of all columns, None without one; ``names`` of those that have
    one."""

    hour: int | None
    names: frozenset[str]


@dataclass(frozen=True)
class _Beside:
    """Hours beside what the reference expects of them, running sums from the first on: ``off`` [H + 1, B] rows more
    than expected, ``rows`` [H + 1, B]; the variance of one row that goes together with those of its day, ``scale``
    [B], or of its six hours, ``scale_of_part`` [B]."""

    off: Array
    rows: Array
    scale: Array
    scale_of_part: Array

    def mean(self, first: Places | int, last: Places | int, where: Places | int) -> Array:
        """By how much the shares of [first, last) are off, of the cells ``where``."""
        rows = np.maximum(self.rows[last, where] - self.rows[first, where], 1)
        found: Array = (self.off[last, where] - self.off[first, where]) / rows
        return found


def last_change(
    binning: Binning, names: Sequence[str], current: WindowCounts, reference: Reference, *, length_hours: int
) -> LastChange:
    """The last change of the named columns in a stretch of ``length_hours``, which are whole days.

    Each monitored share by itself: days are parted into runs of one level beside the reference's (optimal partitioning,
    Jackson et al. 2005), a change costs 12 of log likelihood, and by how much days differ anyway, in the reference and
    here, is no change. One of less than the tolerance (0.02, 0.05 where the reference does not know its unrest) is none
    either. Days, as a rhythm is no change; the hour is the likeliest around the day (Hinkley 1970). Within the last
    two days hours are parted again: a column that moved and came back there has changed twice.
    """
    curves: list[tuple[int, Array]] = []
    changed: set[str] = set()
    for kind, make in KINDS:
        mine = [name for name in names if has_cells(binning, name, kind)]
        if mine:
            found = _of_kind(cell.remembered(make, binning, mine), current, reference, length_hours)
            changed |= {mine[place] for place, *_ in found}
            curves += [(hour, curve) for _, hour, curve in found]
    if not curves:
        return LastChange(None, frozenset())
    last = max(hour for hour, _ in curves)
    first = max(last - TOGETHER, 0)
    together = np.sum([curve[first : last + 1] for hour, curve in curves if hour >= first], axis=0)
    return LastChange(current.end_hour - length_hours + first + _likeliest(together), frozenset(changed))


def _of_kind(
    cells: cell.Cells, current: WindowCounts, reference: Reference, length: int
) -> list[tuple[int, int, Array]]:
    """Of every column that changed its place, the hour, and the log likelihood ratio of a change at every hour of its
    loudest cell, [H]."""
    beside, tolerance = _beside(cells, current, reference, length)
    start, before = _runs(beside, length // DAY, tolerance)
    by_column: dict[int, list[tuple[int, float, Array]]] = {}
    for place in np.flatnonzero(start):
        left = start[place] - (DAY if start[place] - before[place] == DAY else 2 * DAY)
        around = max(int(left), 0), min(int(start[place]) + DAY, length)
        hour, curve = _hour(beside, int(place), around, length, tolerance)
        by_column.setdefault(int(cells.owner[place]), []).append((hour, float(curve[hour]), curve))
    found = []
    for column, its in by_column.items():
        newest = max(hour for hour, *_ in its)
        hour, _, curve = max((one for one in its if one[0] >= newest - DAY), key=lambda one: one[1])
        found.append((column, hour, curve))
    return found


def _beside(cells: cell.Cells, current: WindowCounts, reference: Reference, hours: int) -> tuple[_Beside, float]:
    stretch, _ = stretch_of(cells, current, hours, reference)
    known = known_horizons(cells, reference, {PART: LEVEL, DAY: LEVEL}, TOLERANCE)
    then, m = cells.count_reference(reference.total)
    rows = stretch.rows[:, cells.owner] * (m > 0)[cells.owner]
    shares_then = then / np.maximum(m, 1)[cells.owner]
    expected = np.broadcast_to(shares_then, rows.shape)
    if known is not None:
        expected = stretch.expected(cells, known[DAY].baseline)
    off = np.where(rows > 0, stretch.inside - rows * expected, 0.0)
    days = hours // DAY
    of_day = rows.reshape(days, DAY, -1).sum(axis=1)
    shares = (stretch.inside.reshape(days, DAY, -1).sum(axis=1) + 0.5) / (of_day + 1)
    variance = np.maximum((shares * (1 - shares) * (of_day > 0)).max(axis=0), shares_then * (1 - shares_then))
    variance = np.maximum(variance, 0.5 / np.maximum(of_day.max(axis=0), 1))
    own = _unrest(off.reshape(days, DAY, -1).sum(axis=1), of_day, variance)
    spread = {PART: 1 + (own - 1) * PART / DAY, DAY: own}
    for length, one in ({} if known is None else known).items():
        n = of_day.sum(axis=0) / days * length / DAY
        usual = one.factor[cells.owner] * (1 + n * one.level.excess / np.maximum(one.row, 1e-12))
        spread[length] = np.maximum(spread[length], usual)
    tolerance = SHORT_TOLERANCE if known is None else TOLERANCE
    return _Beside(_running(off), _running(rows), variance * spread[DAY], variance * spread[PART]), tolerance


def _unrest(off: Array, rows: Array, variance: Array) -> Array:
    """How many times the variance of independent rows a day has, by what it differs from the day before: the median,
    which a few changes do not move. [B], at least 1."""
    if len(off) < _FEWEST_DAYS:
        return np.ones(off.shape[1])
    share, each = off / np.maximum(rows, 1), 1 / np.maximum(rows, 1)
    found: Array = np.median(np.diff(share, axis=0) ** 2 / (variance * (each[1:] + each[:-1])), axis=0) / _UNREST
    return np.maximum(found, 1)


def _runs(beside: _Beside, days: int, tolerance: float) -> tuple[Places, Places]:
    """Where the last run of days of one level begins, and the one before it, in hours [B]; 0 without a change."""
    off, rows = beside.off[::DAY], beside.rows[::DAY]
    every = np.arange(off.shape[1])
    best, before = np.zeros_like(off), np.zeros(off.shape, dtype=np.int64)
    best[0] = CERTAIN  # the first run costs nothing
    for day in range(1, days + 1):
        fit = (off[day] - off[:day]) ** 2 / (2 * beside.scale * np.maximum(rows[day] - rows[:day], 1))
        whole = best[:day] + fit - CERTAIN
        before[day] = np.argmax(whole, axis=0)
        best[day] = whole[before[day], every]
    start = before[days]
    earlier = before[start, every]
    while True:
        level = beside.mean(start * DAY, np.full_like(start, days * DAY), every)
        little = np.abs(level - beside.mean(earlier * DAY, start * DAY, every)) < tolerance
        merged = little & (start > 0)
        if not merged.any():
            return start * DAY, earlier * DAY
        start = np.where(merged, earlier, start)
        earlier = np.where(merged, before[start, every], earlier)


def _hour(beside: _Beside, place: int, around: tuple[int, int], length: int, tolerance: float) -> tuple[int, Array]:
    """The hour of one cell's change ``around`` a day, and the log likelihood ratio of every hour, [H]."""
    curve = _ratios(beside, place, around[0], length, beside.scale)
    curve[around[1] + 1 :] = 0.0
    hour = _likeliest(curve)
    while length - hour < 2 * DAY:
        later = _ratios(beside, place, hour, length, beside.scale_of_part)
        again = _likeliest(later)
        much = abs(beside.mean(again, length, place) - beside.mean(hour, again, place)) >= tolerance
        if later[again] < CERTAIN or not much:
            break
        curve, hour = later, again
    return hour, curve


def _likeliest(curve: Array) -> int:
    """The latest of equals, which are hours without rows."""
    return len(curve) - 1 - int(np.argmax(curve[::-1]))


def _ratios(beside: _Beside, place: int, left: int, length: int, scale: Array) -> Array:
    """Of two levels, parted at each hour of (left, length), beside one; 0 elsewhere."""

    def fit(x: Array, n: Array) -> Array:
        found: Array = x**2 / np.maximum(n, 1)
        return found

    off, rows = beside.off[left:, place], beside.rows[left:, place]
    apart = fit(off - off[0], rows - rows[0]) + fit(off[-1] - off, rows[-1] - rows)
    found = np.zeros(length)
    found[left + 1 :] = (apart - fit(off[-1:] - off[0], rows[-1:] - rows[0]))[1:-1] / (2 * scale[place])
    return found


def _running(hourly: Array) -> Array:
    return np.concatenate([np.zeros((1, hourly.shape[1])), np.cumsum(hourly, axis=0)])
