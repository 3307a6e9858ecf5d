"""What people do with an alert: acknowledge it, or end it by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from alerting.episode import MANUAL, AlertState
from alerting.message import RESOLVED, body, entry
from monitor.actions.tell_alert import tell
from monitor.errors import Conflict, NotFound
from monitor.service import Service
from monitor.store import alerts
from monitor.store.alerts import StateKey
from monitor.store.database import Connection


def acknowledge(service: Service, alert_id: str, now: int) -> dict[str, Any]:
    """Note that somebody looks after an alert: no more reminders, until its severity rises. Again is harmless.

    Raises NotFound, and Conflict for an alert that is over.
    """
    with service.database.write() as connection:
        alert, model_id, key = _open_alert(connection, alert_id)
        if alert["acknowledged_at"] is None:
            alerts.set_fields(connection, alert_id, acknowledged_at=now, updated_at=now)
            state = _state(connection, model_id, key)
            if state.episode is not None:
                kept = replace(state, episode=replace(state.episode, acknowledged=True))
                alerts.save_state(connection, model_id, key, kept.to_dict())
            _note(connection, alert, "acknowledged", "acknowledged by a person", now)
        return _again(connection, alert_id)


def resolve(service: Service, alert_id: str, now: int) -> dict[str, Any]:
    """End an alert's episode by hand; those who were told of it are told. The next window at severity is a new one.

    Raises NotFound, and Conflict for an alert that is over.
    """
    with service.database.write() as connection:
        alert, model_id, key = _open_alert(connection, alert_id)
        state = _state(connection, model_id, key)
        over = {"state": "resolved", "resolved_at": now, "resolve_reason": MANUAL, "updated_at": now}
        alerts.set_fields(connection, alert_id, **over)
        alerts.save_state(connection, model_id, key, {})
        _note(connection, alert, "resolved", "resolved by a person", now)
        after = _again(connection, alert_id)
        if state.episode is None or state.episode.told:
            evidence = alerts.latest_evidence(connection, alert_id)
            url = service.settings.public_url
            message = entry(RESOLVED, after, evidence, public_url=url, reason="resolved by a person")
            tell(connection, alert_id, model_id, body(after["model"], now, [message]), now)
        return after


def _open_alert(connection: Connection, alert_id: str) -> tuple[dict[str, Any], int, StateKey]:
    alert, where = alerts.get_alert(connection, alert_id), alerts.alert_key(connection, alert_id)
    if alert is None or where is None:
        raise NotFound(f"There is no alert {alert_id!r}")
    if alert["state"] == "resolved":
        raise Conflict("The alert is resolved; a new episode will have its own id")
    return alert, *where


def _state(connection: Connection, model_id: int, key: StateKey) -> AlertState:
    return AlertState.from_dict(alerts.load_states(connection, model_id).get(key, {}))


def _note(connection: Connection, alert: dict[str, Any], kind: str, reason: str, now: int) -> None:
    alerts.add_transition(connection, alert["id"], at=now, kind=kind, severity=alert["severity"], reason=reason)


def _again(connection: Connection, alert_id: str) -> dict[str, Any]:
    return alerts.get_alerts(connection, [alert_id])[0]
