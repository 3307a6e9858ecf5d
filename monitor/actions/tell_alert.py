"""Telling people: the changes of a run, and what became of an alert between runs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from alerting.message import RESOLVED, Message
from alerting.plan import Change, plan
from alerting.registry import channel_of, route_of
from alerting.routing import Route
from alerting.standing import shortened
from monitor.actions.rewrite_messages import rewrite
from monitor.store import config, outbox, threads
from monitor.store.database import Connection


def new_message_id() -> str:
    """A new ``webhook-id``, kept through all retries."""
    return f"msg_{secrets.token_hex(12)}"


def tell_changes(
    connection: Connection,
    changes: Sequence[Change],
    *,
    model_id: int,
    model: str,
    at: int,
    now: int,
    public_url: str,
    routes: Mapping[str, Route],
) -> None:
    """Put what a run has to tell into the outbox, and have the messages rewritten that told of what is otherwise now.

    ``at`` is the run's own time, ``now`` the clock's.
    """
    if not changes or not routes:  # without delivery nothing is said, and nothing rewritten
        return
    ids = [str(change.alert["id"]) for change in changes]
    roots = threads.roots(connection, ids)
    messages = plan(
        changes,
        model=model,
        at=at,
        public_url=public_url,
        routes=routes,
        model_lane=f"model {model_id}",
        now=now,
        roots=roots,
    )
    for message in messages:
        send(connection, message, model_id, now)
    stands = [str(change.alert["id"]) for change in changes if change.kind in _STANDS_OTHERWISE]
    rewrite(connection, stands, now, set(roots.values()))


_STANDS_OTHERWISE = ("firing", "raised", "joined", "uncovered", "resolved")  # than what a message before it told


def tell(
    connection: Connection,
    alert_id: str,
    model_id: int,
    body: Mapping[str, Any],
    now: int,
    *,
    dropped: bool = False,
) -> int:
    """Put a message with one entry into the outbox of every channel that was sent the alert; how many there were.
    ``dropped``: it is news also to those who were not sent it, as it was over by then."""
    channels = config.objects(connection, "channel")
    known = threads.roots(connection, [alert_id])
    severities = [str(one["alert"]["severity"]) for one in body["entries"]]
    told = 0
    for target, lane in outbox.told_of(connection, alert_id, dropped=dropped):
        route = route_of(channels[target]) if target in channels else None
        if route is None:
            continue
        root = None if route.threading == "none" else known.get((target, alert_id))
        later = route.not_before(severities, now)
        message = Message("channel", target, lane, body, (alert_id,), thread_of=root, not_before=later)
        send(connection, message, model_id, now)
        told += 1
    if any(one["type"] == RESOLVED for one in body["entries"]):
        rewrite(connection, [alert_id], now, set(known.values()))
    return told


def tell_acknowledged(connection: Connection, alert: Mapping[str, Any], body: Mapping[str, Any], now: int) -> None:
    """Put word that somebody looks after an alert into the outbox of those that keep incidents of their own, and have
    the messages rewritten that told of it."""
    channels, name = config.objects(connection, "channel"), str(alert["id"])
    for target, lane in outbox.told_of(connection, name):
        raw = channels.get(target, {})
        channel, route = channel_of(raw), route_of(raw)
        if channel is not None and route is not None and channel.acknowledges:
            later = route.not_before([str(alert["severity"])], now)
            message = Message("channel", target, lane, body, (name,), not_before=later)
            send(connection, message, outbox.model_of(connection, name), now)
    rewrite(connection, [name], now)


def send(connection: Connection, message: Message, model_id: int | None, now: int) -> None:
    """Put a message into the outbox, but for what nobody needs to hear any more: the end of what never was told."""
    left = _without_what_is_over(connection, message, now)
    if left is None:
        return
    outbox.enqueue(
        connection,
        webhook_id=new_message_id(),
        kind=left.kind,
        target=left.target,
        lane=left.lane,
        body=left.body,
        alert_ids=left.alert_ids,
        now=now,
        model_id=model_id,
        thread_of=left.thread_of,
        not_before=left.not_before,
    )


def _without_what_is_over(connection: Connection, message: Message, now: int) -> Message | None:
    """A firing that was held up until its alert was over is dropped, and the resolve with it."""
    over = [str(one["alert"]["id"]) for one in message.body["entries"] if one["type"] == RESOLVED]
    untold = []
    for alert_id in over:
        rows = threads.unsaid(connection, message.target, alert_id, now)
        gone = [_take_back(connection, row, alert_id, now) for row in rows]
        untold += [alert_id] if gone and all(gone) else []
    rest = shortened(message.body, untold)
    if rest is None:
        return None
    return replace(message, body=rest, alert_ids=tuple(one for one in message.alert_ids if one not in untold))


def _take_back(connection: Connection, row: Mapping[Any, Any], alert_id: str, now: int) -> bool:
    """A message without what it says of an alert; False where it is on its way by now."""
    rest = shortened(row["body"], {alert_id})
    if rest is None:
        return threads.drop(connection, row["id"], now)
    if not threads.say_less(connection, row["id"], rest):
        return False
    threads.forget(connection, row["id"], alert_id)
    return True
