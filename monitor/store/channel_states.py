"""What was learned of channels: a receiver that wants nothing any more is left alone until somebody says otherwise, and
what came of the newest test by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from monitor.store import version_before
from monitor.store.tables import channel_states


def disable(connection: Connection, name: str, reason: str, now: int) -> None:
    """Send nothing to this channel any more."""
    _set(connection, name, disabled_at=now, reason=reason)


def enable(connection: Connection, name: str) -> None:
    """Send to this channel again."""
    _set(connection, name, disabled_at=None, reason=None)


def note_test(connection: Connection, name: str, found: Mapping[str, Any], now: int) -> None:
    """Keep what came of a test; ``found`` holds no secret."""
    _set(connection, name, tested_at=now, tested=dict(found))


def forget(connection: Connection, name: str) -> None:
    """The channel is another one now, or gone."""
    connection.execute(delete(channel_states).where(channel_states.c.name == name))


def disabled(connection: Connection, name: str) -> str | None:
    """Why nothing is sent to this channel, or None."""
    query = select(channel_states.c.reason).where(
        channel_states.c.name == name, channel_states.c.disabled_at.is_not(None)
    )
    return connection.execute(query).scalar()


def all_disabled(connection: Connection) -> dict[str, tuple[int, str]]:
    """When and why, by name."""
    query = select(channel_states).where(channel_states.c.disabled_at.is_not(None))
    return {row["name"]: (row["disabled_at"], row["reason"]) for row in connection.execute(query).mappings()}


def newest_tests(connection: Connection) -> dict[str, tuple[int, dict[str, Any]]]:
    """When each channel was tested last, and what came of it."""
    query = select(channel_states).where(channel_states.c.tested_at.is_not(None))
    return {row["name"]: (row["tested_at"], row["tested"]) for row in connection.execute(query).mappings()}


def _set(connection: Connection, name: str, **values: Any) -> None:
    if version_before.is_behind(connection):  # there is no table that others could see
        return
    mine = channel_states.c.name == name
    if connection.execute(update(channel_states).where(mine).values(**values)).rowcount == 0:
        connection.execute(insert(channel_states).values(name=name, **values))
