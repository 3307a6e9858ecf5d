"""Signs of life of the parts of a running service."""

from __future__ import annotations

from sqlalchemy import Connection, select

from monitor.store.bulk import insert_rows
from monitor.store.tables import heartbeats


def beat(connection: Connection, name: str, now: int) -> None:
    """This part is alive."""
    insert_rows(connection, heartbeats, ("name", "at"), [(name, now)])


def at(connection: Connection, name: str) -> int:
    """When this part last was, 0 if never."""
    return int(connection.execute(select(heartbeats.c.at).where(heartbeats.c.name == name)).scalar_one_or_none() or 0)


LATE = 120 * 1_000_000


def is_late(connection: Connection, now: int) -> bool:
    """Whether the ticks that matter have not been seen for two minutes."""
    return any(at(connection, name) < now - LATE for name in ("delivery", "runs"))
