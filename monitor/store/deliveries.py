"""How the messages of channels fared."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from monitor.store.outbox import delivery
from monitor.store.tables import outbox

_TO_CHANNELS = outbox.c.kind == "channel"


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """By channel and state how many messages there are."""
    query = select(outbox.c.target, outbox.c.state, func.count()).where(_TO_CHANNELS)
    rows = connection.execute(query.group_by(outbox.c.target, outbox.c.state))
    return {(target, state): int(number) for target, state, number in rows}


def newest(connection: Connection) -> dict[str, dict[str, Any]]:
    """By channel the message that was settled or tried last, as the delivery log shows it."""
    tried = _TO_CHANNELS & (outbox.c.attempts > 0)
    last = select(func.max(outbox.c.id)).where(tried).group_by(outbox.c.target)
    rows = connection.execute(select(outbox).where(outbox.c.id.in_(last))).mappings()
    return {row["target"]: delivery(row) for row in rows}
