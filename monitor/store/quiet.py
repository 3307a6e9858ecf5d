"""Which columns drifted in which weeks, from the worst of each day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from monitor.store.tables import daily_worst

DRIFT = ("data_drift", "prediction_drift")


@dataclass(frozen=True)
class Week:
    """Of a column (a feature, or '' for what the model says) in a week: on how many ``days`` it was judged, and whether
    it was ``told`` to have drifted."""

    week: int
    feature: str
    days: int
    told: bool


def weeks_of(
    connection: Connection, model_id: int, checks: Sequence[str], day: int, first: int, last: int
) -> list[Week]:
    """Weeks from ``first`` to before ``last``, counted from a day (since 1970), by column; of all rows, whatever their
    version."""
    t = daily_worst.c
    week = (t.day - day) // 7
    feature = case((t.kind == "prediction_drift", ""), else_=t.feature)
    told = func.max(case((t.verdict.in_(("warning", "critical")), 1), else_=0))
    mine = [t.model_id == model_id, t.kind.in_(DRIFT), t.day >= day + 7 * first, t.day < day + 7 * last]
    mine += [t.check_name.in_(list(checks)), t.segment == "", t.verdict.in_(("ok", "warning", "critical"))]
    mine.append(or_(t.kind == "prediction_drift", t.feature != ""))  # several features together are no column
    query = select(week, feature, func.count(t.day.distinct()), told).where(*mine).group_by(week, feature)
    return [Week(int(row[0]), row[1], row[2], bool(row[3])) for row in connection.execute(query)]


def before(day: int) -> Sequence[ColumnElement[bool]]:
    """Rows of the worst of each day that ``weeks_of`` may read of the time before a day."""
    t = daily_worst.c
    return [t.day < day, t.kind.in_(DRIFT), t.segment == ""]
