"""When labels became known: by the index of their summaries alone, whatever these hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, bindparam, func, select

from monitor.store.summaries import HOURS_AT_ONCE
from monitor.store.tables import label_summaries, readings

_t = label_summaries.c


def newest_labelled(connection: Connection, model_id: int, before: int) -> int | None:
    """The newest hour before hour ``before`` of whose predictions a label was known by then; None without any."""
    found: int | None = connection.execute(_NEWEST, {"model": model_id, "before": before}).scalar()
    return found


def known_hours(
    connection: Connection, model_id: int, versions: Sequence[str], start: int, end: int, until: int
) -> list[int]:
    """Hours up to ``until`` at which labels of predictions of hours [start, end) became known, in order."""
    found: set[int] = set()
    for hours in _parts(range(start, end)):
        values = {"model": model_id, "hours": hours, "versions": versions, "since": -1, "until": until}
        found |= set(connection.execute(_KNOWN, values).scalars())
    return sorted(found)


def labels_of(
    connection: Connection, model_id: int, versions: Sequence[str], hours: Sequence[int], since: int, until: int
) -> list[tuple[int, int, int]]:
    """(hour, hour at which they became known, labels) of these hours' predictions, of labels that became known after
    hour ``since``, up to ``until``."""
    found: list[tuple[int, int, int]] = []
    for part in _parts(hours):
        values = {"model": model_id, "hours": part, "versions": versions, "since": since, "until": until}
        found += [(hour, known, int(rows)) for hour, known, rows in connection.execute(_LABELS, values)]
    return sorted(found)


def seen_values(
    connection: Connection, model_id: int, check: str, metric: str, ends: Sequence[int]
) -> list[tuple[int, float]]:
    """(end, value) of what a check's readings of a metric told, of windows with these ends (microseconds); the largest
    where one was told more than once."""
    found: list[tuple[int, float]] = []
    for part in _parts(ends):
        values = {"model": model_id, "check": check, "metric": metric, "ends": part}
        found += [(int(end), float(value)) for end, value in connection.execute(_SEEN, values)]
    return sorted(found)


def _parts(hours: Sequence[int]) -> Iterator[list[int]]:
    for first in range(0, len(hours), HOURS_AT_ONCE):
        yield list(hours[first : first + HOURS_AT_ONCE])


_NEWEST = (
    select(_t.hour)
    .where(
        _t.model_id == bindparam("model"),
        _t.hour < bindparam("before"),
        _t.segment == "",
        _t.known_hour <= bindparam("before"),
    )
    .order_by(_t.hour.desc())
    .limit(1)
)
# Hours and versions are named, each of them: a range of hours would walk through the labels of every segment, too.
_MINE = (
    _t.model_id == bindparam("model"),
    _t.hour.in_(bindparam("hours", expanding=True)),
    _t.version.in_(bindparam("versions", expanding=True)),
    _t.segment == "",
    _t.known_hour > bindparam("since"),
    _t.known_hour <= bindparam("until"),
)
_KNOWN = select(_t.known_hour).where(*_MINE).distinct()
_LABELS = select(_t.hour, _t.known_hour, _t.rows).where(*_MINE)
_SEEN = (
    select(readings.c.window_end, func.max(readings.c.value))
    .where(
        readings.c.model_id == bindparam("model"),
        readings.c.window_end.in_(bindparam("ends", expanding=True)),
        readings.c.check_name == bindparam("check"),
        readings.c.metric == bindparam("metric"),
        readings.c.value.is_not(None),
    )
    .group_by(readings.c.window_end)
)
