"""Trigger ``kubernetes``: a Job from the template of a CronJob, which may be suspended and serve as a template alone.

The key is the Job's name: a repeat is refused with 409, and the Job is read by its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from alerting import options, orchestrator
from alerting.conversation import Answer, Asked, Conversation, Problem, Progress, Started
from alerting.options import BadSetting
from alerting.orchestrator import again, base, get, is_fine, made, mapping, no, part, post, told, unasked, unseen
from alerting.outbound import OutboundReply, OutboundRequest
from alerting.parameters import EXAMPLES, as_text, fill

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TRIAL = "retrain-plimsoll-trial"


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` of the API server; ``cronjob`` in ``namespace`` holds the Job's template; ``parameters`` become
    environment variables of all its containers."""

    url: str
    namespace: str
    cronjob: str
    token: str | None
    parameters: Mapping[str, Any]

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        orchestrator.known(raw, ("url", "namespace", "cronjob", "token"), (), ("parameters",))
        for name in raw.get("parameters", {}):
            if not _VARIABLE.fullmatch(str(name)):
                raise BadSetting("parameters", f"parameters: {name!r} is no name of an environment variable")
        return cls(
            options.address(raw, "url"),
            raw["namespace"],
            raw["cronjob"],
            options.secret(raw, "token"),
            raw.get("parameters", {}),
        )


def start(asked: Asked, settings: Mapping[str, Any]) -> Conversation[Answer]:
    """Make a Job named as the key from the CronJob's template; 409 is this very Job."""
    template = yield get(_cronjob(settings), orchestrator.bearer(settings))
    if not is_fine(template):
        return again(template, asked.now) or no(template, "message")
    reply = yield _create(settings, template, asked.key, asked.fields)
    there = get(f"{_jobs(settings)}/{asked.key}", orchestrator.bearer(settings))
    return (yield from made(asked, reply, there, Answer("accepted", "", asked.key), "job", "message"))


def follow(run: Started, settings: Mapping[str, Any], now: int) -> Conversation[Progress]:
    """The Job's conditions; one that was deleted is cancelled."""
    reply = yield get(f"{_jobs(settings)}/{quote(run.key, safe='')}", orchestrator.bearer(settings))
    if reply.status == 404:
        return Progress("cancelled", "the job is gone: somebody deleted it, or its time to live is over")
    if not is_fine(reply):
        return unseen(reply, "message")
    status = mapping(part(told(reply), "status"))
    for one in status.get("conditions") or []:
        condition = mapping(one)
        why = str(condition.get("message") or condition.get("reason") or "")
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            return Progress("succeeded" if condition["type"] == "Complete" else "failed", why)
    if status.get("ready") or status.get("failed"):
        return Progress("running", "Kubernetes says that it runs")
    return Progress("accepted", "Kubernetes says that no pod of it is ready")


def check(settings: Mapping[str, Any], now: int) -> Conversation[Problem | None]:
    """The CronJob exists, and the server would take a Job from it: tried without making one."""
    template = yield get(_cronjob(settings), orchestrator.bearer(settings))
    if not is_fine(template):
        return unasked(template, "cronjob", "message")
    reply = yield _create(settings, template, _TRIAL, EXAMPLES, trial=True)
    return None if is_fine(reply) or reply.status == 409 else unasked(reply, "cronjob", "message")


def _create(
    settings: Mapping[str, Any], template: OutboundReply, name: str, fields: Mapping[str, str], trial: bool = False
) -> OutboundRequest:
    job = mapping(part(told(template), "spec", "jobTemplate"))
    given = fill(settings.get("parameters", {}), fields)
    metadata = mapping(job.get("metadata"))
    body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "labels": {**mapping(metadata.get("labels")), "plimsoll": "true"},
            "annotations": dict(mapping(metadata.get("annotations"))),
        },
        "spec": _with_variables(mapping(job.get("spec")), given),
    }
    url = f"{_jobs(settings)}?dryRun=All" if trial else _jobs(settings)
    return post(url, orchestrator.bearer(settings), body)


def _with_variables(spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A Job's spec whose containers have these variables, instead of those of the same names."""
    told_how = [{"name": name, "value": as_text(value)} for name, value in given.items()]
    pod = mapping(part(spec, "template", "spec"))
    containers = []
    for one in pod.get("containers") or []:
        kept = [each for each in one.get("env") or [] if each.get("name") not in given]
        containers.append({**one, "env": [*kept, *told_how]})
    return {**spec, "template": {**mapping(spec.get("template")), "spec": {**pod, "containers": containers}}}


def _cronjob(settings: Mapping[str, Any]) -> str:
    return f"{_batch(settings)}/cronjobs/{quote(str(settings['cronjob']), safe='')}"


def _jobs(settings: Mapping[str, Any]) -> str:
    return f"{_batch(settings)}/jobs"


def _batch(settings: Mapping[str, Any]) -> str:
    return f"{base(settings)}/apis/batch/v1/namespaces/{quote(str(settings['namespace']), safe='')}"
