"""Ending an alert's episode from outside: by hand, or because its rule is no longer there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from alerting.episode import ACCEPTED, MANUAL, RULE_REMOVED, SUPERSEDED, AlertState
from alerting.message import RESOLVED, body, entry
from alerting.rules import Rule
from monitor.actions.tell_alert import tell
from monitor.store import alerts
from monitor.store.alerts import StateKey
from monitor.store.database import Connection

_WORDS = {
    MANUAL: "resolved by a person",
    RULE_REMOVED: "its rule or the rule's check is no longer configured",
    SUPERSEDED: "a replay began anew",
    ACCEPTED: "accepted as the new normal; what came since it began is the reference now",
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
    over = {"state": "resolved", "resolved_at": at, "resolve_reason": word, "updated_at": now}
    alerts.set_fields(connection, alert_id, **over)
    if state.episode is not None and state.episode.id == alert_id:
        alerts.save_state(connection, model_id, key, replace(state, episode=None, counts={}, fired={}).to_dict())
    (alert,) = alerts.get_alerts(connection, [alert_id])
    reason = reason or _WORDS[word]
    severity = alert["severity"]
    alerts.add_transition(
        connection, alert_id, at=at, now=now, kind="resolved", severity=severity, reason=reason, details=details
    )
    if deliver and (state.episode is None or state.episode.told):
        evidence = alerts.latest_evidence(connection, alert_id)
        message = entry(RESOLVED, alert, evidence, public_url=public_url, reason=reason)
        tell(connection, alert_id, model_id, body(alert["model"], at, [message]), now)
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
    ``end_episode``."""
    ended = []
    for alert_id, (word, reason) in _orphans(connection, model_id, rules, segments).items():
        end_episode(connection, alert_id, word, at=at, now=now, public_url=public_url, deliver=deliver, reason=reason)
        ended.append(alert_id)
    return ended


def _orphans(
    connection: Connection, model_id: int, rules: Sequence[Rule], segments: Collection[str] | None
) -> dict[str, tuple[str, str | None]]:
    found: dict[str, tuple[str, str | None]] = {}
    spoken_of = {(rule.name, rule.check) for rule in rules}
    open_alerts = alerts.open_of(connection, model_id)
    states = alerts.load_states(connection, model_id).values() if open_alerts else ()
    kept = {state.episode.id for state in map(AlertState.from_dict, states) if state.episode is not None}
    for alert in open_alerts:
        column = str(alert["segment"] or "").partition("=")[0]
        if (alert["rule"], alert["check"]) not in spoken_of:
            found[alert["id"]] = (RULE_REMOVED, None)
        elif column and segments is not None and column not in segments:
            found[alert["id"]] = (RULE_REMOVED, f"{column} is no longer one of the model's segments")
        elif alert["id"] not in kept:
            found[alert["id"]] = (SUPERSEDED, None)
    return found


def state_of(connection: Connection, alert_id: str) -> tuple[int, StateKey, AlertState]:
    """The model's id, the rule's key and the state that an alert belongs to."""
    model_id, key = alerts.alert_key(connection, alert_id)
    return model_id, key, AlertState.from_dict(alerts.load_states(connection, model_id).get(key, {}))
