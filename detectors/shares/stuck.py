"""A column that is stuck: every row of some hours has one and the same value. Words for people, no verdict.

An hour whose smallest and largest value are one holds no other; of a category its count says so. Values that stay the
same for hours by their nature (the month, a rate set daily) do so in the reference, too: a run has to be longer than
any there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, NumericColumn
from detectors.profile import Reference
from detectors.summary import WindowCounts

_CHANCE = 1e-6  # that rows of the reference had one value so often
_LONGER = 2  # times the longest run of the reference
_ROWS = 100  # in a run of a value that was not common: where 95 % of rows have it, chance makes no such run
_ROWS_OF_COMMON = 300  # of a category or a heavy value: a drift may well bring it to 98 % of the rows
_BEFORE = 30  # rows before a run, that tell what was usual


@dataclass(frozen=True)
class Stuck:
    """At ``value`` from the hour ``first`` to the last one known; ``since``: rows before it had other values."""

    value: float | str
    first: int
    since: bool

    def said(self, end_hour: int) -> str:
        """For a person, in a window that ends at ``end_hour``."""
        value = f"{self.value:g}" if isinstance(self.value, float) else self.value
        what = "value" if isinstance(self.value, float) else "category"
        if self.since:
            return f"stuck at {value} since {moment(self.first, end_hour)}: every row since then has this one {what}"
        return f"stuck at {value}: every row has this one {what}"


def moment(hour: int, end_hour: int) -> str:
    """``14:00 UTC``, with the day where it is more than one before the window's end."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    return at.strftime("%H:%M UTC" if end_hour - hour <= 24 else "%-d %b, %H:%M UTC")


def stuck_at(binning: Binning, name: str, current: WindowCounts, reference: Reference) -> Stuck | None:
    """What the column is stuck at in hours of the window, if it is; a column that was always constant is not."""
    column = binning.by_name[name]
    cells = _cells(binning, name)
    hours, counts, keys = _hours(binning, name, cells, current)
    if isinstance(column, NumericColumn):
        places = np.searchsorted(column.cuts, np.where(np.isnan(keys), 0.0, keys))
    else:
        places = np.where(np.isnan(keys), 0, keys).astype(np.int64)
    runs = _runs(keys)
    if len(runs) == 0 or runs[-1, 1] < len(keys) or hours[-1] < current.start_hour:
        return None
    first, place = int(runs[-1, 0]), int(places[runs[-1, 0]])
    usual = np.asarray(reference.total[cells], dtype=np.float64)
    share = float(usual[place] / max(usual.sum(), 1.0))
    rows = float(counts[first:].sum())
    common = not isinstance(column, NumericColumn) or bool(column.points[place])
    if (
        rows < (_ROWS_OF_COMMON if common else _ROWS)
        or share**rows > _CHANCE
        or not _is_new(counts, place, first, share)
    ):
        return None
    longest = _longest(reference, cells)
    if hours[first] > current.start_hour if longest is None else len(keys) - first < _LONGER * longest:
        return None
    value = float(keys[first]) if isinstance(column, NumericColumn) else column.levels[place]
    return Stuck(value, int(hours[first]), first > 0)


def _cells(binning: Binning, name: str) -> slice:
    """Of all usable values: a categorical column's rare and unseen ones, too."""
    slots = binning.slots(name)
    extras = 0 if isinstance(binning.by_name[name], NumericColumn) else 2
    return slice(slots.start, slots.stop + extras)


def _hours(
    binning: Binning, name: str, cells: slice, current: WindowCounts
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The hours with usable rows that are known up to the window's end [T], their counts [T, cells], and the one value
    (of a category: its place) that all their rows have [T], NaN where there are several."""
    column, hourly = binning.by_name[name], current.hourly
    if hourly is None:
        hours, counts = np.array([current.start_hour]), current.counts[None, cells]
    else:
        hours, counts = hourly.hours, hourly.counts[:, cells].astype(np.int64)
    if isinstance(column, NumericColumn):
        row = [one.name for one in binning.numeric].index(name)
        low, high = (current.extremes[None, row] if hourly is None else hourly.extremes[:, row]).T
        keys = np.where(low == high, low, np.nan)
    else:
        most = counts.argmax(axis=1)
        alone = (counts.max(axis=1) == counts.sum(axis=1)) & (most < len(column.levels))
        keys = np.where(alone, most.astype(np.float64), np.nan)
    some = (counts.sum(axis=1) > 0) & (hours < current.end_hour)
    return hours[some], counts[some], keys[some]


def _runs(keys: NDArray[np.float64]) -> NDArray[np.int64]:
    """First and last place (exclusive) of each run of one key [K, 2]; NaN is in none."""
    begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.empty(0, np.int64)
    ends = np.append(begins[1:], len(keys))
    return np.stack([begins, ends[: len(begins)]], axis=1)[~np.isnan(keys[begins])]


def _is_new(counts: NDArray[np.int64], place: int, first: int, share: float) -> bool:
    """Whether the rows before a run have the value about as often as the reference, and not nearly always: where 97 %
    of rows have it, hours that have nothing else come by chance. The hour next to it may be mixed."""
    rows = np.cumsum(counts[: max(first - 1, 0)][::-1].sum(axis=1))
    near = int(np.searchsorted(rows, _BEFORE)) + 1
    before = counts[max(first - 1 - near, 0) : max(first - 1, 0)]
    return len(before) == 0 or float(before[:, place].sum()) / float(before.sum()) <= (1 + share) / 2


def _longest(reference: Reference, cells: slice) -> int | None:
    """Hours of the longest run of the reference with all rows in one bin or category; None where it has no times."""
    found = [
        _longest_of(profile.counts[:, cells])
        for profile in (one.habits or one for one, _ in reference.parts)
        if profile.hours is not None
    ]
    return max(found) if len(found) == len(reference.parts) else None


def _longest_of(counts: NDArray[Any]) -> int:
    rows = counts.sum(axis=1, dtype=np.int64)
    counts, rows = counts[rows > 0], rows[rows > 0]
    if len(rows) == 0:
        return 0
    keys = np.where(counts.max(axis=1) == rows, counts.argmax(axis=1).astype(np.float64), np.nan)
    runs = _runs(keys)
    return int((runs[:, 1] - runs[:, 0]).max(initial=0))
