"""Asking for a retraining when an alert fires, unless one is open or was asked for a short while ago."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerting.message import RETRAINING_REQUESTED, body, entry
from alerting.registry import deadlines, trigger_of
from alerting.retraining import OPEN_STATES, EarlierRun, callback_token, idempotency_key, suppression, token_hash
from monitor.store import trigger_runs
from monitor.store.alerts import add_transition, get_alerts
from monitor.store.database import Connection
from monitor.store.installation import secret
from monitor.store.outbox import enqueue
from monitor.store.trigger_runs import TriggerRun


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a retraining, and why. ``settings`` None: no trigger has that name. ``hidden``: why nobody is
    told, where broken data hides the alert."""

    model_id: int
    rule: str
    cooldown: int
    trigger: str
    settings: Mapping[str, Any] | None
    alert: Mapping[str, Any]
    readings: Sequence[Mapping[str, Any]]
    as_of: int
    now: int
    public_url: str
    silenced: bool
    hidden: str | None = None


def request_retraining(connection: Connection, asked: Asked) -> str:
    """Make a run and its message, or note in the timeline why not; what happened, in words for the notice."""
    why_not = _why_not(connection, asked)
    if why_not is not None:
        note = f"{asked.trigger} was not started: {why_not}"
        _note(connection, asked, "retraining_suppressed", note, {})
        return note
    run = _new_run(connection, asked)
    trigger_runs.add_run(connection, run)
    message = entry(
        RETRAINING_REQUESTED, asked.alert, asked.readings, public_url=asked.public_url, reason=f"rule {asked.rule}"
    )
    enqueue(
        connection,
        webhook_id=f"msg_{secrets.token_hex(12)}",
        kind="trigger",
        target=asked.trigger,
        lane=f"trigger|{run.id}",
        body=body(run.model, asked.as_of, [message]),
        alert_ids=[run.alert_id],
        now=asked.now,
        model_id=asked.model_id,
        trigger_run_id=run.id,
    )
    _note(connection, asked, "retraining_requested", f"{asked.trigger} was asked for", {"trigger_run": run.id})
    return f"{asked.trigger} was asked for"


def _why_not(connection: Connection, asked: Asked) -> str | None:
    if asked.silenced:
        return "the alert is silenced"
    if asked.hidden is not None:
        return asked.hidden
    if asked.settings is None or trigger_of(asked.settings) is None:
        return "no trigger of that name is configured"
    runs = trigger_runs.runs_of_model(connection, asked.model_id)
    remembered = {alert["id"] for alert in get_alerts(connection, [run.alert_id for run in runs])}
    # a run whose alert a replay has forgotten counts only while it is open
    counted = [run for run in runs if run.alert_id in remembered or run.state in OPEN_STATES]
    earlier = [EarlierRun(run.state, run.as_of) for run in counted]
    return suppression(asked.cooldown, asked.as_of, earlier)


def _new_run(connection: Connection, asked: Asked) -> TriggerRun:
    run_id = f"run-{secrets.token_hex(12)}"
    start_by, finish_by = deadlines(asked.settings or {})
    model, alert_id = str(asked.alert["model"]), str(asked.alert["id"])
    return TriggerRun(
        id=run_id,
        model_id=asked.model_id,
        model=model,
        rule=asked.rule,
        alert_id=alert_id,
        trigger_name=asked.trigger,
        state="requested",
        idempotency_key=idempotency_key(model, asked.rule, alert_id),
        callback_hash=token_hash(callback_token(secret(connection), run_id)),
        as_of=asked.as_of,
        requested_at=asked.now,
        accepted_at=None,
        started_at=None,
        ended_at=None,
        start_by=asked.now + start_by,
        finish_by=asked.now + finish_by,
        external_id=None,
        url=None,
        message=None,
        history=[{"state": "requested", "at": asked.now, "message": None}],
    )


def _note(connection: Connection, asked: Asked, kind: str, reason: str, details: Mapping[str, Any]) -> None:
    add_transition(
        connection,
        str(asked.alert["id"]),
        at=asked.as_of,
        kind=kind,
        severity=str(asked.alert["severity"]),
        reason=reason,
        details=details,
    )
