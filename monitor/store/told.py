"""What the newest windows of a moment could tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, func, select

from alerting.looking import CHECK_FAILED
from monitor import clock
from monitor.store.tables import measured, readings


@dataclass(frozen=True)
class Told:
    """Of the newest windows: whether ``anything`` could be told, and which checks ``failed`` in theirs."""

    anything: bool
    failed: Sequence[str]


_BEHIND = 2  # windows before the newest, which may have ended before a moment and been measured after it


def newest(connection: Connection, model_id: int, as_of: int) -> Told:
    """What each check's newest window of each length, measured by as_of, could tell."""
    t, m = readings.c, measured.c
    ended = (m.model_id == model_id, m.window_end <= as_of)
    ends = select(m.check_name, m.length_hours, func.max(m.window_end)).where(*ended)
    anything, failed = False, set()
    for check, length, last in connection.execute(ends.group_by(m.check_name, m.length_hours)).all():
        before = select(m.window_end).where(*ended, m.check_name == check, m.length_hours == length)
        for end in _and_before(connection, last, before.order_by(m.window_end.desc()).offset(1).limit(_BEHIND)):
            here = [t.window_end == end, t.check_name == check, t.window_start == end - length * clock.HOUR]
            mine = (t.model_id == model_id, t.as_of <= as_of, *here)
            if _any(connection, *mine, t.verdict.is_not(None), t.verdict != "cannot_tell"):
                anything = True
                break
            if _any(connection, *mine, t.reason == CHECK_FAILED):
                failed.add(check)
                break
            if _any(connection, *mine):
                break
    return Told(anything, sorted(failed))


def _and_before(connection: Connection, last: int, before: Select[int]) -> Iterator[int]:
    """The newest end; those before it are asked for only where it was measured since."""
    yield last
    yield from connection.execute(before).scalars().all()


def _any(connection: Connection, *conditions: ColumnElement[bool]) -> bool:
    return connection.execute(select(readings.c.id).where(*conditions).limit(1)).first() is not None
