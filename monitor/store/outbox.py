"""Messages that wait to be sent, written with the change they tell of; sent at least once, in order per lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, insert, or_, select, update

from monitor.clock import optional, render
from monitor.store.tables import outbox, outbox_alerts

WAITING, DELIVERED, GIVEN_UP = "waiting", "delivered", "given_up"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A claimed message. ``attempts`` counts the ones before this."""

    id: int
    webhook_id: str
    kind: str
    target: str
    model_id: int | None
    trigger_run_id: str | None
    body: Mapping[str, Any]
    attempts: int
    created_at: int
    lease_until: int


def enqueue(
    connection: Connection,
    *,
    webhook_id: str,
    kind: str,
    target: str,
    lane: str,
    body: Mapping[str, Any],
    alert_ids: Sequence[str],
    now: int,
    model_id: int | None = None,
    trigger_run_id: str | None = None,
) -> int:
    """Add a message to the end of its lane, in the caller's transaction; returns its key."""
    values = {
        "webhook_id": webhook_id,
        "kind": kind,
        "target": target,
        "lane": lane,
        "model_id": model_id,
        "alert_id": alert_ids[0] if alert_ids else None,
        "trigger_run_id": trigger_run_id,
        "body": dict(body),
        "state": WAITING,
        "attempts": 0,
        "created_at": now,
        "next_at": now,
    }
    (key,) = connection.execute(insert(outbox).values(**values)).inserted_primary_key or (0,)
    if alert_ids:
        connection.execute(insert(outbox_alerts), [{"outbox_id": key, "alert_id": one} for one in alert_ids])
    return int(key)


def claim_due(connection: Connection, now: int, lease_until: int) -> Outgoing | None:
    """Lease the oldest message that is due and first in its lane, or None.

    A lease that has run out (its holder died) is taken over; the compare-and-set makes two claimers take two messages.
    """
    free = or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= now)
    due = (outbox.c.state == WAITING, outbox.c.next_at <= now, free)
    query = (
        select(outbox).where(*due, outbox.c.id.in_(_first_of_lanes())).order_by(outbox.c.next_at, outbox.c.id).limit(1)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    mine = connection.execute(update(outbox).where(outbox.c.id == row["id"], *due).values(lease_until=lease_until))
    return _outgoing(row, lease_until) if mine.rowcount == 1 else None


def count_due(connection: Connection, now: int) -> int:
    """How many messages are due; some may wait for an earlier one of their lane."""
    due = (outbox.c.state == WAITING, outbox.c.next_at <= now)
    return int(connection.execute(select(func.count()).select_from(outbox).where(*due)).scalar_one())


def count_untried(connection: Connection) -> int:
    """How many messages could go out and were never tried; those behind one that waits for a retry wait with it."""
    query = select(func.count()).select_from(outbox)
    untried = (outbox.c.state == WAITING, outbox.c.attempts == 0, outbox.c.id.in_(_first_of_lanes()))
    return int(connection.execute(query.where(*untried)).scalar_one())


def counts(connection: Connection) -> tuple[int, int]:
    """How many messages wait, and how many were given up."""
    query = select(outbox.c.state, func.count()).where(outbox.c.state != DELIVERED).group_by(outbox.c.state)
    found = {state: int(number) for state, number in connection.execute(query)}
    return found.get(WAITING, 0), found.get(GIVEN_UP, 0)


def told_of(connection: Connection, alert_id: str) -> list[tuple[str, str]]:
    """(channel, lane) of every channel that was sent an alert, or soon will be."""
    query = (
        select(outbox.c.target, outbox.c.lane)
        .join(outbox_alerts, outbox_alerts.c.outbox_id == outbox.c.id)
        .where(outbox_alerts.c.alert_id == alert_id, outbox.c.kind == "channel")
        .distinct()
        .order_by(outbox.c.target)
    )
    return [(target, lane) for target, lane in connection.execute(query)]


def settle(
    connection: Connection, message: Outgoing, *, state: str, now: int, status: int | None, error: str | None
) -> bool:
    """End a message as delivered or given up; False where the lease was lost to another sender meanwhile."""
    values = {"state": state, "settled_at": now, "last_status": status, "last_error": error}
    return _after_attempt(connection, message, values)


def postpone(connection: Connection, message: Outgoing, *, next_at: int, status: int | None, error: str | None) -> bool:
    """Try again at ``next_at``; False where the lease was lost to another sender meanwhile."""
    values = {"next_at": next_at, "last_status": status, "last_error": error}
    return _after_attempt(connection, message, values)


def deliveries_of(connection: Connection, alert_id: str) -> list[dict[str, Any]]:
    """The delivery log of an alert, oldest first."""
    query = (
        select(outbox)
        .join(outbox_alerts, outbox_alerts.c.outbox_id == outbox.c.id)
        .where(outbox_alerts.c.alert_id == alert_id)
        .order_by(outbox.c.id)
    )
    return [_delivery(row) for row in connection.execute(query).mappings()]


def _first_of_lanes() -> Select[tuple[int]]:
    return select(func.min(outbox.c.id)).where(outbox.c.state == WAITING).group_by(outbox.c.lane)


def _after_attempt(connection: Connection, message: Outgoing, values: Mapping[str, Any]) -> bool:
    mine = (outbox.c.id == message.id, outbox.c.state == WAITING, outbox.c.lease_until == message.lease_until)
    done = connection.execute(
        update(outbox).where(*mine).values(attempts=outbox.c.attempts + 1, lease_until=None, **values)
    )
    return done.rowcount == 1


def _outgoing(row: RowMapping, lease_until: int) -> Outgoing:
    names = ("id", "webhook_id", "kind", "target", "model_id", "trigger_run_id", "body", "attempts", "created_at")
    return Outgoing(**{name: row[name] for name in names}, lease_until=lease_until)


def _delivery(row: RowMapping) -> dict[str, Any]:
    return {
        "id": row["webhook_id"],
        "channel": row["target"],
        "kind": row["kind"],
        "state": row["state"],
        "attempts": row["attempts"],
        "next_at": render(row["next_at"]) if row["state"] == WAITING else None,
        "last_status": row["last_status"],
        "last_error": row["last_error"],
        "created_at": render(row["created_at"]),
        "settled_at": optional(row["settled_at"]),
    }
