"""Trigger ``argo``: a workflow of Argo Workflows from a WorkflowTemplate.

The key is the workflow's name: a repeat is refused with 409, and the workflow is read by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from alerting import options, orchestrator
from alerting.conversation import Answer, Asked, Conversation, Problem, Progress, RunState, Started
from alerting.orchestrator import base, get, is_fine, made, mapping, part, post, text, told, unasked, unseen
from alerting.parameters import as_text, fill

_PHASES: Mapping[str, RunState] = {
    "": "accepted",
    "Pending": "accepted",
    "Running": "running",
    "Succeeded": "succeeded",
    "Failed": "failed",
    "Error": "failed",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` of the Argo server; ``template`` is a WorkflowTemplate in ``namespace``; ``parameters`` are its
    arguments, as texts."""

    url: str
    template: str
    namespace: str
    parameters: Mapping[str, Any]
    token: str | None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        orchestrator.known(raw, ("url", "namespace", "template"), ("token",), ("parameters",))
        return cls(
            options.address(raw, "url"),
            raw["template"],
            raw["namespace"],
            raw.get("parameters", {}),
            options.secret(raw, "token"),
        )


def start(asked: Asked, settings: Mapping[str, Any]) -> Conversation[Answer]:
    """Submit the template under the key as its name; 409 is this very workflow."""
    given = fill(settings.get("parameters", {}), asked.fields)
    body = {
        "namespace": settings["namespace"],
        "resourceKind": "WorkflowTemplate",
        "resourceName": settings["template"],
        "submitOptions": {
            "name": asked.key,
            "parameters": [f"{name}={as_text(value)}" for name, value in given.items()],
            "labels": "plimsoll=true",
        },
    }
    reply = yield post(f"{_workflows(settings)}/submit", orchestrator.bearer(settings), body)
    there = get(f"{_workflows(settings)}/{quote(asked.key, safe='')}", orchestrator.bearer(settings))
    run = Answer("accepted", "", asked.key, _page(settings, asked.key))
    return (yield from made(asked, reply, there, run, "workflow", "message"))


def follow(run: Started, settings: Mapping[str, Any], now: int) -> Conversation[Progress]:
    """The phase of the workflow; one that was stopped or terminated is cancelled."""
    reply = yield get(f"{_workflows(settings)}/{quote(run.key, safe='')}", orchestrator.bearer(settings))
    if reply.status == 404:
        return Progress("cancelled", "the workflow is gone: somebody deleted it")
    if not is_fine(reply):
        return unseen(reply, "message")
    workflow = mapping(told(reply))
    phase, why = text(part(workflow, "status", "phase")) or "", text(part(workflow, "status", "message")) or ""
    state = _PHASES.get(phase)
    if state == "failed" and text(part(workflow, "spec", "shutdown")):
        state = "cancelled"
    return Progress(state, why or (f"Argo calls it {phase}" if phase else ""), _page(settings, run.key))


def check(settings: Mapping[str, Any], now: int) -> Conversation[Problem | None]:
    """The template exists, and takes the parameters."""
    url = f"{base(settings)}/api/v1/workflow-templates/{_namespace(settings)}"
    reply = yield get(f"{url}/{quote(str(settings['template']), safe='')}", orchestrator.bearer(settings))
    if not is_fine(reply):
        return unasked(reply, "template", "message")
    listed = part(told(reply), "spec", "arguments", "parameters")
    declared = {str(part(one, "name")): mapping(one) for one in (listed if isinstance(listed, list) else [])}
    given = set(settings.get("parameters", {}))
    for name in sorted(given - set(declared)):
        return Problem("parameters", f"the template has no parameter {name!r}")
    for name, one in declared.items():
        if name not in given and one.get("value") is None and one.get("default") is None and not one.get("valueFrom"):
            return Problem("parameters", f"the template requires the parameter {name!r}")
    return None


def _namespace(settings: Mapping[str, Any]) -> str:
    return quote(str(settings["namespace"]), safe="")


def _workflows(settings: Mapping[str, Any]) -> str:
    return f"{base(settings)}/api/v1/workflows/{_namespace(settings)}"


def _page(settings: Mapping[str, Any], name: str) -> str:
    return f"{base(settings)}/workflows/{_namespace(settings)}/{quote(name, safe='')}"
