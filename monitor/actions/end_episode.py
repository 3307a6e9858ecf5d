"""Ending an alert's episode from outside: by hand, or because its rule is no longer there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from alerting.episode import ACCEPTED, MANUAL, RULE_REMOVED, SUPERSEDED, AlertState
from alerting.message import RESOLVED, body, entry
from alerting.plan import Change
from alerting.registry import route_of
from alerting.rules import Rule
from monitor.actions.tell_alert import tell, tell_changes
from monitor.store import alerts, config, outbox
from monitor.store.alerts import StateKey
from monitor.store.database import Connection

_WORDS = {
    MANUAL: "resolved by a person",
    RULE_REMOVED: "its rule or the rule's check is no longer configured",
    SUPERSEDED: "a replay began anew",
    ACCEPTED: "accepted as the new normal; what came since the change began is the reference now",
}


def end_episode(
    connection: Connection,
    alert_id: str,
    word: str,
    *,
    at: int,
    now: int,
    public_url: str,
    deliver: bool = True,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """End an open episode with a reason, and tell those who were told of it; the alert afterwards.

    ``at`` is the time of the resolve, ``now`` the clock's; ``reason`` is told in place of the word's own sentence, and
    ``details`` stand beside it in the timeline. The next window at severity begins a new episode.
    """
    model_id, key, state = state_of(connection, alert_id)
    why = reason or _WORDS[word]
    alert = _over(connection, model_id, key, state, alert_id, word, why, at, now, details)
    if deliver and _was_told(state):
        evidence = alerts.latest_evidence(connection, alert_id)
        message = entry(RESOLVED, alert, evidence, public_url=public_url, reason=why)
        tell(connection, alert_id, model_id, body(alert["model"], at, [message]), now)
    return alert


def end_episodes(
    connection: Connection,
    model_id: int,
    endings: Mapping[str, tuple[str, str | None]],
    *,
    at: int,
    now: int,
    public_url: str,
    deliver: bool = True,
) -> list[str]:
    """End open episodes of one model, by id each with its word and reason; their ids. Otherwise as ``end_episode``, but
    that who hears of several hears of them at once: a segment that is dropped ends hundreds."""
    states = {} if not endings else alerts.load_states(connection, model_id)
    changes, model = [], ""
    for alert_id, (word, reason) in endings.items():
        _, key = alerts.alert_key(connection, alert_id)
        state, why = AlertState.from_dict(states.get(key, {})), reason or _WORDS[word]
        alert = _over(connection, model_id, key, state, alert_id, word, why, at, now, None)
        model = str(alert["model"])
        if deliver and _was_told(state):
            heard = tuple(name for name, _ in outbox.told_of(connection, alert_id))
            evidence = alerts.latest_evidence(connection, alert_id)
            changes.append(Change("resolved", alert, heard, evidence, reason=why, told=True))
    known = {name: route_of(raw) for name, raw in config.objects(connection, "channel").items()} if changes else {}
    routes = {name: route for name, route in known.items() if route is not None}
    tell_changes(
        connection, changes, model_id=model_id, model=model, at=at, now=now, public_url=public_url, routes=routes
    )
    return list(endings)


def _was_told(state: AlertState) -> bool:
    return state.episode is None or state.episode.told


def _over(
    connection: Connection,
    model_id: int,
    key: StateKey,
    state: AlertState,
    alert_id: str,
    word: str,
    reason: str,
    at: int,
    now: int,
    details: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The alert, which is over now, in the store and in its timeline."""
    over = {"state": "resolved", "resolved_at": at, "resolve_reason": word, "updated_at": now}
    alerts.set_fields(connection, alert_id, **over)
    if state.episode is not None and state.episode.id == alert_id:
        alerts.save_state(connection, model_id, key, replace(state, episode=None, counts={}, fired={}).to_dict())
    (alert,) = alerts.get_alerts(connection, [alert_id])
    alerts.add_transition(
        connection,
        alert_id,
        at=at,
        now=now,
        kind="resolved",
        severity=alert["severity"],
        reason=reason,
        details=details,
    )
    return alert


def end_orphans(
    connection: Connection,
    model_id: int,
    rules: Sequence[Rule],
    segments: Collection[str] | None,
    *,
    at: int,
    now: int,
    public_url: str,
    deliver: bool = True,
) -> list[str]:
    """End the open alerts of a model that nothing can resolve any more: their rule is gone, their segment is none of
    the model's ``segments`` (columns; None: not known), or a replay forgot their state; their ids. Otherwise as
    ``end_episodes``."""
    endings = _orphans(connection, model_id, rules, segments)
    return end_episodes(connection, model_id, endings, at=at, now=now, public_url=public_url, deliver=deliver)


def _orphans(
    connection: Connection, model_id: int, rules: Sequence[Rule], segments: Collection[str] | None
) -> dict[str, tuple[str, str | None]]:
    found: dict[str, tuple[str, str | None]] = {}
    spoken_of = {(rule.name, rule.check) for rule in rules}
    open_alerts = alerts.open_of(connection, model_id)
    states = alerts.load_states(connection, model_id).values() if open_alerts else ()
    kept = {state.episode.id for state in map(AlertState.from_dict, states) if state.episode is not None}
    for alert in open_alerts:
        segment = alert["segment"]
        if (alert["rule"], alert["check"]) not in spoken_of:
            found[alert["id"]] = (RULE_REMOVED, None)
        elif segment and segments is not None and not any(segment.startswith(f"{name}=") for name in segments):
            found[alert["id"]] = (RULE_REMOVED, f"{segment} is no longer in one of the model's segments")
        elif alert["id"] not in kept:
            found[alert["id"]] = (SUPERSEDED, None)
    return found


def state_of(connection: Connection, alert_id: str) -> tuple[int, StateKey, AlertState]:
    """The model's id, the rule's key and the state that an alert belongs to."""
    model_id, key = alerts.alert_key(connection, alert_id)
    return model_id, key, AlertState.from_dict(alerts.load_states(connection, model_id).get(key, {}))
