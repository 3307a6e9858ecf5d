"""A person says yes or no to a retraining that waits for it."""

from __future__ import annotations

from typing import Any, Protocol

from alerting import guards
from alerting.channels.slack import APPROVE, DENY
from monitor.actions.answer_alert import NOBODY, By
from monitor.actions.follow_triggers import move
from monitor.actions.request_retraining import put_request
from monitor.actions.retraining_news import note, spread
from monitor.actions.rewrite_messages import rewrite_answered
from monitor.errors import Conflict, NotFound
from monitor.service import Service
from monitor.store import alerts, config, locks, trigger_runs
from monitor.store.database import Connection
from monitor.store.trigger_runs import TriggerRun


class Click(Protocol):
    """What is needed of a press of a button: the run's id, whose name it was, when."""

    @property
    def value(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def now(self) -> int: ...


def approve(service: Service, run_id: str, now: int, by: By = NOBODY) -> dict[str, Any]:
    """Ask the orchestrator for the run; ``start_by`` and ``finish_by`` count from here. The run afterwards, as JSON.

    The same answer again is harmless. Raises NotFound, and Conflict for a run that waits for nobody.
    """
    return _answer(service, run_id, "approved", by, now)


def deny(service: Service, run_id: str, now: int, by: By = NOBODY) -> dict[str, Any]:
    """Cancel the run. Otherwise as ``approve``."""
    return _answer(service, run_id, "denied", by, now)


def approve_by_button(service: Service, click: Click) -> None:
    """The button in a chat; one that was answered already stays as it is."""
    approve(service, click.value, click.now, By(click.author))


def deny_by_button(service: Service, click: Click) -> None:
    """The like."""
    deny(service, click.value, click.now, By(click.author))


def ask_people(connection: Connection, model_id: int, *, as_of: int, now: int, public_url: str) -> None:
    """Ask those who were told of an alert to approve the retraining that it wants, once."""
    for run in trigger_runs.waiting_runs(connection, model_id):
        alert = alerts.get_alert(connection, run.alert_id)
        if alert is None or not run.waits or (run.approval or {}).get("told"):
            continue
        trigger_runs.set_fields(connection, run.id, approval={**(run.approval or {}), "told": True})
        reason = f"{run.trigger_name} waits for somebody to approve it, at most 24 hours"
        buttons = [
            {"action": APPROVE, "value": run.id, "text": "Approve the retraining", "style": "primary"},
            {"action": DENY, "value": run.id, "text": "Deny it"},
        ]
        spread(connection, run, alert, "approval", reason, at=as_of, now=now, public_url=public_url, buttons=buttons)


def _answer(service: Service, run_id: str, word: str, by: By, now: int) -> dict[str, Any]:
    with service.database.write(locks.OUTBOX) as connection:
        run = trigger_runs.get_run(connection, run_id)
        if run is None:
            raise NotFound(f"There is no retraining run {run_id!r}")
        if not run.waits:
            if (run.approval or {}).get("answer") == word:
                return run.as_json()
            raise Conflict(f"The run is {run.state} and waits for nobody's approval")
        said = {**(run.approval or {}), "open": False, "answer": word, "by": by.author, "answered_at": now}
        said |= {"comment": by.comment} if by.comment else {}
        reason = by.words(word)
        if word == "denied":
            move(service, connection, run, "cancelled", now, by.details, message=reason, approval=said)
        else:
            _send(service, connection, run, said, by, now)
        rewrite_answered(connection, run.alert_id, run.id, now)
        after = trigger_runs.get_run(connection, run_id)
        return run.as_json() if after is None else after.as_json()


def _send(service: Service, connection: Connection, run: TriggerRun, said: dict[str, Any], by: By, now: int) -> None:
    alert = alerts.get_alert(connection, run.alert_id)
    if alert is None:
        raise Conflict("The alert that asked for it is gone")
    wanted = guards.parse(config.objects(connection, "trigger").get(run.trigger_name, {}))
    until = {"start_by": now + wanted.start_by, "finish_by": now + wanted.finish_by}
    told = {"state": run.state, "at": now, "message": by.words("approved")}
    trigger_runs.set_fields(connection, run.id, approval=said, history=[*run.history, told], **until)
    evidence = alerts.latest_evidence(connection, run.alert_id, until=run.as_of)
    put_request(connection, run, alert, evidence, public_url=service.settings.public_url, now=now)
    note(connection, run, alert, "approved", f"{run.trigger_name}: {by.words('approved')}", now, by.details)
