"""Rows without a prediction of any use, by hour: what labels can be held against is the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, select

from monitor.store.bulk import insert_fresh
from monitor.store.driver import run_many
from monitor.store.tables import unusable_outputs

_NAMES = ("model_id", "version", "segment", "hour", "rows")


def replace(
    connection: Connection, model_id: int, hours: Sequence[int], found: Iterable[tuple[str, str, int, int]]
) -> None:
    """These (version, segment, hour, rows) are now all that there are of those hours."""
    gone = [(model_id, hour) for hour in hours]
    run_many(connection, "DELETE FROM unusable_outputs WHERE model_id = ? AND hour = ?", gone)
    insert_fresh(connection, unusable_outputs, _NAMES, [(model_id, *one) for one in found])


def by_hour(
    connection: Connection, model_id: int, start: int, end: int, segment: str = ""
) -> dict[tuple[str, int], int]:
    """Rows by version and hour of [start, end), of those that have any; of all rows or of one segment."""
    values = {"model": model_id, "start": start, "end": end, "segment": segment}
    found = connection.execute(_BY_HOUR, values).all()
    return {(version, hour): int(rows) for version, hour, rows in found}


_t = unusable_outputs.c
_BY_HOUR = select(_t.version, _t.hour, _t.rows).where(
    _t.model_id == bindparam("model"),
    _t.segment == bindparam("segment"),
    _t.hour >= bindparam("start"),
    _t.hour < bindparam("end"),
)


def drop_before(connection: Connection, model_id: int, hour: int) -> None:
    """Forget those older than an hour."""
    connection.execute(delete(unusable_outputs).where(_t.model_id == model_id, _t.hour < hour))
