"""Rewriting the messages that told of alerts, so that they show how things stand, where a channel can."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from alerting.muting import Silence, silencing
from alerting.registry import route_of
from alerting.standing import Standing, as_it_stands, without_buttons
from alerting.words import in_words
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
    entries = alerts.newest_entries(connection, ids, ("acknowledged", *_ENDS))
    found = {}
    for alert in alerts.get_alerts(connection, ids):
        name = str(alert["id"])
        silence = silencing(silences, alert, now)
        notes = [f"Acknowledged {_by(entries.get((name, 'acknowledged')))}"] if alert["acknowledged_at"] else []
        notes += [f"Silenced until {in_words(silence.until)}"] if silence is not None else []
        ends = [str(entries[name, kind]["reason"]) for kind in _ENDS if (name, kind) in entries]
        found[name] = Standing(alert, tuple(notes), silence is not None, ends[0] if ends else None)
    return found


_ENDS = ("resolved", "not_confirmed")


def _by(entry: Mapping[str, Any] | None) -> str:
    """Who and when."""
    if entry is None:
        return ""
    author = (entry["details"] or {}).get("author")
    return f"{f'by {author}, ' if author else ''}{in_words(entry['at'])}"
