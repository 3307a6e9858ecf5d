"""What the newest windows of a moment could tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from alerting.looking import CHECK_FAILED
from monitor import clock
from monitor.store.tables import measured, readings


@dataclass(frozen=True)
class Told:
    """Of the newest windows: whether ``anything`` could be told, and which checks ``failed`` in theirs."""

    anything: bool
    failed: Sequence[str]


_BEHIND = 3  # windows that may have ended before a moment and been measured after it


def newest(connection: Connection, model_id: int, as_of: int) -> Told:
    """What each check's newest window of each length, measured by as_of, could tell."""
    t, m = readings.c, measured.c
    ended = (m.model_id == model_id, m.window_end <= as_of)
    series = select(m.check_name, m.length_hours).where(*ended).distinct()
    anything, failed = False, set()
    for check, length in connection.execute(series).all():
        ends = select(m.window_end).where(*ended, m.check_name == check, m.length_hours == length)
        for end in connection.execute(ends.order_by(m.window_end.desc()).limit(_BEHIND)).scalars().all():
            here = [t.window_end == end, t.check_name == check, t.window_start == end - length * clock.HOUR]
            mine = (t.model_id == model_id, t.as_of <= as_of, *here)
            if connection.execute(select(t.id).where(*mine).limit(1)).first() is not None:
                break  # one that ended a moment ago was measured since
        else:
            continue
        judged = (*mine, t.verdict.is_not(None), t.verdict != "cannot_tell")
        if connection.execute(select(t.id).where(*judged).limit(1)).first() is not None:
            anything = True
        elif connection.execute(select(t.id).where(*mine, t.reason == CHECK_FAILED).limit(1)).first() is not None:
            failed.add(check)
    return Told(anything, sorted(failed))
