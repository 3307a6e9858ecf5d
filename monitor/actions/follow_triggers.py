"""What becomes of retraining runs: sent, accepted, reported on, overdue; what goes wrong is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerting.backoff import poll_wait
from alerting.retraining import END_STATES, FOLLOWED_STATES, WENT_WRONG, callback_token
from monitor.actions.retraining_news import note, spread
from monitor.actions.rewrite_messages import rewrite_answered
from monitor.actions.rows_link import rows_url, window_of
from monitor.clock import DAY
from monitor.service import Service
from monitor.store import alerts, locks, trigger_runs
from monitor.store.database import Connection
from monitor.store.installation import secret
from monitor.store.trigger_runs import TriggerRun

WAITED = "24 hours"  # of a run for somebody to approve it
NOBODY: Mapping[str, str] = {}
REPORTED = ("accepted", "running", "succeeded", "failed", "cancelled")


def follow_triggers(service: Service, now: int) -> int:
    """Mark the runs that did not start or finish in time as stuck, which frees their model; how many there were."""
    with service.database.read() as connection:
        if not trigger_runs.overdue_runs(connection, now):
            return 0
    with service.database.write(locks.OUTBOX) as connection:
        late = trigger_runs.overdue_runs(connection, now)
        for run in late:
            if run.waits:
                over, why = {**(run.approval or {}), "open": False}, f"nobody approved it within {WAITED}"
                move(service, connection, run, "cancelled", now, message=why, approval=over)
                rewrite_answered(connection, run.alert_id, run.id, now)
            else:
                move(service, connection, run, "stuck", now, message=_overdue(run, now))
    return len(late)


def _overdue(run: TriggerRun, now: int) -> str:
    """What it did not do in time, and what the orchestrator said of it last."""
    said = f"; the last that was heard of it: {run.message}" if run.message else ""
    return f"it did not {'finish' if run.finish_by <= now else 'start'} in time{said}"


def before_attempt(connection: Connection, run_id: str, now: int) -> tuple[TriggerRun | None, str]:
    """The run to send for, now ``sent``; or None and why there is nothing to send (``reported``: it did arrive)."""
    run = trigger_runs.get_run(connection, run_id)
    if run is None:
        return None, "the run is gone"
    if run.state in REPORTED:
        return None, "reported"
    if run.state in END_STATES:
        return None, f"the run is {run.state}"
    if run.state == "requested":
        trigger_runs.move_run(connection, run, "sent", now)
    return run, ""


def after_attempt(
    service: Service, connection: Connection, run_id: str, state: str, message: str | None, now: int, **fields: Any
) -> None:
    """Note what the other side answered; of a run that has reported by itself or ended meanwhile, what it is called."""
    run = trigger_runs.get_run(connection, run_id)
    if run is None:
        return
    if run.state not in ("requested", "sent"):
        known = {"external_id": run.external_id, "url": run.url}
        trigger_runs.set_fields(connection, run_id, **{name: fields[name] for name in fields if not known.get(name)})
        return
    move(service, connection, run, state, now, message=message, **fields)


def note_attempt(connection: Connection, run_id: str, reason: str, *, doubt: bool) -> None:
    """Keep what an attempt came to that will be made again: it is what was heard last of a run that gets stuck.
    ``doubt``: it may have arrived."""
    run = trigger_runs.get_run(connection, run_id)
    if run is not None and run.state == "sent":
        trigger_runs.set_fields(connection, run_id, message=reason, doubts=(run.doubts or 0) + doubt)


def move(
    service: Service,
    connection: Connection,
    run: TriggerRun,
    state: str,
    now: int,
    by: Mapping[str, str] = NOBODY,
    **fields: Any,
) -> bool:
    """Take a run to another state, with its entry in the alert's timeline (``by``: whose doing it was), and tell what
    went wrong."""
    times = {"accepted": "accepted_at", "running": "started_at"}
    when = {"ended_at": now} if state in END_STATES else {times[state]: now}
    if state in FOLLOWED_STATES and run.next_poll_at is None:
        when["next_poll_at"] = now + poll_wait(0)
    if not trigger_runs.move_run(connection, run, state, now, **fields, **when):
        return False
    alert = alerts.get_alert(connection, run.alert_id)
    if alert is None:
        return True
    message = fields.get("message")
    reason = f"{run.trigger_name}: the retraining {_WORDS[state]}" + (f": {message}" if message else "")
    note(connection, run, alert, state, reason, now, {"url": fields.get("url"), **by})
    if state in WENT_WRONG:
        said = {"state": state} | ({"message": message} if message else {})
        url = service.settings.public_url
        spread(connection, run, alert, state, reason, at=now, now=now, public_url=url, said=said, dropped=True)
    return True


_WORDS = {
    "accepted": "was accepted",
    "running": "is running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "was cancelled",
    "stuck": "is stuck",
    "refused": "was refused",
    "unknown": "was never answered",
}


def trigger_run_body(service: Service, connection: Connection, run: TriggerRun) -> dict[str, Any]:
    """``{id, idempotency_key, callback_url, data_url?}``; the tokens in the addresses are made when it is sent, and
    stored nowhere."""
    token = callback_token(secret(connection), run.id)
    address = f"{service.settings.public_url}/v1/trigger-runs/{run.id}?token={token}"
    told = {"id": run.id, "idempotency_key": run.idempotency_key, "callback_url": address}
    alert = alerts.get_alert(connection, run.alert_id)
    evidence = alerts.latest_evidence(connection, run.alert_id, until=run.as_of)
    window = None if alert is None else window_of(alert, evidence)
    if window is None:
        return told
    return {**told, "data_url": rows_url(service.settings.public_url, secret(connection), window, run.finish_by + DAY)}
