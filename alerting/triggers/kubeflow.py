"""Trigger ``kubeflow``: a run of a pipeline of Kubeflow Pipelines 2.

A repeat would start a second run, so the key is the run's name, which is looked up before, and again where the answer
got lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from alerting import options, orchestrator
from alerting.conversation import Answer, Asked, Conversation, Problem, Progress, RunState, Started
from alerting.orchestrator import (
    again,
    base,
    get,
    in_doubt,
    is_fine,
    mapping,
    no,
    part,
    post,
    text,
    told,
    unasked,
    unseen,
)
from alerting.outbound import OutboundReply, OutboundRequest
from alerting.parameters import fill

PATIENCE = 30_000_000

_STATES: Mapping[str, RunState] = {
    "PENDING": "accepted",
    "RUNNING": "running",
    "PAUSED": "running",
    "CANCELING": "running",
    "SUCCEEDED": "succeeded",
    "SKIPPED": "cancelled",
    "FAILED": "failed",
    "CANCELED": "cancelled",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` without ``/apis``; ``pipeline`` is its name; of its versions the newest, unless ``version_id`` says
    which; ``parameters`` go to the run. ``namespace`` and ``experiment_id`` where the installation has them."""

    url: str
    pipeline: str
    version_id: str | None
    parameters: Mapping[str, Any]
    namespace: str | None
    experiment_id: str | None
    token: str | None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        optional = ("version_id", "namespace", "experiment_id", "token")
        orchestrator.known(raw, ("url", "pipeline"), optional, ("parameters",))
        return cls(
            options.address(raw, "url"),
            raw["pipeline"],
            raw.get("version_id"),
            raw.get("parameters", {}),
            raw.get("namespace"),
            raw.get("experiment_id"),
            options.secret(raw, "token"),
        )


def start(asked: Asked, settings: Mapping[str, Any]) -> Conversation[Answer]:
    """Make a run named as the key, unless there is one."""
    before = yield _runs(settings, asked.key)
    if not is_fine(before):
        return again(before, asked.now) or no(before)
    if _first(before) is not None:
        return _answer("duplicate", settings, _first(before), before, "the run of this key was there")
    version = yield from _version(settings)
    if isinstance(version, OutboundReply):
        return again(version, asked.now) or no(version)
    reference = {"pipeline_id": version.get("pipeline_id"), "pipeline_version_id": version.get("pipeline_version_id")}
    body = {
        "display_name": asked.key,
        "description": f"Plimsoll: {asked.fields.get('summary', '')}"[:250],
        "pipeline_version_reference": reference,
        "runtime_config": {"parameters": fill(settings.get("parameters", {}), asked.fields)},
        **({"experiment_id": settings["experiment_id"]} if settings.get("experiment_id") else {}),
    }
    reply = yield post(f"{_api(settings)}/runs", orchestrator.bearer(settings), body)
    if is_fine(reply) and text(part(told(reply), "run_id")):
        return _answer("accepted", settings, told(reply), reply)
    if not is_fine(reply) and again(reply, asked.now) is None:
        return no(reply)
    return (yield from _in_doubt(asked, settings, reply))


def follow(run: Started, settings: Mapping[str, Any], now: int) -> Conversation[Progress]:
    """The state of the run, which is looked up by its name where its id was not told."""
    if run.external_id is None:
        reply = yield _runs(settings, run.key)
    else:
        url = f"{_api(settings)}/runs/{quote(run.external_id, safe='')}"
        reply = yield get(url, orchestrator.bearer(settings))
        if reply.status == 404:
            return Progress("cancelled", "the run is gone: somebody deleted it")
    if not is_fine(reply):
        return unseen(reply)
    found = mapping(told(reply) if run.external_id is not None else _first(reply))
    external = run.external_id or text(found.get("run_id"))
    if external is None:
        return Progress(None, "no run of this name is found")
    state = text(found.get("state"))
    why = text(part(found, "error", "message")) or f"Kubeflow calls it {state}"
    return Progress(_STATES.get(str(state)), why, _page(settings, external))


def check(settings: Mapping[str, Any], now: int) -> Conversation[Problem | None]:
    """The pipeline and a version of it exist, and take the parameters."""
    version = yield from _version(settings)
    if isinstance(version, OutboundReply):
        if is_fine(version):
            return Problem("pipeline", f"the pipeline {settings['pipeline']!r} has no version")
        return unasked(version, "pipeline")
    spec = mapping(version.get("pipeline_spec"))
    spec = mapping(spec.get("pipeline_spec", spec))  # one level deeper where it comes with a platform's spec
    declared = mapping(part(spec, "root", "inputDefinitions", "parameters"))
    given = set(settings.get("parameters", {}))
    for name in sorted(given - set(declared)):
        return Problem("parameters", f"the pipeline has no parameter {name!r}")
    for name, one in declared.items():
        told_how = mapping(one)
        if name not in given and "defaultValue" not in told_how and not told_how.get("isOptional"):
            return Problem("parameters", f"the pipeline requires the parameter {name!r}")
    return None


def _in_doubt(asked: Asked, settings: Mapping[str, Any], reply: OutboundReply) -> Conversation[Answer]:
    """A request without an answer: it may have arrived."""
    after = yield _runs(settings, asked.key)
    if is_fine(after) and _first(after) is not None:
        return _answer("accepted", settings, _first(after), after)
    return in_doubt(asked, reply, PATIENCE, "no run has this name")


def _version(settings: Mapping[str, Any]) -> Conversation[Mapping[str, Any] | OutboundReply]:
    """The version to run, or the reply that did not tell it."""
    headers = orchestrator.bearer(settings)
    name = quote(str(settings["pipeline"]), safe="")
    found = yield get(f"{_api(settings)}/pipelines/names/{name}", headers, namespace=settings.get("namespace"))
    pipeline = text(part(told(found), "pipeline_id"))
    if not is_fine(found) or pipeline is None:
        return found
    versions = f"{_api(settings)}/pipelines/{quote(pipeline, safe='')}/versions"
    if settings.get("version_id"):
        reply = yield get(f"{versions}/{quote(str(settings['version_id']), safe='')}", headers)
        version = mapping(told(reply))
    else:
        reply = yield get(versions, headers, page_size=1, sort_by="created_at desc")
        listed = part(told(reply), "pipeline_versions")
        version = mapping(listed[0]) if isinstance(listed, list) and listed else {}
    return version if is_fine(reply) and version else reply


def _runs(settings: Mapping[str, Any], key: str) -> OutboundRequest:
    predicate = {"operation": "EQUALS", "key": "display_name", "string_value": key}
    asked = json.dumps({"predicates": [predicate]}, separators=(",", ":"))
    return get(
        f"{_api(settings)}/runs",
        orchestrator.bearer(settings),
        filter=asked,
        page_size=1,
        namespace=settings.get("namespace"),
    )


def _first(reply: OutboundReply) -> Any:
    runs = part(told(reply), "runs")
    return runs[0] if isinstance(runs, list) and runs else None


def _answer(kind: Any, settings: Mapping[str, Any], run: Any, reply: OutboundReply, why: str = "") -> Answer:
    external = text(part(run, "run_id"))
    page = None if external is None else _page(settings, external)
    return Answer(kind, why, external, page, status=reply.status)


def _api(settings: Mapping[str, Any]) -> str:
    return f"{base(settings)}/apis/v2beta1"


def _page(settings: Mapping[str, Any], run: str) -> str:
    return f"{base(settings)}/#/runs/details/{quote(run, safe='')}"
