"""Which columns drifted in which weeks, from the worst of each day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, func, or_, select

from monitor import clock
from monitor.store.readings import IMMATURE
from monitor.store.tables import daily_worst, measured

DRIFT = ("data_drift", "prediction_drift")


@dataclass(frozen=True)
class Week:
    """Of a column (a feature, or '' for what the model says) in a week: on how many ``days`` it was judged, and whether
    it was ``told`` to have drifted."""

    week: int
    feature: str
    days: int
    told: bool


def weeks_of(connection: Connection, model_id: int, checks: Sequence[str], first_day: int, weeks: int) -> list[Week]:
    """The weeks from a day (since 1970) on, counted from 0, by column; of all rows, whatever their version."""
    t = daily_worst.c
    week = (t.day - first_day) // 7
    feature = case((t.kind == "prediction_drift", ""), else_=t.feature)
    told = func.max(case((t.verdict.in_(("warning", "critical")), 1), else_=0))
    mine = [t.model_id == model_id, t.kind.in_(DRIFT), t.day >= first_day, t.day < first_day + 7 * weeks]
    mine += [t.check_name.in_(list(checks)), t.segment == "", t.verdict.is_not(None), t.verdict != IMMATURE]
    mine.append(or_(t.kind == "prediction_drift", t.feature != ""))  # several features together are no column
    query = select(week, feature, func.count(t.day.distinct()), told).where(*mine).group_by(week, feature)
    return [Week(int(row[0]), row[1], row[2], bool(row[3])) for row in connection.execute(query)]


def state_of(
    connection: Connection, model_id: int, checks: Sequence[str], first_day: int, weeks: int
) -> tuple[int, int]:
    """What tells whether ``weeks_of`` would answer as before: how many windows were measured, and the newest run that
    did."""
    t = measured.c
    mine = and_(
        t.model_id == model_id,
        t.check_name.in_(list(checks)),
        t.window_end > first_day * clock.DAY,
        t.window_end <= (first_day + 7 * weeks) * clock.DAY,
    )
    found = connection.execute(select(func.count(), func.coalesce(func.max(t.as_of), 0)).where(mine)).one()
    return int(found[0]), int(found[1])
