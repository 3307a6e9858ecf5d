"""Rewriting the messages that told of alerts, so that they show how things stand, where a channel can."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from alerting.muting import Silence, silencing
from alerting.registry import route_of
from alerting.standing import Standing, as_it_stands, without_buttons
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
    keys = {key for (target, _), key in found.items() if (route := routes.get(target)) and route.edits}
    for key in sorted(keys):
        _rewrite(connection, key, now)
    return len(keys)


def rewrite_answered(connection: Connection, alert_id: str, value: str, words: str, now: int) -> int:
    """Take the buttons of this value off the messages about an alert, and say what was answered; how many."""
    channels = config.objects(connection, "channel")
    routes = {name: route_of(raw) for name, raw in channels.items()}
    done = 0
    for row in threads.about(connection, alert_id):
        route = routes.get(row["target"])
        body = without_buttons(row["body"], value, words)
        if body is not None and route is not None and route.edits:
            _put(connection, row, body, now)
            done += 1
    return done


def _rewrite(connection: Connection, key: int, now: int) -> None:
    root = threads.message(connection, key)
    ids = list(dict.fromkeys(str(one["alert"]["id"]) for one in root["body"]["entries"]))
    _put(connection, root, as_it_stands(root["body"], _standings(connection, ids, now)), now)


def _put(connection: Connection, root: Mapping[Any, Any], body: Mapping[str, Any], now: int) -> None:
    """A message that rewrites another one; one that still waits to do so gets the newer body."""
    if threads.waiting_edit(connection, root["id"], body):
        return
    outbox.enqueue(
        connection,
        webhook_id=f"msg_{secrets.token_hex(12)}",
        kind="channel",
        target=root["target"],
        lane=root["lane"],
        body=body,
        alert_ids=list(dict.fromkeys(str(one["alert"]["id"]) for one in body["entries"])),
        now=now,
        model_id=root["model_id"],
        thread_of=root["thread_of"],
        edits=root["id"],
    )


def _standings(connection: Connection, ids: Sequence[str], now: int) -> dict[str, Standing]:
    silences = [Silence(*row[:3]) for row in active_silences(connection, now)]
    found = {}
    for alert in alerts.get_alerts(connection, ids):
        silence = silencing(silences, alert, now)
        story = alerts.list_transitions(connection, alert["id"])
        notes = [f"Acknowledged {_by(story, 'acknowledged')}"] if alert["acknowledged_at"] else []
        notes += [f"Silenced until {in_words(silence.until)}"] if silence is not None else []
        ends = [str(one["reason"]) for one in story if one["kind"] in ("resolved", "not_confirmed")]
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
