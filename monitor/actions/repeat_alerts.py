"""Some receivers forget: they hear again and again that an alert still fires, and for a while that it is over."""

from __future__ import annotations

from alerting.registry import Repeats, channel_of
from monitor.service import Service
from monitor.store import channel_states, config, locks, outbox, repeats
from monitor.store.database import Connection


def repeat_alerts(service: Service, now: int) -> int:
    """Send the newest message about each alert again where its channel asks for it and it is time; how many."""
    with service.database.read() as connection:
        wanted = _wanted(connection)
        if not any(_due(connection, name, each, now) for name, each in wanted.items()):
            return 0
    with service.database.write(locks.OUTBOX) as connection:
        due = [key for name, each in wanted.items() for key in _due(connection, name, each, now)]
        return sum(outbox.send_again(connection, key, outbox.DELIVERED, now) for key in due)


def _wanted(connection: Connection) -> dict[str, Repeats]:
    """The channels that ask for it."""
    disabled = channel_states.all_disabled(connection)
    known = {name: channel_of(raw) for name, raw in config.objects(connection, "channel").items()}
    return {
        name: channel.repeats
        for name, channel in known.items()
        if channel is not None and channel.repeats is not None and name not in disabled
    }


def _due(connection: Connection, name: str, wanted: Repeats, now: int) -> list[int]:
    ended = now - min(wanted.every, wanted.ended_for // 5)
    rows = repeats.due(connection, name, since=now - wanted.ended_for, firing=now - wanted.every, ended=ended)
    return [int(row["id"]) for row in rows if row["body"]["entries"][0]["alert"]["state"] == row["alert_state"]]
