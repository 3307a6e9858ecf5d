"""Some receivers forget: they hear again and again that an alert still fires, and for a while that it is over.

One that was away hears of it as soon as it is back: such a message is tried as often as it would be repeated, and what
was given up meanwhile is told again as well. One that said no is not asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerting.backoff import LIFETIME
from alerting.outbound import RETRIED_CLIENT_ERRORS
from alerting.registry import Repeats, channel_of
from monitor.service import Service
from monitor.store import alerts, channel_states, config, locks, outbox, repeats
from monitor.store.database import Connection
from monitor.store.outbox import Outgoing


def repeat_alerts(service: Service, now: int) -> int:
    """Send the newest message about each alert again where its channel asks for it and it is time; how many."""
    with service.database.read() as connection:
        wanted = _wanted(connection)
        if not any(_due(connection, name, each, now) for name, each in wanted.items()):
            return 0
    with service.database.write(locks.OUTBOX) as connection:
        due = [key for name, each in wanted.items() for key in _due(connection, name, each, now)]
        return sum(outbox.send_again(connection, key, state, now) for key, state in due)


def next_at(connection: Connection, message: Outgoing, due: int | None, now: int, asked: int | None) -> int | None:
    """When to try a message again that is ``due`` then by the usual waits, None when they are over: sooner, and for as
    long as the alert fires, where its channel has to hear of that often; not before what the other side ``asked`` for,
    in microseconds."""
    channel = channel_of(config.objects(connection, "channel").get(message.target, {}))
    if channel is None or channel.repeats is None:
        return due
    ids = [str(one["alert"]["id"]) for one in message.body["entries"] if one["alert"]["state"] == "firing"]
    if not any(alert["state"] == "firing" for alert in alerts.get_alerts(connection, ids)):
        return due
    soon = now + max(channel.repeats.every, min(asked or 0, LIFETIME))
    return soon if due is None else min(due, soon)


def _wanted(connection: Connection) -> dict[str, Repeats]:
    """The channels that ask for it."""
    disabled = channel_states.all_disabled(connection)
    known = {name: channel_of(raw) for name, raw in config.objects(connection, "channel").items()}
    return {
        name: channel.repeats
        for name, channel in known.items()
        if channel is not None and channel.repeats is not None and name not in disabled
    }


def _due(connection: Connection, name: str, wanted: Repeats, now: int) -> list[tuple[int, str]]:
    """Keys and states of the messages that are to go out again."""
    ended = now - min(wanted.every, wanted.ended_for // 5)
    rows = repeats.due(connection, name, since=now - wanted.ended_for, firing=now - wanted.every, ended=ended)
    told = [row for row in rows if row["body"]["entries"][0]["alert"]["state"] == row["alert_state"]]
    return [(int(row["id"]), str(row["state"])) for row in told if not _is_refused(row)]


def _is_refused(row: Mapping[Any, Any]) -> bool:
    """Whether the receiver said no to it: it would again."""
    status = row["last_status"]
    return row["state"] == outbox.GIVEN_UP and status in range(300, 500) and status not in RETRIED_CLIENT_ERRORS
