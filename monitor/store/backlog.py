"""What waits to be sent, and which retrainings are under way."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from monitor.store.tables import outbox, trigger_runs

UNDER_WAY = ("requested", "sent", "accepted", "running")


def message_counts(connection: Connection) -> tuple[int, int]:
    """Messages that wait, and messages that were given up."""
    query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    counts = {state: int(count) for state, count in connection.execute(query)}
    return counts.get("waiting", 0), counts.get("given_up", 0)


def untried(connection: Connection) -> int:
    """Messages that nobody has tried to send yet."""
    mine = (outbox.c.state == "waiting") & (outbox.c.attempts == 0)
    return int(connection.execute(select(func.count()).where(mine)).scalar_one())


def retrainings(connection: Connection) -> int:
    """Trigger runs that have not come to an end."""
    return int(connection.execute(select(func.count()).where(trigger_runs.c.state.in_(UNDER_WAY))).scalar_one())
