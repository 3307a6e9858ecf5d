"""Rewriting the messages that told of alerts, so that they show how things stand, where a channel can.

What a message that rewrites says is made again when it goes out: then the last one to go shows the newest.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from alerting.muting import Silence, silencing
from alerting.registry import route_of
from alerting.standing import LACKING, SHOWN_BY, Reply, Standing, as_it_stands, asks, evidence_of
from alerting.words import in_words
from monitor.store import alerts, config, outbox, threads, trigger_runs, version_before
from monitor.store.database import Connection
from monitor.store.silences import active_silences
from monitor.store.trigger_runs import TriggerRun


def rewrite(connection: Connection, alert_ids: Sequence[str], now: int, among: Collection[int] | None = None) -> int:
    """Put a message that rewrites it into the outbox for each message that told of these alerts first; how many.
    ``among``: those of them alone, by key."""
    if not alert_ids:
        return 0
    found = threads.roots(connection, alert_ids)
    editing = _that_edit(connection)
    keys = {key for (target, _), key in found.items() if target in editing and (among is None or key in among)}
    for key in sorted(keys):
        root = threads.message(connection, key)
        _put(connection, root, _as_first(connection, root, now), now)
    return len(keys)


def rewrite_answered(connection: Connection, alert_id: str, run_id: str, now: int) -> int:
    """Take the buttons of a retraining that waits for nobody any more off the messages about its alert, and say there
    what was answered; how many."""
    editing = _that_edit(connection)
    first = {key for (target, _), key in threads.roots(connection, [alert_id]).items() if target in editing}
    done = rewrite(connection, [alert_id], now, first)
    for row in threads.about(connection, alert_id):
        if row["id"] not in first and row["target"] in editing and asks(row["body"], run_id):
            _put(connection, row, _as_answer(connection, row), now)
            done += 1
    return done


def as_of_now(connection: Connection, key: int, written: Mapping[str, Any], now: int) -> dict[str, Any]:
    """What a message that is to be rewritten shall show. Asked when it is sent: two who have it rewritten at once know
    nothing of each other, and what was written down first may be committed last. Of alerts
    that a replay forgot meanwhile, what was ``written`` down holds."""
    told: Mapping[Any, Any] = threads.message(connection, key)
    ids = _alerts_in(told["body"])
    if len(alerts.get_alerts(connection, ids)) < len(ids):
        told = {**told, "body": _with_forgotten(connection, told["body"], written)}
    if key in threads.roots(connection, ids).values():
        return _as_first(connection, told, now)
    return _as_answer(connection, told)


def _with_forgotten(connection: Connection, told: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """A message with what was written down of the alerts that are not there any more."""
    known = {str(one["id"]) for one in alerts.get_alerts(connection, _alerts_in(told))}
    last = {str(one["alert"]["id"]): one for one in written["entries"]}
    entries = [one if one["alert"]["id"] in known else last.get(one["alert"]["id"], one) for one in told["entries"]]
    return {**told, "timestamp": max(told["timestamp"], written["timestamp"]), "entries": entries}


def _as_first(connection: Connection, told: Mapping[Any, Any], now: int) -> dict[str, Any]:
    """A message that told of its alerts first."""
    ids = _alerts_in(told["body"])
    return as_it_stands(told["body"], _standings(connection, ids, now), _replies(connection, ids))


def _as_answer(connection: Connection, told: Mapping[Any, Any]) -> dict[str, Any]:
    """One that came later: what it says of its alerts is of then."""
    return as_it_stands(told["body"], {}, _replies(connection, _alerts_in(told["body"])))


def _that_edit(connection: Connection) -> set[str]:
    """Names of the channels that rewrite."""
    routes = {name: route_of(raw) for name, raw in config.objects(connection, "channel").items()}
    return {name for name, route in routes.items() if route is not None and route.edits}


def _alerts_in(body: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(str(one["alert"]["id"]) for one in body["entries"]))


def _put(connection: Connection, root: Mapping[Any, Any], body: Mapping[str, Any], now: int) -> None:
    """A message that rewrites another one; one that still waits to do so gets the newer body. Where the store cannot
    say yet which one it rewrites it would be sent as a new one."""
    if version_before.is_behind(connection) or threads.waiting_edit(connection, root["id"], body):
        return
    outbox.enqueue(
        connection,
        webhook_id=f"msg_{secrets.token_hex(12)}",
        kind="channel",
        target=root["target"],
        lane=root["lane"],
        body=body,
        alert_ids=_alerts_in(body),
        now=now,
        model_id=root["model_id"],
        thread_of=root["thread_of"],
        edits=root["id"],
    )


def _standings(connection: Connection, ids: Sequence[str], now: int) -> dict[str, Standing]:
    silences = [Silence(*row[:3]) for row in active_silences(connection, now)]
    entries = alerts.newest_entries(connection, ids, ("acknowledged", *_ENDS, *SHOWN_BY, *LACKING))
    answered = {run.alert_id: f"{run.trigger_name}: {reply.words}" for run, reply in _answers(connection, ids)}
    stories: dict[str, dict[str, dict[str, Any]]] = {}
    for (of, kind), entry in entries.items():
        stories.setdefault(of, {})[kind] = entry
    found = {}
    for alert in alerts.get_alerts(connection, ids):
        name = str(alert["id"])
        mine = stories.get(name, {})
        silence = silencing(silences, alert, now)
        notes = [f"Acknowledged {_by(mine.get('acknowledged'))}"] if alert["acknowledged_at"] else []
        notes += [f"Silenced until {in_words(silence.until)}"] if silence is not None else []
        ends = [str(mine[kind]["reason"]) for kind in _ENDS if kind in mine]
        found[name] = Standing(
            alert,
            tuple(notes),
            silence is not None,
            ends[0] if ends else None,
            evidence_of(alert, mine),
            answered.get(name),
        )
    return found


def _replies(connection: Connection, ids: Sequence[str]) -> dict[str, Reply]:
    return {run.id: reply for run, reply in _answers(connection, ids)}


def _answers(connection: Connection, ids: Sequence[str]) -> list[tuple[TriggerRun, Reply]]:
    """The retrainings of these alerts that waited for somebody and do not any more, oldest first."""
    runs = [run for run in trigger_runs.approvals_of(connection, ids) if not run.waits]
    return [(run, Reply(str((run.approval or {}).get("answer") or "expired"), _words(run))) for run in runs]


def _words(run: TriggerRun) -> str:
    """What ended the wait stands in the history behind the request."""
    return next((str(one["message"]) for one in run.history[1:] if one["message"]), f"the run is {run.state}")


_ENDS = ("resolved", "not_confirmed")


def _by(entry: Mapping[str, Any] | None) -> str:
    """Who and when."""
    if entry is None:
        return ""
    author = (entry["details"] or {}).get("author")
    return f"{f'by {author}, ' if author else ''}{in_words(entry['at'])}"
