"""Trigger ``databricks``: a run of a job of Databricks, by ``run-now``.

The same ``idempotency_token`` again gives the same run, so that asking again is always safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alerting import options, orchestrator
from alerting.conversation import Answer, Asked, Conversation, Problem, Progress, RunState, Started
from alerting.options import BadSetting
from alerting.orchestrator import NO_ID, again, base, get, is_fine, mapping, no, part, post, text, told, unasked, unseen
from alerting.parameters import as_text, fill

_LIFE: Mapping[str, RunState] = {
    "PENDING": "accepted",
    "QUEUED": "accepted",
    "BLOCKED": "accepted",
    "WAITING_FOR_RETRY": "running",
    "RUNNING": "running",
    "TERMINATING": "running",
    "INTERNAL_ERROR": "failed",
    "SKIPPED": "cancelled",
}
_RESULTS: Mapping[str, RunState] = {
    "SUCCESS": "succeeded",
    "SUCCESS_WITH_FAILURES": "succeeded",
    "CANCELED": "cancelled",
    "UPSTREAM_CANCELED": "cancelled",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` of the workspace; ``job_id`` a number; ``parameters`` are the job's parameters, as texts."""

    url: str
    job_id: int
    token: str | None
    parameters: Mapping[str, Any]

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        job = raw.get("job_id")
        texts = raw if job is None or isinstance(job, bool) else {**raw, "job_id": str(job)}
        orchestrator.known(texts, ("url", "job_id", "token"), (), ("parameters",))
        if not str(texts["job_id"]).isdigit():
            raise BadSetting("job_id", "job_id is a number")
        return cls(
            options.address(raw, "url"), int(texts["job_id"]), options.secret(raw, "token"), raw.get("parameters", {})
        )


def start(asked: Asked, settings: Mapping[str, Any]) -> Conversation[Answer]:
    """Ask for a run with the key as its token."""
    given = fill(settings.get("parameters", {}), asked.fields)
    body = {
        "job_id": int(settings["job_id"]),
        "job_parameters": {name: as_text(value) for name, value in given.items()},
        "idempotency_token": asked.key,
    }
    reply = yield post(f"{base(settings)}/api/2.2/jobs/run-now", orchestrator.bearer(settings), body)
    if not is_fine(reply):
        return again(reply, asked.now) or no(reply, "message")
    run = text(part(told(reply), "run_id"))
    if run is None:
        return Answer("retry", "it told no id of the run", status=reply.status)
    return Answer("accepted", "", run, status=reply.status)


def follow(run: Started, settings: Mapping[str, Any], now: int) -> Conversation[Progress]:
    """Life cycle and result of the run."""
    if run.external_id is None:
        return Progress(None, NO_ID)
    url = f"{base(settings)}/api/2.2/jobs/runs/get"
    reply = yield get(url, orchestrator.bearer(settings), run_id=run.external_id)
    if not is_fine(reply):
        return unseen(reply, "message")
    found = mapping(told(reply))
    life, result = text(part(found, "state", "life_cycle_state")), text(part(found, "state", "result_state"))
    why = text(part(found, "state", "state_message")) or f"Databricks calls it {result or life}"
    state = _RESULTS.get(str(result), "failed") if life == "TERMINATED" else _LIFE.get(str(life))
    return Progress(state, why, text(found.get("run_page_url")))


def check(settings: Mapping[str, Any], now: int) -> Conversation[Problem | None]:
    """The job exists, and has the parameters. A schedule that is paused says nothing of runs that are asked for."""
    url = f"{base(settings)}/api/2.2/jobs/get"
    reply = yield get(url, orchestrator.bearer(settings), job_id=settings["job_id"])
    if not is_fine(reply):
        return unasked(reply, "job_id", "message")
    listed = part(told(reply), "settings", "parameters")
    declared = {str(part(one, "name")) for one in (listed if isinstance(listed, list) else [])}
    for name in sorted(set(settings.get("parameters", {})) - declared):
        return Problem("parameters", f"the job has no parameter {name!r}")
    return None
