"""Rejected rows, kept as sent with their reason."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Literal

from sqlalchemy import Connection, delete, select, update

from monitor.store import tables
from monitor.store.bulk import insert_rows
from monitor.store.observations.arriving import Reject

MAX_PAYLOAD = 64 * 1024
AT_ONCE = 1000
_MAX_RECORD_ID = 1000
_NAMES = ("model_id", "kind", "arrived_at", "row", "record_id", "field", "reason", "payload")


def keep(
    connection: Connection,
    model_id: int,
    kind: Literal["predictions", "labels", "references"],
    rejects: Iterable[Reject],
    now: int,
) -> None:
    """Keep rejected rows; a payload is cut at 64 KiB."""
    source, count = iter(rejects), 0
    while some := list(islice(source, AT_ONCE)):
        insert_rows(connection, tables.quarantine, _NAMES, [_row(model_id, kind, reject, now) for reject in some])
        count += len(some)
    if count:
        mine, kept = tables.models.c.id == model_id, tables.models.c.n_quarantined + count
        connection.execute(update(tables.models).where(mine).values(n_quarantined=kept))


def _row(model_id: int, kind: str, reject: Reject, now: int) -> tuple[Any, ...]:
    record = None if reject.id is None else str(reject.id)[:_MAX_RECORD_ID]
    return model_id, kind, now, reject.row, record, reject.field, reject.reason, reject.payload[:MAX_PAYLOAD]


def list_page(connection: Connection, model_id: int, limit: int, before: int | None = None) -> list[dict[str, Any]]:
    """At most ``limit`` rejected rows, newest first, beginning behind the one whose ``key`` is ``before``."""
    table = tables.quarantine
    query = select(
        table.c.id.label("key"),
        table.c.kind,
        table.c.arrived_at,
        table.c.row,
        table.c.record_id.label("id"),
        table.c.field,
        table.c.reason,
        table.c.payload,
    ).where(table.c.model_id == model_id)
    if before is not None:
        query = query.where(table.c.id < before)
    return [dict(row) for row in connection.execute(query.order_by(table.c.id.desc()).limit(limit)).mappings()]


def erase(connection: Connection, model_id: int, record_id: str) -> int:
    """Delete rejected rows of an id; how many there were."""
    table, models = tables.quarantine, tables.models
    mine = (table.c.model_id == model_id) & (table.c.record_id == record_id)
    gone = connection.execute(delete(table).where(mine)).rowcount
    counted = update(models).where(models.c.id == model_id)
    connection.execute(counted.values(n_quarantined=models.c.n_quarantined - gone))
    return gone
