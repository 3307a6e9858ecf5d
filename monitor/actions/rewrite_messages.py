"""Rewriting the messages that told of alerts, so that they show how things stand, where a channel can."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from alerting.muting import Silence, silencing
from alerting.registry import route_of
from alerting.standing import Standing, as_it_stands
from alerting.words import in_words
from monitor import clock
from monitor.store import alerts, config, outbox, threads
from monitor.store.database import Connection
from monitor.store.silences import active_silences


def rewrite(connection: Connection, alert_ids: Sequence[str], now: int) -> int:
    """Put a message that rewrites it into the outbox for each message that told of these alerts first; how many."""
    if not alert_ids:
        return 0
    channels = config.objects(connection, "channel")
    routes = {name: route_of(raw) for name, raw in channels.items()}
    found = threads.roots(connection, alert_ids)
    keys = {key: target for (target, _), key in found.items() if (route := routes.get(target)) and route.edits}
    for key, target in keys.items():
        _rewrite(connection, key, target, now)
    return len(keys)


def _rewrite(connection: Connection, key: int, target: str, now: int) -> None:
    root = threads.message(connection, key)
    ids = list(dict.fromkeys(str(one["alert"]["id"]) for one in root["body"]["entries"]))
    body = as_it_stands(root["body"], _standings(connection, ids, now))
    if threads.waiting_edit(connection, key, body):
        return
    outbox.enqueue(
        connection,
        webhook_id=f"msg_{secrets.token_hex(12)}",
        kind="channel",
        target=target,
        lane=root["lane"],
        body=body,
        alert_ids=ids,
        now=now,
        model_id=root["model_id"],
        edits=key,
    )


def _standings(connection: Connection, ids: Sequence[str], now: int) -> dict[str, Standing]:
    silences = [Silence(*row[:3]) for row in active_silences(connection, now)]
    found = {}
    for alert in alerts.get_alerts(connection, ids):
        silence = silencing(silences, alert, now)
        story = alerts.list_transitions(connection, alert["id"])
        notes = [f"Acknowledged {_by(story, 'acknowledged')}"] if alert["acknowledged_at"] else []
        notes += [f"Silenced until {in_words(silence.until)}"] if silence is not None else []
        ends = [str(one["reason"]) for one in story if one["kind"] == "resolved"]
        found[str(alert["id"])] = Standing(alert, tuple(notes), silence is not None, ends[-1] if ends else None)
    return found


def _by(story: Sequence[dict[str, object]], kind: str) -> str:
    """Who and when, of the newest entry of a kind."""
    last = next((one for one in reversed(story) if one["kind"] == kind), None)
    if last is None:
        return ""
    details = last["details"] if isinstance(last["details"], dict) else {}
    author = f"by {details['author']}, " if details.get("author") else ""
    return f"{author}{in_words(clock.parse(str(last['at'])))}"
