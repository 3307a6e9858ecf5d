"""Trigger ``github``: a run of a workflow of GitHub Actions, by ``workflow_dispatch``.

GitHub knows no key of ours: it goes into an input that the workflow shows in its ``run-name``, and is looked up there
before, and again where the answer got lost.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import yaml

from alerting import options, orchestrator
from alerting.conversation import Answer, Asked, Conversation, Problem, Progress, RunState, Started
from alerting.options import BadSetting
from alerting.orchestrator import (
    again,
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
    words,
)
from alerting.outbound import OutboundReply
from alerting.parameters import as_text, fill

API = "https://api.github.com"
KEY_INPUT = "plimsoll_key"
PATIENCE = 60_000_000  # a run shows up in lists some seconds after it was asked for
LISTED = 50

_ENDS: Mapping[str, RunState] = {"success": "succeeded", "cancelled": "cancelled", "skipped": "cancelled"}
_WAITING = ("queued", "requested", "waiting", "pending")


@dataclass(frozen=True, slots=True)
class Settings:
    """``repository`` is ``owner/name``, ``workflow`` the file's name, ``ref`` a branch or tag. ``inputs`` go to the
    workflow, and the key in ``key_input``. ``url`` for GitHub Enterprise."""

    repository: str
    workflow: str
    token: str | None
    ref: str
    inputs: Mapping[str, Any]
    key_input: str
    url: str

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        orchestrator.known(raw, ("repository", "workflow", "token"), ("ref", "key_input", "url"), ("inputs",))
        if str(raw["repository"]).count("/") != 1:
            raise BadSetting("repository", "repository is written as owner/name")
        if raw.get("key_input", KEY_INPUT) in raw.get("inputs", {}):
            raise BadSetting("inputs", f"{raw.get('key_input', KEY_INPUT)} is where the key goes")
        return cls(
            raw["repository"],
            raw["workflow"],
            options.secret(raw, "token"),
            raw.get("ref", "main"),
            raw.get("inputs", {}),
            raw.get("key_input", KEY_INPUT),
            options.address(raw, "url") if raw.get("url") else API,
        )


def start(asked: Asked, settings: Mapping[str, Any]) -> Conversation[Answer]:
    """Ask for a run, unless there is one that shows the key in its name."""
    before = yield _runs(settings)
    if not is_fine(before):
        return again(before, asked.now) or _busy(before) or no(before)
    run = _of_key(before, asked.key)
    if run is not None:
        return _answer("duplicate", run, before, "the run of this key was there")
    inputs = {name: as_text(value) for name, value in fill(settings.get("inputs", {}), asked.fields).items()}
    inputs[_key_input(settings)] = asked.key
    body = {"ref": settings.get("ref") or "main", "inputs": inputs, "return_run_details": True}
    reply = yield post(f"{_workflow(settings)}/dispatches", _headers(settings), body)
    if reply.status == 204:  # a server that does not tell the run
        return Answer("accepted", "", status=reply.status)
    if is_fine(reply):
        found = mapping(told(reply))
        known = {"id": found.get("workflow_run_id"), "html_url": found.get("html_url")}
        return _answer("accepted", known, reply)
    busy = _busy(reply)
    if busy is not None or again(reply, asked.now) is None:
        return busy or no(reply)
    return (yield from _in_doubt(asked, settings, reply))


def follow(run: Started, settings: Mapping[str, Any], now: int) -> Conversation[Progress]:
    """Status and conclusion of the run, which is looked up by its key where its id was not told."""
    if run.external_id is None:
        reply = yield _runs(settings)
        found = _of_key(reply, run.key) if is_fine(reply) else None
    else:
        reply = yield get(f"{_repository(settings)}/actions/runs/{quote(run.external_id, safe='')}", _headers(settings))
        found = mapping(told(reply)) if is_fine(reply) else None
        if reply.status == 404:
            return Progress("cancelled", "the run is gone: somebody deleted it")
    if found is None:
        return unseen(reply) if not is_fine(reply) else Progress(None, "no run shows the key in its name yet")
    status, conclusion, page = text(found.get("status")), text(found.get("conclusion")), text(found.get("html_url"))
    if status == "completed":
        return Progress(_ENDS.get(str(conclusion), "failed"), f"GitHub calls it {conclusion}", page)
    return Progress("accepted" if status in _WAITING else "running", f"GitHub calls it {status}", page)


def check(settings: Mapping[str, Any], now: int) -> Conversation[Problem | None]:
    """The workflow exists, is enabled, and its file takes the inputs and shows the key."""
    reply = yield get(_workflow(settings), _headers(settings))
    if not is_fine(reply):
        return unasked(reply, "workflow")
    workflow = mapping(told(reply))
    if workflow.get("state") != "active":
        return Problem("workflow", f"the workflow {settings['workflow']} is {workflow.get('state')}")
    path = quote(text(workflow.get("path")) or f".github/workflows/{settings['workflow']}")
    file = yield get(f"{_repository(settings)}/contents/{path}", _headers(settings), ref=settings.get("ref") or "main")
    if not is_fine(file):
        return Problem("ref", f"its file cannot be read: {words(file)}", unsure=file.status != 404)
    return _misfit(file, settings)


def _misfit(file: OutboundReply, settings: Mapping[str, Any]) -> Problem | None:
    try:
        source = base64.b64decode(str(mapping(told(file)).get("content")))
        workflow = mapping(yaml.safe_load(source))
    except (binascii.Error, ValueError, yaml.YAMLError):
        return Problem("workflow", "its file could not be read as YAML", unsure=True)
    events = next((one for name, one in workflow.items() if name in ("on", True)), None)  # YAML takes on for true
    if "workflow_dispatch" not in (events if isinstance(events, list | Mapping) else [events]):
        return Problem("workflow", f"{settings['workflow']} has no workflow_dispatch trigger")
    declared = mapping(part(events, "workflow_dispatch", "inputs"))
    given = {*settings.get("inputs", {}), _key_input(settings)}
    for name in sorted(given - set(declared)):
        return Problem("inputs", f"the workflow has no input {name!r}")
    for name, one in declared.items():
        if mapping(one).get("required") and mapping(one).get("default") is None and name not in given:
            return Problem("inputs", f"the workflow requires the input {name!r}")
    if _key_input(settings) not in str(workflow.get("run-name", "")):
        return Problem(
            "workflow", f"run-name does not show ${{{{ inputs.{_key_input(settings)} }}}}: runs are found by it"
        )
    return None


def _in_doubt(asked: Asked, settings: Mapping[str, Any], reply: OutboundReply) -> Conversation[Answer]:
    """A request without an answer: it may have arrived, and its run may not show yet."""
    after = yield _runs(settings)
    run = _of_key(after, asked.key) if is_fine(after) else None
    if run is not None:
        return _answer("accepted", run, after)
    return in_doubt(asked, reply, PATIENCE, "no run shows this key")


def _busy(reply: OutboundReply) -> Answer | None:
    """GitHub says 403 where it means 429."""
    limited = reply.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in reply.headers
    if reply.status != 403 or not limited:
        return None
    return Answer("retry", "the rate limit is reached", after=PATIENCE, status=reply.status)


def _answer(kind: Any, run: Mapping[str, Any], reply: OutboundReply, why: str = "") -> Answer:
    return Answer(kind, why, text(run.get("id")), text(run.get("html_url")), status=reply.status)


def _of_key(reply: OutboundReply, key: str) -> Mapping[str, Any] | None:
    runs = part(told(reply), "workflow_runs")
    for run in runs if isinstance(runs, list) else []:
        if key in str(part(run, "display_title")):
            return mapping(run)
    return None


def _runs(settings: Mapping[str, Any]) -> Any:
    return get(f"{_workflow(settings)}/runs", _headers(settings), event="workflow_dispatch", per_page=LISTED)


def _key_input(settings: Mapping[str, Any]) -> str:
    return str(settings.get("key_input") or KEY_INPUT)


def _repository(settings: Mapping[str, Any]) -> str:
    return f"{str(settings.get('url') or API).rstrip('/')}/repos/{quote(str(settings['repository']))}"


def _workflow(settings: Mapping[str, Any]) -> str:
    return f"{_repository(settings)}/actions/workflows/{quote(str(settings['workflow']), safe='')}"


def _headers(settings: Mapping[str, Any]) -> dict[str, str]:
    told_how = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
    return {**orchestrator.bearer(settings), **told_how}
