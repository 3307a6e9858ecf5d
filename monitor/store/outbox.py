"""Messages that wait to be sent, written with the change they tell of; sent at least once, in order per lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, insert, or_, select, update

from monitor.clock import optional, render
from monitor.store.tables import outbox, outbox_alerts

WAITING, DELIVERED, GIVEN_UP = "waiting", "delivered", "given_up"
DROPPED = "dropped"  # never sent: what it tells of was over, or what it rewrites never arrived


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A claimed message. ``attempts`` counts the ones before this. ``thread`` and ``edits`` are the receipts of the
    messages with the keys ``thread_of`` and ``rewrites``, None where those have none."""

    id: int
    webhook_id: str
    kind: str
    target: str
    model_id: int | None
    trigger_run_id: str | None
    body: Mapping[str, Any]
    attempts: int
    created_at: int
    thread_of: int | None
    rewrites: int | None
    lease_until: int
    thread: Mapping[str, Any] | None = None
    edits: Mapping[str, Any] | None = None


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
    thread_of: int | None = None,
    edits: int | None = None,
    not_before: int | None = None,
) -> int:
    """Add a message to the end of its lane, in the caller's transaction; returns its key.

    ``thread_of`` is the message that it answers, ``edits`` the one that it rewrites. Until ``not_before`` it waits, and
    its lane with it; one that does not wait, and makes itself heard, takes those along that do.
    """
    if not_before is None and edits is None:
        _release(connection, lane, now)
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
        "doubts": 0,
        "created_at": now,
        "next_at": now if not_before is None else max(now, not_before),
        "thread_of": thread_of,
        "edits": edits,
    }
    (key,) = connection.execute(insert(outbox).values(**values)).inserted_primary_key or (0,)
    if alert_ids:
        connection.execute(insert(outbox_alerts), [{"outbox_id": key, "alert_id": one} for one in alert_ids])
    return int(key)


def claim_due(connection: Connection, now: int, leases: Mapping[str, int]) -> Outgoing | None:
    """Lease the oldest message that is due and first in its lane, or None. ``leases``: for how long, by its kind.

    A lease that has run out (its holder died, maybe after sending) is taken over; the compare-and-set makes two
    claimers take two messages.
    """
    due, first = _due(now), outbox.c.id.in_(_first_of_lanes())
    query = select(outbox).where(*due, first, _lane_is_free(now)).order_by(outbox.c.next_at, outbox.c.id).limit(1)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    lease_until = now + leases[row["kind"]]
    values = {"lease_until": lease_until, "doubts": (row["doubts"] or 0) + (row["lease_until"] is not None)}
    mine = connection.execute(update(outbox).where(outbox.c.id == row["id"], *due).values(**values))
    return _outgoing(connection, row, lease_until) if mine.rowcount == 1 else None


def count_due(connection: Connection, now: int) -> int:
    """How many messages can be claimed now: those that are due and first in a lane of which none is being sent."""
    due = (*_due(now), outbox.c.id.in_(_first_of_lanes()), _lane_is_free(now))
    return int(connection.execute(select(func.count()).select_from(outbox).where(*due)).scalar_one())


def count_untried(connection: Connection, now: int) -> int:
    """How many messages could go out and were never tried; those behind one that waits for a retry, or for the end of
    quiet hours, wait with it."""
    query = select(func.count()).select_from(outbox)
    untried = (outbox.c.state == WAITING, outbox.c.attempts == 0, outbox.c.next_at <= now)
    return int(connection.execute(query.where(*untried, outbox.c.id.in_(_first_of_lanes()))).scalar_one())


def counts(connection: Connection) -> tuple[int, int]:
    """How many messages wait, and how many were given up."""
    query = select(outbox.c.state, func.count()).where(outbox.c.state != DELIVERED).group_by(outbox.c.state)
    found = {state: int(number) for state, number in connection.execute(query)}
    return found.get(WAITING, 0), found.get(GIVEN_UP, 0)


def told_of(connection: Connection, alert_id: str, *, dropped: bool = False) -> list[tuple[str, str]]:
    """(channel, lane) of every channel that was sent an alert, or soon will be; the newest lane of each: one whose
    type was changed has two. ``dropped``: also of those for whom it was over before they could be told."""
    states = () if dropped else (outbox.c.state != DROPPED,)
    query = (
        select(outbox.c.target, outbox.c.lane)
        .join(outbox_alerts, outbox_alerts.c.outbox_id == outbox.c.id)
        .where(outbox_alerts.c.alert_id == alert_id, outbox.c.kind == "channel", *states)
        .group_by(outbox.c.target, outbox.c.lane)
        .order_by(outbox.c.target, func.max(outbox.c.id))
    )
    return list({row.target: row.lane for row in connection.execute(query)}.items())


def model_of(connection: Connection, alert_id: str) -> int | None:
    """The model that the messages about an alert are about."""
    query = select(outbox.c.model_id).join(outbox_alerts, outbox_alerts.c.outbox_id == outbox.c.id)
    return connection.execute(query.where(outbox_alerts.c.alert_id == alert_id).limit(1)).scalar()


def settle(
    connection: Connection,
    message: Outgoing,
    *,
    state: str,
    now: int,
    status: int | None,
    error: str | None,
    receipt: Mapping[str, Any] | None = None,
) -> bool:
    """End a message as delivered or given up; False where the lease was lost to another sender meanwhile."""
    values: dict[str, Any] = {"state": state, "settled_at": now, "last_status": status, "last_error": error}
    if receipt is not None:
        values["receipt"] = dict(receipt)
        if message.thread_of is not None and message.thread is None:
            values["thread_of"] = None  # it answered nothing, as nothing had arrived: now it begins the thread
    return _after_attempt(connection, message, values)


def postpone(
    connection: Connection, message: Outgoing, *, next_at: int, status: int | None, error: str | None, doubt: bool
) -> bool:
    """Try again at ``next_at``; False where the lease was lost to another sender meanwhile. ``doubt``: this attempt may
    have arrived all the same."""
    doubts = func.coalesce(outbox.c.doubts, 0) + int(doubt)
    values = {"next_at": next_at, "last_status": status, "last_error": error, "doubts": doubts}
    return _after_attempt(connection, message, values)


def deliveries_of(connection: Connection, alert_id: str) -> list[dict[str, Any]]:
    """The delivery log of an alert, oldest first."""
    query = (
        select(outbox)
        .join(outbox_alerts, outbox_alerts.c.outbox_id == outbox.c.id)
        .where(outbox_alerts.c.alert_id == alert_id)
        .order_by(outbox.c.id)
    )
    return [delivery(row) for row in connection.execute(query).mappings()]


def find(connection: Connection, webhook_id: str) -> RowMapping | None:
    """A message by its ``webhook-id``, as it is stored."""
    return connection.execute(select(outbox).where(outbox.c.webhook_id == webhook_id)).mappings().first()


def send_again(connection: Connection, key: int, state: str, now: int) -> bool:
    """Let a settled message go out again with the same id; False where it is not in that state any more."""
    mine = (outbox.c.id == key, outbox.c.state == state)
    count = func.coalesce(outbox.c.again, 0) + 1
    fresh = {"state": WAITING, "attempts": 0, "next_at": now, "lease_until": None}
    return connection.execute(update(outbox).where(*mine).values(again=count, again_at=now, **fresh)).rowcount == 1


def _release(connection: Connection, lane: str, now: int) -> None:
    held = (outbox.c.lane == lane, outbox.c.state == WAITING, outbox.c.attempts == 0, outbox.c.next_at > now)
    connection.execute(update(outbox).where(*held).values(next_at=now))


def _due(now: int) -> tuple[ColumnElement[bool], ...]:
    free = or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= now)
    return (outbox.c.state == WAITING, outbox.c.next_at <= now, free)


def _lane_is_free(now: int) -> ColumnElement[bool]:
    """None of its messages is on its way: one that was numbered first may have been committed last."""
    return outbox.c.lane.not_in(select(outbox.c.lane).where(outbox.c.state == WAITING, outbox.c.lease_until > now))


def _first_of_lanes() -> Select[tuple[int]]:
    return select(func.min(outbox.c.id)).where(outbox.c.state == WAITING).group_by(outbox.c.lane)


def _after_attempt(connection: Connection, message: Outgoing, values: Mapping[str, Any]) -> bool:
    mine = (outbox.c.id == message.id, outbox.c.state == WAITING, outbox.c.lease_until == message.lease_until)
    done = connection.execute(
        update(outbox).where(*mine).values(attempts=outbox.c.attempts + 1, lease_until=None, **values)
    )
    return done.rowcount == 1


def _outgoing(connection: Connection, row: RowMapping, lease_until: int) -> Outgoing:
    names = ("id", "webhook_id", "kind", "target", "model_id", "trigger_run_id", "body", "attempts", "created_at")
    return Outgoing(
        **{name: row[name] for name in names},
        thread_of=row["thread_of"],
        rewrites=row["edits"],
        lease_until=lease_until,
        thread=_receipt(connection, row["thread_of"]),
        edits=_receipt(connection, row["edits"]),
    )


def _receipt(connection: Connection, key: int | None) -> dict[str, Any] | None:
    return None if key is None else connection.execute(select(outbox.c.receipt).where(outbox.c.id == key)).scalar()


def delivery(row: RowMapping) -> dict[str, Any]:
    """A message as the delivery log shows it."""
    return {
        "id": row["webhook_id"],
        "channel": row["target"],
        "kind": row["kind"],
        "types": list(dict.fromkeys(one["type"] for one in row["body"].get("entries", ()))),
        "state": row["state"],
        "rewrites": row["edits"] is not None,
        "attempts": row["attempts"],
        "again": row["again"] or 0,
        "again_at": optional(row["again_at"]),
        "next_at": render(row["next_at"]) if row["state"] == WAITING else None,
        "last_status": row["last_status"],
        "last_error": row["last_error"],
        "created_at": render(row["created_at"]),
        "settled_at": optional(row["settled_at"]),
    }
