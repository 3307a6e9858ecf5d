"""What the rows of a window hold that the reference has never seen, and whether it is a feature by another name.

Summaries count what the cuts hold. Of a column that came later, rows of the log are read: of the window's newest hours,
so many columns and rows at most, and of the hours in which a feature went that is not sent any more. The values of a
column are read only where a feature went when it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from detectors import summary
from detectors.measurement import Measurement
from detectors.quality import arrivals, renames
from detectors.quality.arrivals import Arrival, Seen
from detectors.quality.renames import Gone, Pair
from detectors.summary import MISMATCH, ColumnValues, HourlySummaries, WindowCounts
from monitor.actions.counting import column_values, kind_of
from monitor.actions.frame import Compared, Frame
from monitor.actions.measuring.task import Task
from monitor.store.observations.base import StoredColumn

MOST_COLUMNS = 20  # that the cuts do not hold, the newest: each is read from the log
MOST_ROWS = 20_000  # of so many rows, in whole hours, at least one
MOST_TOLD = 50  # new features, the newest
MOST_GONE = 20  # features that are not sent any more
MOST_ALIKE = 8  # columns that one of them is compared with, those named most like it
AROUND = 2  # hours with rows before one in which a feature went; and so many of these
DAY = 24
DAYS_BEFORE = (3, 6, 12, 24)  # a window, on which a feature may still have been sent that is in none of its hours


def with_schema(
    frame: Frame, task: Task, counts: WindowCounts, compared: Compared, found: Sequence[Measurement]
) -> list[Measurement]:
    """The measurements of data quality of a whole window, those of missing values with what the feature may be called
    now; and, unless the check names its features, one of every feature that the reference does not have."""
    columns = [column for column in frame.model.columns if column.role == "feature"]
    unknown = arrivals.unknown(frame.binning, [f"feature.{one.name}" for one in columns], compared.profile)
    new = [column for column in columns if f"feature.{column.name}" in unknown]
    if counts.hourly is None or not new:
        return list(found)
    missing = [one for one in found if one.metric == "missing_share" and (one.effect_lower or 0) > 0]
    names = [f"feature.{one.feature}" for one in sorted(missing, key=lambda one: -(one.value or 0.0))]
    seen = Seen(frame.binning, [counts.hourly], task.end)
    seen, gone = _gone(frame, task, seen, [name for name in names if renames.can_be_told(frame.binning.by_name[name])])
    came = _arrivals(frame, new, seen, gone)
    told = renames.with_renames(found, _pairs(frame, gone, came), frame.binning, compared.profile)
    if task.check.features is not None:  # whoever names features has not asked for others
        return told
    return [*told, *arrivals.told(list(came.values())[-MOST_TOLD:], task.start, compared.profile.rows)]


def _gone(frame: Frame, task: Task, seen: Seen, names: Sequence[str]) -> tuple[Seen, list[Gone]]:
    """Which of the columns are not sent any more; and what is known of hours, with those of a day before they went,
    where that is longer ago."""
    gone = [one for name in names[:MOST_GONE] if (one := renames.gone(seen, name)) is not None]
    if all(one.place for one in gone):
        return seen, gone
    for days in DAYS_BEFORE:
        start = task.start - days * DAY
        earlier = frame.window(start, start + DAY).pooled.hourly
        if earlier is not None and len(earlier.hours):
            both = Seen(frame.binning, [earlier, *seen.stretches], task.end)
            again = [one for old in gone if (one := renames.gone(both, old.name)) is not None]
            if any(one.place for one in again):
                return both, again
    return seen, gone


def _arrivals(
    frame: Frame, new: Sequence[StoredColumn], seen: Seen, gone: Sequence[Gone]
) -> dict[StoredColumn, Arrival]:
    """When each came: from summaries where the cuts hold it, else from rows."""
    held = [column for column in new if f"feature.{column.name}" in frame.binning.by_name]
    later = [column for column in new if column not in held][-MOST_COLUMNS:]
    found = {one: arrivals.counted(seen, f"feature.{one.name}") for one in held}
    return found | (_looked_up(frame, later, seen, gone) if later and len(seen.hours) else {})


def _looked_up(
    frame: Frame, columns: Sequence[StoredColumn], seen: Seen, gone: Sequence[Gone]
) -> dict[StoredColumn, Arrival]:
    wanted = np.zeros(len(seen.hours), dtype=bool)
    wanted[_newest(seen.rows) :] = True
    for place in sorted({one.place for one in gone} - {0})[-AROUND:]:
        wanted[max(place - AROUND, 0) : place + 1] = True
    places = np.flatnonzero(wanted)
    hours, follows = seen.hours[places], seen.follows[places] & (np.diff(places, prepend=-1) == 1)
    counts = np.zeros((1 + len(columns), len(places)), np.int64)
    for at, values in _read(frame, columns, hours, follows):
        counts[0] += np.bincount(at, minlength=len(places))
        for row, column in enumerate(columns, 1):
            there = _is_present(values[f"feature.{column.name}"])
            counts[row] += np.bincount(at[there], minlength=len(places))
    some = counts[0] > 0  # rows that are older than what is kept are counted, and gone
    known = hours[some], counts[0][some]
    return {one: Arrival(one.name, *known, counts[row][some], follows[some]) for row, one in enumerate(columns, 1)}


def _newest(rows: NDArray[np.int64]) -> int:
    """The place of the first of the last hours that have at most ``MOST_ROWS`` rows together, at least one."""
    return min(len(rows) - int(np.searchsorted(np.cumsum(rows[::-1]), MOST_ROWS, side="right")), len(rows) - 1)


def _is_present(values: ColumnValues) -> NDArray[np.bool_]:
    """Rows in which something was sent, of whatever type; NaN is missing, as everywhere."""
    there: NDArray[np.bool_] = values.values.is_valid().to_numpy(zero_copy_only=False).copy()
    there[values.odd_rows[values.odd_codes == MISMATCH]] = True
    return there


def _read(
    frame: Frame, columns: Sequence[StoredColumn], hours: NDArray[np.int64], follows: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], dict[str, ColumnValues]]]:
    """Rows of some hours, in chunks: the place of each row's hour, and the values by name."""
    read, model = frame.service.observations.read, frame.model.stored
    for run in np.split(hours, np.flatnonzero(~follows[1:]) + 1):
        for chunk in read(frame.connection, model, int(run[0]), int(run[-1]) + 1, columns, ordered=False):
            at = np.searchsorted(hours, chunk.column("hour").to_numpy())
            yield at, column_values(columns, frame.meaning, chunk)


def _pairs(frame: Frame, gone: Sequence[Gone], came: Mapping[StoredColumn, Arrival]) -> list[Pair]:
    """Features that went and columns that came then, of the same type, with the values of these."""
    stored = {f"feature.{column.name}": column for column in frame.model.columns if column.role == "feature"}
    found = []
    for old in gone:
        fitting = [
            column for column, one in came.items() if old.meets(one) and _fits(frame, old, stored.get(old.name), column)
        ]
        fitting.sort(key=lambda column: -renames.alike(old.name, column.name))
        for column in fitting[:MOST_ALIKE]:
            found.append(Pair(old, came[column], _values(frame, old, column, came[column])))
    return found


def _fits(frame: Frame, old: Gone, before: StoredColumn | None, column: StoredColumn) -> bool:
    """Whether a column is stored, and configured, as the one that is gone."""
    kind = kind_of(frame.binning.by_name[old.name])
    return before is not None and before.storage == column.storage and column.type in (None, kind)


def _values(frame: Frame, old: Gone, column: StoredColumn, arrival: Arrival) -> HourlySummaries:
    """The new column's values on the old one's cuts, in the newest of the hours since it came; its first hour may be
    mixed."""
    first = min((arrival.came or 0) + 1, len(arrival.hours) - 1)
    first += _newest(arrival.rows[first:])
    hours, follows = arrival.hours[first:], arrival.follows[first:]
    single = renames.on_cuts_of(frame.binning.by_name[old.name])
    parts = [
        summary.summarise(single, hours[at], {old.name: values[f"feature.{column.name}"]})
        for at, values in _read(frame, [column], hours, follows)
    ]
    return reduce(summary.add, parts, summary.empty(single))
