"""An orchestrator reports on a run at its callback address."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from alerting.retraining import END_STATES, REPORTABLE, token_hash
from monitor.actions.follow_triggers import move
from monitor.errors import Conflict, Invalid, NotFound, Unauthorized
from monitor.service import Service
from monitor.store import locks, trigger_runs

_TOKEN = "This needs the token of the run's own callback address"
LIMITS = {"external_id": 200, "url": 2000, "message": 2000, "version": 200}


def report_retraining(
    service: Service, run_id: str, token: str | None, report: Mapping[str, Any], now: int
) -> dict[str, Any]:
    """Take ``{status, external_id?, url?, message?, version?}``; the run afterwards, as JSON.

    Raises Unauthorized without a token or with another than its own, NotFound for an unknown run, Invalid for a report
    that says nothing, Conflict for a change after an end state.
    """
    if token is None:
        raise Unauthorized(_TOKEN)
    with service.database.write(locks.OUTBOX) as connection:
        run = trigger_runs.get_run(connection, run_id)
        if run is None:
            raise NotFound(f"There is no retraining run {run_id!r}")
        if not hmac.compare_digest(token_hash(token), run.callback_hash):
            raise Unauthorized(_TOKEN)
        state, fields = _read(report)
        if state != run.state and run.state in END_STATES:
            raise Conflict(f"The run is {run.state}; that cannot change any more")
        if state == run.state:
            trigger_runs.set_fields(connection, run.id, **fields)
        else:
            move(service, connection, run, state, now, **{"message": None, **fields})
        after = trigger_runs.get_run(connection, run_id)
        return run.as_json() if after is None else after.as_json()


def _read(report: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    state = report.get("status")
    if state not in REPORTABLE:
        raise Invalid(f"status is one of {', '.join(REPORTABLE)}", field="status")
    fields: dict[str, Any] = {}
    for name, limit in LIMITS.items():
        value = report.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or len(value) > limit:
            raise Invalid(f"{name} is a text of at most {limit} characters", field=name)
        fields[name] = value
    if not fields.get("url", "https://").startswith(("https://", "http://")):
        raise Invalid("url starts with https:// or http://", field="url")
    return str(state), fields
