"""Retraining runs that were asked for, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from alerting.retraining import DRY_RUN, FOLLOWED_STATES, OPEN_STATES
from monitor.clock import optional, render
from monitor.store.tables import models, trigger_runs


@dataclass(frozen=True, slots=True)
class TriggerRun:
    """One row; times in microseconds, wall time but for ``as_of``."""

    id: str
    model_id: int
    model: str
    rule: str
    alert_id: str
    trigger_name: str
    state: str
    idempotency_key: str
    callback_hash: str
    as_of: int
    requested_at: int
    accepted_at: int | None
    started_at: int | None
    ended_at: int | None
    start_by: int
    finish_by: int
    external_id: str | None
    url: str | None
    message: str | None
    history: Sequence[Mapping[str, Any]]
    next_poll_at: int | None = None
    polls: int | None = None
    closing: Mapping[str, Any] | None = None
    approval: Mapping[str, Any] | None = None
    doubts: int | None = None
    version: str | None = None
    behind: int | None = None

    def as_json(self) -> dict[str, Any]:
        """As the API shows it: no token, nor its hash."""
        return {
            "id": self.id,
            "model": self.model,
            "rule": self.rule,
            "alert": self.alert_id,
            "trigger": self.trigger_name,
            "state": self.state,
            "idempotency_key": self.idempotency_key,
            "as_of": render(self.as_of),
            "requested_at": render(self.requested_at),
            "accepted_at": optional(self.accepted_at),
            "started_at": optional(self.started_at),
            "ended_at": optional(self.ended_at),
            "external_id": self.external_id,
            "url": self.url,
            "message": self.message,
            "version": self.version,
            "history": [{**one, "at": render(one["at"])} for one in self.history],
            "approval": _shown(self.approval, "asked_at", "answered_at"),
            "closing": self.closing,
        }

    @property
    def waits(self) -> bool:
        """Whether a person has to approve it first."""
        return self.state == "requested" and bool(self.approval and self.approval["open"])


def add_run(connection: Connection, run: TriggerRun) -> None:
    """Store a new run."""
    connection.execute(insert(trigger_runs).values({c.name: getattr(run, c.name) for c in trigger_runs.columns}))


def get_run(connection: Connection, run_id: str) -> TriggerRun | None:
    """One run by its id, or None."""
    row = connection.execute(_all().where(trigger_runs.c.id == run_id)).mappings().first()
    return None if row is None else _run(row)


def runs_of_model(connection: Connection, model_id: int) -> list[TriggerRun]:
    """Every run of a model, newest first."""
    query = _all().where(trigger_runs.c.model_id == model_id).order_by(trigger_runs.c.requested_at.desc())
    return [_run(row) for row in connection.execute(query).mappings()]


def runs_of_alert(connection: Connection, alert_id: str) -> list[TriggerRun]:
    """The runs that an alert asked for, oldest first."""
    query = _all().where(trigger_runs.c.alert_id == alert_id).order_by(trigger_runs.c.requested_at)
    return [_run(row) for row in connection.execute(query).mappings()]


def approvals_of(connection: Connection, alert_ids: Sequence[str]) -> list[TriggerRun]:
    """The runs that these alerts asked for and somebody had to approve, oldest first."""
    query = _all().where(trigger_runs.c.alert_id.in_(alert_ids)).order_by(trigger_runs.c.requested_at)
    return [run for row in connection.execute(query).mappings() if (run := _run(row)).approval is not None]


def open_runs(connection: Connection, model_id: int) -> set[str]:
    """Ids of a model's runs that have not come to an end, and wait for nobody."""
    mine = (trigger_runs.c.model_id == model_id) & trigger_runs.c.state.in_(OPEN_STATES)
    return {run.id for row in connection.execute(_all().where(mine)).mappings() if not (run := _run(row)).waits}


def waiting_runs(connection: Connection, model_id: int) -> list[TriggerRun]:
    """Runs of a model that were not sent yet; those among them that wait for approval say so."""
    mine = (trigger_runs.c.model_id == model_id, trigger_runs.c.state == "requested")
    return [_run(row) for row in connection.execute(_all().where(*mine)).mappings()]


def due_polls(connection: Connection, now: int) -> list[TriggerRun]:
    """Runs that an orchestrator has, and is to be asked about now; the longest due first."""
    due = (trigger_runs.c.state.in_(FOLLOWED_STATES), trigger_runs.c.next_poll_at <= now)
    query = _all().where(*due).order_by(trigger_runs.c.next_poll_at, trigger_runs.c.id)
    return [_run(row) for row in connection.execute(query).mappings()]


def claim_poll(connection: Connection, run: TriggerRun, lease_until: int) -> bool:
    """Take a poll; False where somebody else took it. It is due again when the lease runs out."""
    mine = (trigger_runs.c.id == run.id, trigger_runs.c.next_poll_at == run.next_poll_at)
    changed = connection.execute(update(trigger_runs).where(*mine).values(next_poll_at=lease_until))
    return changed.rowcount == 1


def unclosed_runs(connection: Connection, model_id: int) -> list[TriggerRun]:
    """Runs that succeeded, and of which it is not known yet whether they helped; oldest first."""
    mine = (trigger_runs.c.model_id == model_id, trigger_runs.c.state == "succeeded")
    runs = connection.execute(_all().where(*mine).order_by(trigger_runs.c.requested_at, trigger_runs.c.id)).mappings()
    return [run for run in map(_run, runs) if (run.closing or {}).get("result") not in ("recovered", "not_recovered")]


def overdue_runs(connection: Connection, now: int) -> list[TriggerRun]:
    """Open runs that have not started by their time, or not finished by it."""
    late = or_(trigger_runs.c.started_at.is_(None) & (trigger_runs.c.start_by <= now), trigger_runs.c.finish_by <= now)
    query = _all().where(trigger_runs.c.state.in_(OPEN_STATES), late).order_by(trigger_runs.c.requested_at)
    return [_run(row) for row in connection.execute(query).mappings()]


def tally(connection: Connection, model_id: int) -> dict[str, int]:
    """How many retrainings of a model were requested, succeeded, and recovered it or did not; dry runs are none."""
    query = select(trigger_runs.c.state, trigger_runs.c.closing, trigger_runs.c.message)
    found = {"requested": 0, "succeeded": 0, "recovered": 0, "not_recovered": 0}
    for state, closing, message in connection.execute(query.where(trigger_runs.c.model_id == model_id)):
        if message == DRY_RUN:
            continue
        found["requested"] += 1
        found["succeeded"] += state == "succeeded"
        result = (closing or {}).get("result")
        if result in found:
            found[result] += 1
    return found


def move_run(connection: Connection, run: TriggerRun, state: str, at: int, **fields: Any) -> bool:
    """Take a run from the state it was read in to another; False where somebody else moved it meanwhile."""
    told = {"state": state, "at": at, "message": fields.get("message")}
    where = (trigger_runs.c.id == run.id, trigger_runs.c.state == run.state)
    changed = connection.execute(
        update(trigger_runs).where(*where).values(state=state, history=[*run.history, told], **fields)
    )
    return changed.rowcount == 1


def set_fields(connection: Connection, run_id: str, **fields: Any) -> None:
    """Change what is known of a run without a change of state."""
    if fields:
        connection.execute(update(trigger_runs).where(trigger_runs.c.id == run_id).values(**fields))


def _shown(told: Mapping[str, Any] | None, *times: str) -> dict[str, Any] | None:
    if told is None:
        return None
    return {key: value for key, value in told.items() if key != "told"} | {
        key: optional(told.get(key)) for key in times
    }


def _all() -> Any:
    return select(trigger_runs, models.c.name.label("model")).join(models, models.c.id == trigger_runs.c.model_id)


def _run(row: RowMapping) -> TriggerRun:
    return TriggerRun(**row)
