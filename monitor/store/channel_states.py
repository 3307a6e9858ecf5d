"""What was learned of channels: a receiver that wants nothing any more is left alone until somebody says otherwise."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from monitor.store.tables import channel_states


def disable(connection: Connection, name: str, reason: str, now: int) -> None:
    """Send nothing to this channel any more."""
    enable(connection, name)
    connection.execute(insert(channel_states).values(name=name, disabled_at=now, reason=reason))


def enable(connection: Connection, name: str) -> None:
    """Send to this channel again."""
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
