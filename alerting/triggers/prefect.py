"""Trigger ``prefect``: a flow run of a deployment of Prefect 3, the server or the cloud.

The same ``idempotency_key`` again gives the same run, so that asking again is always safe. 409 means that the
parameters do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from alerting import options, orchestrator
from alerting.conversation import Answer, Asked, Conversation, Problem, Progress, RunState, Started
from alerting.options import BadSetting
from alerting.orchestrator import NO_ID, again, base, get, is_fine, mapping, no, part, post, text, told, unasked, unseen
from alerting.parameters import EXAMPLES, fill, misfit

_STATES: Mapping[str, RunState] = {
    "SCHEDULED": "accepted",
    "PENDING": "accepted",
    "PAUSED": "running",
    "RUNNING": "running",
    "CANCELLING": "running",
    "COMPLETED": "succeeded",
    "FAILED": "failed",
    "CRASHED": "failed",
    "CANCELLED": "cancelled",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` ends with ``/api``; ``deployment`` is ``flow/name``; ``parameters`` go to the flow. ``token`` for the
    cloud, ``username`` and ``password`` for a server that asks for them."""

    url: str
    deployment: str
    parameters: Mapping[str, Any]
    token: str | None
    username: str | None
    password: str | None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        orchestrator.known(raw, ("url", "deployment"), ("token", "username", "password"), ("parameters",))
        if str(raw["deployment"]).count("/") != 1 or not all(str(raw["deployment"]).split("/")):
            raise BadSetting("deployment", "deployment is written as flow/name")
        return cls(
            options.address(raw, "url"),
            raw["deployment"],
            raw.get("parameters", {}),
            options.secret(raw, "token"),
            raw.get("username"),
            options.secret(raw, "password"),
        )


def start(asked: Asked, settings: Mapping[str, Any]) -> Conversation[Answer]:
    """Resolve the deployment, and ask for a run of it; 201 is a new run, 200 the one of this key."""
    found = yield get(_deployment(settings), _headers(settings))
    if not is_fine(found):
        return again(found, asked.now) or no(found)
    deployment = text(part(told(found), "id"))
    if deployment is None:
        return Answer("retry", "it told no id of the deployment", status=found.status)
    body = {
        "parameters": fill(settings.get("parameters", {}), asked.fields),
        "idempotency_key": asked.key,
        "tags": ["plimsoll"],
        "labels": {"plimsoll": asked.key},
        "state": {"type": "SCHEDULED"},
    }
    url = f"{base(settings)}/deployments/{quote(deployment, safe='')}/create_flow_run"
    reply = yield post(url, _headers(settings), body)
    if not is_fine(reply):
        return again(reply, asked.now) or no(reply)
    run = text(part(told(reply), "id"))
    if run is None:
        return Answer("retry", "it told no id of the run", status=reply.status)
    page = _page(settings, run)
    if reply.status == 200:
        return Answer("duplicate", "the run of this key was there", run, page, status=reply.status)
    return Answer("accepted", "", run, page, status=reply.status)


def follow(run: Started, settings: Mapping[str, Any], now: int) -> Conversation[Progress]:
    """The state of the flow run."""
    if run.external_id is None:
        return Progress(None, NO_ID)
    reply = yield get(f"{base(settings)}/flow_runs/{quote(str(run.external_id), safe='')}", _headers(settings))
    if reply.status == 404:
        return Progress("cancelled", "the run is gone: somebody deleted it")
    if not is_fine(reply):
        return unseen(reply)
    body = mapping(told(reply))
    state = mapping(body.get("state"))
    name, kind = text(state.get("name")), text(body.get("state_type") or state.get("type"))
    why = text(state.get("message")) or (f"Prefect calls it {name}" if name else "")
    return Progress(_STATES.get(str(kind)), why, _page(settings, str(run.external_id)))


def check(settings: Mapping[str, Any], now: int) -> Conversation[Problem | None]:
    """The deployment exists, is not paused, and takes the parameters."""
    reply = yield get(_deployment(settings), _headers(settings))
    if not is_fine(reply):
        return unasked(reply, "deployment")
    deployment = mapping(told(reply))
    if deployment.get("paused"):
        return Problem("deployment", f"the deployment {settings['deployment']} is paused")
    schema = mapping(deployment.get("parameter_openapi_schema"))
    given = {**mapping(deployment.get("parameters")), **fill(settings.get("parameters", {}), EXAMPLES)}
    unknown = sorted(set(settings.get("parameters", {})) - set(mapping(schema.get("properties"))))
    if unknown and schema.get("properties") is not None:
        return Problem("parameters", f"the flow has no parameter {unknown[0]!r}")
    wrong = misfit(schema, given) if deployment.get("enforce_parameter_schema", True) else None
    return None if wrong is None else Problem("parameters", wrong)


def _deployment(settings: Mapping[str, Any]) -> str:
    flow, _, name = str(settings["deployment"]).partition("/")
    return f"{base(settings)}/deployments/name/{quote(flow, safe='')}/{quote(name, safe='')}"


def _headers(settings: Mapping[str, Any]) -> dict[str, str]:
    return orchestrator.bearer(settings) or orchestrator.basic(settings)


def _page(settings: Mapping[str, Any], run: str) -> str | None:
    """Where a person sees the run; the cloud's pages are elsewhere than its API."""
    root = base(settings).removesuffix("/api")
    return None if "/accounts/" in root else f"{root}/runs/flow-run/{quote(run, safe='')}"
