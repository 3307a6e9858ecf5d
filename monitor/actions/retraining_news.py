"""What became of a retraining run: in the timeline of the alert that asked for it, and to those who were told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerting.message import body, entry
from monitor.actions.tell_alert import tell
from monitor.store import alerts
from monitor.store.database import Connection
from monitor.store.trigger_runs import TriggerRun


def note(
    connection: Connection,
    run: TriggerRun,
    alert: Mapping[str, Any],
    word: str,
    reason: str,
    at: int,
    details: Mapping[str, Any] | None = None,
    *,
    now: int | None = None,
) -> None:
    """An entry ``retraining_WORD`` in the timeline; ``now`` is the clock's where ``at`` is a run's."""
    alerts.add_transition(
        connection,
        run.alert_id,
        at=at,
        now=at if now is None else now,
        kind=f"retraining_{word}",
        severity=str(alert["severity"]),
        reason=reason,
        details={"trigger_run": run.id, **(details or {})},
    )


def spread(
    connection: Connection,
    run: TriggerRun,
    alert: Mapping[str, Any],
    word: str,
    reason: str,
    *,
    at: int,
    now: int,
    public_url: str,
    evidence: Sequence[Mapping[str, Any]] = (),
    said: Mapping[str, Any] | None = None,
    dropped: bool = False,
    **more: Any,
) -> None:
    """A message ``retraining.WORD``; ``said`` is added to what it tells of the run, ``more`` to its entry. ``at`` is
    the time that it carries, ``now`` the clock's; ``dropped`` as for ``tell``."""
    known = {"id": run.id, "idempotency_key": run.idempotency_key, "trigger": run.trigger_name, "state": run.state}
    message = entry(
        f"retraining.{word}",
        alert,
        evidence,
        public_url=public_url,
        reason=reason,
        trigger_run={**known, **(said or {})},
        **more,
    )
    tell(connection, run.alert_id, run.model_id, body(run.model, at, [message]), now, dropped=dropped)
