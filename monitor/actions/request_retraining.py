"""Asking for a retraining when an alert fires, unless one is open or was asked for a short while ago."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerting import guards
from alerting.episode import AlertState
from alerting.guards import Guards
from alerting.message import RETRAINING_REQUESTED, body, entry
from alerting.parameters import HOLDERS, fields, fill
from alerting.registry import trigger_of
from alerting.retraining import (
    DRY_RUN,
    OPEN_STATES,
    EarlierRun,
    Situation,
    callback_token,
    idempotency_key,
    suppression,
    token_hash,
)
from monitor import clock
from monitor.actions.rows_link import shown_rows_url, window_of
from monitor.store import coverage, trigger_runs
from monitor.store import models as known_models
from monitor.store.alerts import add_transition, get_alerts, load_states, open_of
from monitor.store.database import Connection
from monitor.store.installation import secret
from monitor.store.outbox import enqueue
from monitor.store.trigger_runs import TriggerRun

APPROVAL_TIME = clock.DAY
DEFAULT_HORIZON = "30d"
NEVER_RAN = ("refused", "cancelled")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a retraining, and why. ``settings`` None: no trigger has that name. ``hidden``: why nobody is
    told, where broken data hides the alert. ``scheduled``: the schedule does, whose times
    are the clock's, also of what it catches up."""

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
    scheduled: bool = False


def request_retraining(connection: Connection, asked: Asked) -> str:
    """Make a run and its message, or note in the timeline why not; what happened, in words for the notice."""
    name = asked.trigger
    why_not = _why_not(connection, asked)
    if why_not is not None:
        note = f"{name} was not started: {why_not}"
        _note(connection, asked, "retraining_suppressed", note, {})
        return note
    wanted = guards.parse(asked.settings or {})
    run = _new_run(connection, asked, wanted)
    trigger_runs.add_run(connection, run)
    if wanted.dry_run:
        note, given = f"{name} would have been asked for; its dry_run is on", _filled(asked)
        shown = f"{note}. Its parameters, as they would have been sent but for secrets" if given else note
        _note(connection, asked, "retraining_dry_run", shown, {"trigger_run": run.id, "parameters": given})
        return note
    if run.waits:
        note = f"{name} waits for approval, at most 24 hours"
        _note(connection, asked, "retraining_requested", note, {"trigger_run": run.id, "approval": True})
        return note
    put_request(connection, run, asked.alert, asked.readings, public_url=asked.public_url, now=asked.now)
    _note(connection, asked, "retraining_requested", f"{name} was asked for", {"trigger_run": run.id})
    return f"{name} was asked for"


def put_request(
    connection: Connection,
    run: TriggerRun,
    alert: Mapping[str, Any],
    readings: Sequence[Mapping[str, Any]],
    *,
    public_url: str,
    now: int,
) -> None:
    """Put the message that asks for a run into the outbox."""
    message = entry(RETRAINING_REQUESTED, alert, readings, public_url=public_url, reason=f"rule {run.rule}")
    enqueue(
        connection,
        webhook_id=f"msg_{secrets.token_hex(12)}",
        kind="trigger",
        target=run.trigger_name,
        lane=f"trigger|{run.id}",
        body=body(run.model, run.as_of, [message]),
        alert_ids=[run.alert_id],
        now=now,
        model_id=run.model_id,
        trigger_run_id=run.id,
    )


def _why_not(connection: Connection, asked: Asked) -> str | None:
    if asked.silenced:
        return "the alert is silenced"
    if asked.hidden is not None:
        return asked.hidden
    if asked.settings is None or trigger_of(asked.settings) is None:
        return "no trigger of that name is configured"
    wanted = guards.parse(asked.settings)
    runs = trigger_runs.runs_of_model(connection, asked.model_id)
    if any(run.alert_id == asked.alert["id"] and run.state not in NEVER_RAN for run in runs):
        return "this alert has asked for one before"
    remembered = {alert["id"] for alert in get_alerts(connection, [run.alert_id for run in runs])}
    # a run whose alert a replay has forgotten counts only while it is open
    counted = [run for run in runs if run.alert_id in remembered or run.state in OPEN_STATES]
    situation = Situation(
        at=asked.as_of,
        earlier=[EarlierRun(run.state, run.as_of, run.trigger_name) for run in counted],
        labelled=_labelled(connection, asked) if wanted.min_labels else None,
        broken=_broken(connection, asked),
    )
    return suppression(asked.trigger, asked.cooldown, wanted, situation)


def _broken(connection: Connection, asked: Asked) -> str | None:
    """What a firing alert on broken data says of the model, if there is one beside the alert that asks; not where its
    newest windows are well again, and it only waits to be resolved."""
    states = [AlertState.from_dict(state) for state in load_states(connection, asked.model_id).values()]
    broken = {
        state.episode.id
        for state in states
        if state.episode is not None and any(metric in guards.BROKEN for metric, _ in state.bad)
    }
    for alert in open_of(connection, asked.model_id):
        if alert["state"] == "firing" and alert["id"] != asked.alert["id"] and alert["id"] in broken:
            return str(alert["summary"])
    return None


def _labelled(connection: Connection, asked: Asked) -> int:
    """Rows of the last label horizon whose labels were known at the run's time."""
    model = known_models.of_id(connection, asked.model_id)
    horizon = clock.parse_duration(str(model.settings.get("label_horizon") or DEFAULT_HORIZON))
    end = asked.as_of // clock.HOUR
    known = coverage.by_hour(connection, asked.model_id, end - horizon // clock.HOUR, end, end)
    return sum(labelled for _, _, _, labelled in known)


def _filled(asked: Asked) -> dict[str, Any]:
    """The parameters as they would have been passed, but for what is secret: that stays the name of a variable, and the
    token in the link to the rows is masked."""
    window = window_of(asked.alert, asked.readings)
    link = "" if window is None else shown_rows_url(asked.public_url, window)
    told = fields(
        body(str(asked.alert["model"]), asked.as_of, [{"alert": asked.alert, "readings": asked.readings}]), link
    )
    return {key: fill(value, told) for key, value in (asked.settings or {}).items() if key in HOLDERS}


def _new_run(connection: Connection, asked: Asked, wanted: Guards) -> TriggerRun:
    run_id = f"run-{secrets.token_hex(12)}"
    model, alert_id, now = str(asked.alert["model"]), str(asked.alert["id"]), asked.now
    waits = wanted.approval and not wanted.dry_run
    attempt = 1 + len(trigger_runs.runs_of_alert(connection, alert_id))
    history: list[dict[str, Any]] = [{"state": "requested", "at": now, "message": None}]
    if wanted.dry_run:
        history.append({"state": "cancelled", "at": now, "message": DRY_RUN})
    return TriggerRun(
        id=run_id,
        model_id=asked.model_id,
        model=model,
        rule=asked.rule,
        alert_id=alert_id,
        trigger_name=asked.trigger,
        state="cancelled" if wanted.dry_run else "requested",
        idempotency_key=idempotency_key(model, asked.rule, alert_id, attempt),
        callback_hash=token_hash(callback_token(secret(connection), run_id)),
        as_of=asked.as_of,
        requested_at=now,
        accepted_at=None,
        started_at=None,
        ended_at=now if wanted.dry_run else None,
        start_by=now + (APPROVAL_TIME if waits else wanted.start_by),
        finish_by=now + (APPROVAL_TIME if waits else wanted.finish_by),
        external_id=None,
        url=None,
        message=DRY_RUN if wanted.dry_run else None,
        history=history,
        approval={"open": True, "asked_at": now} if waits else None,
        behind=0 if asked.scheduled else now - asked.as_of,
    )


def _note(connection: Connection, asked: Asked, kind: str, reason: str, details: Mapping[str, Any]) -> None:
    add_transition(
        connection,
        str(asked.alert["id"]),
        at=asked.as_of,
        now=asked.now,
        kind=kind,
        severity=str(asked.alert["severity"]),
        reason=reason,
        details=details,
    )
