"""Up to where windows have been measured and found mature: marks that keep a run from doing its work twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, func, select

from monitor.store.bulk import insert_rows
from monitor.store.driver import run
from monitor.store.tables import judged, measured


@dataclass(frozen=True)
class Measured:
    """Up to which change of the store, and as of when, a window has been measured."""

    end: int
    change: int
    as_of: int


def note_measured(
    connection: Connection, model_id: int, check: str, length_hours: int, marks: Iterable[Measured]
) -> None:
    """Remember what has been measured; an earlier mark of the same window goes."""
    rows = [(model_id, check, length_hours, mark.end, mark.change, mark.as_of) for mark in marks]
    names = ("model_id", "check_name", "length_hours", "window_end", "change", "as_of")
    insert_rows(connection, measured, names, rows)


def measured_since(connection: Connection, model_id: int, check: str, length_hours: int, since: int) -> list[Measured]:
    """Marks of windows that end after ``since``, oldest first."""
    t = measured.c
    mine = and_(t.model_id == model_id, t.check_name == check, t.length_hours == length_hours, t.window_end > since)
    query = select(t.window_end, t.change, t.as_of).where(mine).order_by(t.window_end)
    return [Measured(*row) for row in connection.execute(query).all()]


def is_measured(connection: Connection, model_id: int, check: str, length_hours: int, end: int) -> bool:
    """Whether a window has been measured by any run."""
    t = measured.c
    mine = and_(t.model_id == model_id, t.check_name == check, t.length_hours == length_hours, t.window_end == end)
    return connection.execute(select(t.as_of).where(mine)).first() is not None


def note_mature(
    connection: Connection, model_id: int, check: str, version: str, length_hours: int, end: int, as_of: int
) -> None:
    """Remember that a window's labels were mature at as_of; the earliest as_of stays."""
    statement = (
        "INSERT INTO judged (model_id, rule, version, segment, length_hours, window_end, as_of) "
        "VALUES (?, ?, ?, '', ?, ?, ?) ON CONFLICT (model_id, rule, version, segment, length_hours, window_end) "
        "DO UPDATE SET as_of = CASE WHEN excluded.as_of < judged.as_of THEN excluded.as_of ELSE judged.as_of END"
    )
    values = (model_id, f"={check}", version, length_hours, end, as_of)
    run(connection, statement, values)


def last_mature(connection: Connection, model_id: int, check: str, length_hours: int, before: int) -> dict[str, int]:
    """End of the newest window that was found mature by a run before as_of ``before``, by version."""
    values = {"model": model_id, "rule": f"={check}", "length": length_hours, "before": before}
    return {row[0]: row[1] for row in connection.execute(_LAST_MATURE, values)}


_LAST_MATURE = (
    select(judged.c.version, func.max(judged.c.window_end))
    .where(
        judged.c.model_id == bindparam("model"),
        judged.c.rule == bindparam("rule"),
        judged.c.length_hours == bindparam("length"),
        judged.c.as_of < bindparam("before"),
    )
    .group_by(judged.c.version)
)


@dataclass(frozen=True)
class Outdated:
    """A window that was measured before the store's newest change."""

    check: str
    length_hours: int
    end: int
    change: int


def outdated(connection: Connection, model_id: int, since: int, change: int) -> list[Outdated]:
    """Windows that end after ``since`` and were measured at a change before ``change``."""
    t = measured.c
    query = select(t.check_name, t.length_hours, t.window_end, t.change).where(
        t.model_id == model_id, t.window_end > since, t.change < change
    )
    return [Outdated(*row) for row in connection.execute(query).all()]


def newest_measured(connection: Connection, model_id: int, as_of: int) -> int | None:
    """End of the newest window, complete at as_of, that any check has measured."""
    t = measured.c
    newest: int | None = connection.execute(
        select(func.max(t.window_end)).where(t.model_id == model_id, t.window_end <= as_of)
    ).scalar_one()
    return newest


def windows_since(connection: Connection, model_id: int, since: int, as_of: int) -> int:
    """How many ends of windows after ``since``, complete at as_of, any check has measured."""
    t = measured.c
    ends = select(func.count(t.window_end.distinct())).where(
        t.model_id == model_id, t.window_end > since, t.window_end <= as_of
    )
    return int(connection.execute(ends).scalar_one())


def last_run(connection: Connection, model_id: int) -> int | None:
    """as_of of the newest run."""
    newest: int | None = connection.execute(
        select(func.max(measured.c.as_of)).where(measured.c.model_id == model_id)
    ).scalar_one()
    return newest
