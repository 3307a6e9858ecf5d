"""Which message of a channel told of an alert first, what waits to be said there, and what need not be any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, or_, select, update

from monitor.store.outbox import DROPPED, GIVEN_UP, WAITING
from monitor.store.tables import outbox, outbox_alerts

OVER = "not sent: the alert was over before it could be told"


def roots(connection: Connection, alert_ids: Sequence[str]) -> dict[tuple[str, str], int]:
    """By channel and alert the message that told of it first and was not given up: later ones answer it."""
    first = (outbox.c.thread_of.is_(None), outbox.c.edits.is_(None), outbox.c.state.not_in((GIVEN_UP, DROPPED)))
    query = (
        select(outbox.c.target, outbox_alerts.c.alert_id, func.min(outbox.c.id))
        .join(outbox_alerts, outbox_alerts.c.outbox_id == outbox.c.id)
        .where(outbox.c.kind == "channel", outbox_alerts.c.alert_id.in_(list(dict.fromkeys(alert_ids))), *first)
        .group_by(outbox.c.target, outbox_alerts.c.alert_id)
    )
    return {(target, alert_id): key for target, alert_id, key in connection.execute(query)}


def message(connection: Connection, key: int) -> RowMapping:
    """A message as it is stored."""
    return connection.execute(select(outbox).where(outbox.c.id == key)).mappings().one()


def about(connection: Connection, alert_id: str) -> list[RowMapping]:
    """The messages of channels that told of an alert, but for those that rewrite others."""
    query = (
        select(outbox)
        .join(outbox_alerts, outbox_alerts.c.outbox_id == outbox.c.id)
        .where(outbox_alerts.c.alert_id == alert_id, outbox.c.kind == "channel", outbox.c.edits.is_(None))
        .where(outbox.c.state.not_in((GIVEN_UP, DROPPED)))
        .order_by(outbox.c.id)
    )
    return list(connection.execute(query).mappings())


def waiting_edit(connection: Connection, key: int, body: Mapping[str, Any]) -> bool:
    """Give the message that is yet to rewrite another one a newer body; False where none waits."""
    mine = (outbox.c.edits == key, outbox.c.state == WAITING, outbox.c.lease_until.is_(None))
    return connection.execute(update(outbox).where(*mine).values(body=dict(body))).rowcount > 0


def say(connection: Connection, key: int, body: Mapping[str, Any]) -> None:
    """What a message that is about to be sent says now."""
    connection.execute(update(outbox).where(outbox.c.id == key).values(body=dict(body)))


def unsaid(connection: Connection, target: str, alert_id: str, now: int) -> list[RowMapping]:
    """The messages about an alert that wait in a channel, if none can have arrived there and all are held up: by quiet
    hours, by a receiver that does not take them, or behind one that it does not take. Empty otherwise."""
    ahead = outbox.alias()
    stuck = (
        select(ahead.c.id)
        .where(ahead.c.lane == outbox.c.lane, ahead.c.state == WAITING, ahead.c.id < outbox.c.id)
        .where(or_(ahead.c.attempts > 0, ahead.c.next_at > now))
        .exists()
    )
    held = or_(outbox.c.next_at > now, outbox.c.attempts > 0, stuck)
    query = (
        select(outbox.c.id, and_(held, *_unheard()).label("unsaid"))
        .join(outbox_alerts, outbox_alerts.c.outbox_id == outbox.c.id)
        .where(outbox_alerts.c.alert_id == alert_id, outbox.c.target == target, outbox.c.kind == "channel")
    )
    rows = connection.execute(query).mappings().all()
    if not all(row["unsaid"] for row in rows):
        return []  # as of nearly all: what they say is not read, which of a notice of hundreds is much
    return list(connection.execute(select(outbox).where(outbox.c.id.in_([row["id"] for row in rows]))).mappings())


def drop(connection: Connection, key: int, now: int) -> bool:
    """A message that nobody needs any more; it stays in the log. False where somebody has begun to send it."""
    values = {"state": DROPPED, "settled_at": now, "last_error": OVER}
    return connection.execute(update(outbox).where(outbox.c.id == key, *_unheard()).values(**values)).rowcount == 1


def say_less(connection: Connection, key: int, body: Mapping[str, Any]) -> bool:
    """A message that nobody can have got yet, without what is over. False where somebody has begun to send it."""
    return (
        connection.execute(update(outbox).where(outbox.c.id == key, *_unheard()).values(body=dict(body))).rowcount == 1
    )


def lead_to_model(connection: Connection, alert_ids: Sequence[str]) -> None:
    """What waits to be said of alerts that are gone links to the model's page, as theirs is not there any more."""
    mine = select(outbox_alerts.c.outbox_id).where(outbox_alerts.c.alert_id.in_(alert_ids))
    waiting = (outbox.c.id.in_(mine), outbox.c.kind == "channel", outbox.c.state == WAITING)
    for row in connection.execute(select(outbox.c.id, outbox.c.body).where(*waiting)).all():
        entries = [_without_page(one) if one["alert"]["id"] in alert_ids else one for one in row.body["entries"]]
        say(connection, row.id, {**row.body, "entries": entries})


def _without_page(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, "links": {**one["links"], "alert": one["links"]["model"]}}


def forget(connection: Connection, key: int, alert_id: str) -> None:
    """A message does not speak of this alert any more."""
    mine = (outbox_alerts.c.outbox_id == key, outbox_alerts.c.alert_id == alert_id)
    connection.execute(delete(outbox_alerts).where(*mine))


def _unheard() -> tuple[ColumnElement[bool], ...]:
    """Nobody can have got it: no attempt was made, or none was left without an answer. Of those that were made before
    this was counted nothing is known."""
    certain = or_(outbox.c.attempts == 0, outbox.c.doubts.is_not(None))
    once = func.coalesce(outbox.c.again, 0) == 0
    return (
        outbox.c.state == WAITING,
        outbox.c.lease_until.is_(None),
        once,
        certain,
        func.coalesce(outbox.c.doubts, 0) == 0,
    )
