"""Silences: who shall not be told of what, until when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from monitor.clock import render
from monitor.store.tables import silences


def add_silence(
    connection: Connection,
    silence_id: str,
    *,
    matchers: Mapping[str, str],
    until: int,
    comment: str,
    author: str | None,
    now: int,
    ends_with: str | None = None,
    newest_version: str | None = None,
) -> dict[str, Any]:
    """Store a silence and answer it as the API shows it. ``ends_with``: what ends it before ``until``, at the next
    version with the model's ``newest_version`` by now."""
    row = {
        "id": silence_id,
        "matchers": dict(matchers),
        "until": until,
        "comment": comment,
        "author": author,
        "created_at": now,
        "ends_with": ends_with,
        "newest_version": newest_version,
    }
    connection.execute(insert(silences).values(**row))
    return as_json(row)


def active_silences(connection: Connection, now: int) -> list[tuple[str, dict[str, str], int]]:
    """(id, matchers, until) of the silences that are still valid at ``now``."""
    rows = connection.execute(select(silences).where(silences.c.until > now).order_by(silences.c.created_at)).mappings()
    return [(row["id"], row["matchers"], row["until"]) for row in rows]


def waiting_for(connection: Connection, now: int) -> list[dict[str, Any]]:
    """The rows of silences that are valid at ``now`` and end with something before their time."""
    query = select(silences).where(silences.c.until > now, silences.c.ends_with.is_not(None))
    return [dict(row) for row in connection.execute(query).mappings()]


def get_silence(connection: Connection, silence_id: str) -> dict[str, Any] | None:
    """A silence's row, or None."""
    row = connection.execute(select(silences).where(silences.c.id == silence_id)).mappings().first()
    return None if row is None else dict(row)


def end_silence(connection: Connection, silence_id: str, at: int) -> None:
    """It holds no longer."""
    connection.execute(update(silences).where(silences.c.id == silence_id).values(until=at))


def list_silences(connection: Connection, *, limit: int, after: str | None) -> list[dict[str, Any]]:
    """Silences by id, those that ended included."""
    query = select(silences).order_by(silences.c.id).limit(limit)
    if after is not None:
        query = query.where(silences.c.id > after)
    return [as_json(row) for row in connection.execute(query).mappings()]


def delete_silence(connection: Connection, silence_id: str) -> bool:
    """Forget a silence; whether there was one."""
    return connection.execute(delete(silences).where(silences.c.id == silence_id)).rowcount == 1


def as_json(row: RowMapping | Mapping[str, Any]) -> dict[str, Any]:
    """A silence as the API shows it."""
    return {
        "id": row["id"],
        "matchers": row["matchers"],
        "until": render(row["until"]),
        "comment": row["comment"],
        "author": row["author"],
        "created_at": render(row["created_at"]),
        "ends_with": row["ends_with"],
    }
