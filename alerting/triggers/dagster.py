"""Trigger ``dagster``: a run of a job, over Dagster's GraphQL.

Errors come as HTTP 200 with a type, a query that does not fit as 500. A repeat would start a second run, so the key is
a tag that is looked up before, and again where the answer got lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from alerting import options, orchestrator
from alerting.conversation import Answer, Asked, Conversation, Problem, Progress, RunState, Started
from alerting.orchestrator import LONGEST_WORDS, again, base, in_doubt, mapping, part, post, text, told
from alerting.outbound import OutboundReply
from alerting.parameters import EXAMPLES, fill

TAG = "plimsoll/key"
PATIENCE = 30_000_000  # a request that got lost has arrived by then, or never will

_STATES: Mapping[str, RunState] = {
    "QUEUED": "accepted",
    "NOT_STARTED": "accepted",
    "MANAGED": "accepted",
    "STARTING": "accepted",
    "STARTED": "running",
    "CANCELING": "running",
    "SUCCESS": "succeeded",
    "FAILURE": "failed",
    "CANCELED": "cancelled",
}

_JOBS = """query PlimsollJobs { repositoriesOrError { __typename
  ... on RepositoryConnection { nodes { name location { name } jobs { name } } }
  ... on PythonError { message } } }"""
_RUNS = """query PlimsollRuns($key: String!) {
  runsOrError(filter: {tags: [{key: "plimsoll/key", value: $key}]}, limit: 1) { __typename
  ... on Runs { results { runId status } }
  ... on InvalidPipelineRunsFilterError { message } ... on PythonError { message } } }"""
_LAUNCH = """mutation PlimsollLaunch($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId status } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on Error { message } } }"""
_RUN = """query PlimsollRun($id: ID!) { runOrError(runId: $id) { __typename
  ... on Run { status } ... on RunNotFoundError { message } ... on PythonError { message } } }"""
_FITS = """query PlimsollFits($job: PipelineSelector!, $config: RunConfigData) {
  isPipelineConfigValid(pipeline: $job, mode: "default", runConfigData: $config) { __typename
  ... on RunConfigValidationInvalid { errors { message } }
  ... on PipelineNotFoundError { message } ... on InvalidSubsetError { message } ... on PythonError { message } } }"""


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` ends with ``/graphql``; ``repository`` and ``location`` where several have a job of this name; ``token``
    for Dagster+."""

    url: str
    job: str
    run_config: Mapping[str, Any]
    repository: str | None
    location: str | None
    token: str | None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        orchestrator.known(raw, ("url", "job"), ("repository", "location", "token"), ("run_config",))
        return cls(
            options.address(raw, "url"),
            raw["job"],
            raw.get("run_config", {}),
            raw.get("repository"),
            raw.get("location"),
            options.secret(raw, "token"),
        )


def start(asked: Asked, settings: Mapping[str, Any]) -> Conversation[Answer]:
    """Launch a run with the key as its tag, unless there is one."""
    before = yield from _found(asked, settings)
    if isinstance(before, Answer):
        return before
    selector = yield from _selector(settings)
    if isinstance(selector, _No):
        return selector.answer(asked.now)
    params = {
        "selector": {**selector, "jobName": settings["job"]},
        "runConfigData": fill(settings.get("run_config", {}), asked.fields),
        "executionMetadata": {"tags": [{"key": TAG, "value": asked.key}, {"key": "plimsoll", "value": "true"}]},
    }
    reply = yield _query(settings, _LAUNCH, {"params": params})
    launched = part(told(reply), "data", "launchRun")
    run = text(part(launched, "run", "runId"))
    if run is not None:
        return Answer("accepted", "", run, _page(settings, run), status=reply.status)
    if part(launched, "__typename") == "PythonError":  # raised on the way: the run may be there
        return (yield from _found(asked, settings)) or _No(reply, launched).answer(asked.now)
    if launched is not None or _errors(reply):
        return _No(reply, launched).answer(asked.now)
    return (yield from _in_doubt(asked, settings, reply))


def follow(run: Started, settings: Mapping[str, Any], now: int) -> Conversation[Progress]:
    """The status of the run."""
    external = run.external_id
    if external is None:
        reply = yield _query(settings, _RUNS, {"key": run.key})
        first = _first(reply)
        status, external = text(part(first, "status")), text(part(first, "runId"))
    else:
        reply = yield _query(settings, _RUN, {"id": external})
        found = mapping(part(told(reply), "data", "runOrError"))
        if found.get("__typename") == "RunNotFoundError":
            return Progress("cancelled", "the run is gone: somebody deleted it")
        status = text(found.get("status"))
    if status is None:
        return Progress(None, _No(reply, part(told(reply), "data", "runOrError")).words)
    page = None if external is None else _page(settings, external)
    return Progress(_STATES.get(status), f"Dagster calls it {status}", page)


def check(settings: Mapping[str, Any], now: int) -> Conversation[Problem | None]:
    """The job exists in one place, and takes the run config."""
    selector = yield from _selector(settings)
    if isinstance(selector, _No):
        return Problem("job", selector.words, unsure=selector.answer(now).kind == "retry")
    config = fill(settings.get("run_config", {}), EXAMPLES)
    job = {**selector, "pipelineName": settings["job"]}
    reply = yield _query(settings, _FITS, {"job": job, "config": config})
    found = mapping(part(told(reply), "data", "isPipelineConfigValid"))
    if found.get("__typename") == "PipelineConfigValidationValid":
        return None
    wrong = _No(reply, found)
    return Problem("run_config", wrong.words, unsure=not found)


@dataclass(frozen=True, slots=True)
class _No:
    """A reply without what was asked for; ``found`` is the object in its place, which names its type."""

    reply: OutboundReply
    found: Any = None
    said: str = ""

    @property
    def words(self) -> str:
        """In Dagster's own words."""
        if self.said:
            return self.said
        errors = part(self.found, "errors") or _errors(self.reply)
        said = [str(mapping(one).get("message", "")) for one in errors][:3] if isinstance(errors, list) else []
        message = "; ".join(said) or text(part(self.found, "message"))
        kind = text(part(self.found, "__typename"))
        if message or kind:
            return " ".join(": ".join(one for one in (kind, message) if one).split())[:LONGEST_WORDS]
        return self.reply.error or "no answer" if self.reply.status is None else f"it answered {self.reply.status}"

    def answer(self, now: int) -> Answer:
        """A refusal, if it is one: its own error, though it be 200 or 500; else ask again."""
        refused = bool(self.said) or self.found is not None or bool(_errors(self.reply))
        later = None if refused else again(self.reply, now)
        return later or Answer("refused", self.words, status=self.reply.status)


def _found(asked: Asked, settings: Mapping[str, Any]) -> Conversation[Answer | None]:
    """The run of this key, None where there is none, and any other answer where that cannot be told."""
    reply = yield _query(settings, _RUNS, {"key": asked.key})
    if part(told(reply), "data", "runsOrError", "results") is None:
        return _No(reply, part(told(reply), "data", "runsOrError")).answer(asked.now)
    run = text(part(_first(reply), "runId"))
    if run is None:
        return None
    return Answer("duplicate", "the run of this key was there", run, _page(settings, run), status=reply.status)


def _in_doubt(asked: Asked, settings: Mapping[str, Any], reply: OutboundReply) -> Conversation[Answer]:
    """A launch without an answer: it may have arrived. What is found now is it; what is not may still come."""
    found = yield from _found(asked, settings)
    if found is not None:
        return found
    return in_doubt(asked, reply, PATIENCE, "no run of this key is found")


def _selector(settings: Mapping[str, Any]) -> Conversation[Mapping[str, str] | _No]:
    """Repository and location of the job, looked up where they are not given."""
    given = {"repositoryName": settings.get("repository"), "repositoryLocationName": settings.get("location")}
    if all(given.values()):
        return {name: str(value) for name, value in given.items()}
    reply = yield _query(settings, _JOBS, {})
    nodes = part(told(reply), "data", "repositoriesOrError", "nodes")
    if not isinstance(nodes, list):
        return _No(reply, part(told(reply), "data", "repositoriesOrError"))
    homes = [
        home
        for node in nodes
        if any(part(job, "name") == settings["job"] for job in mapping(node).get("jobs") or [])
        for home in [{"repositoryName": part(node, "name"), "repositoryLocationName": part(node, "location", "name")}]
        if all(value in (None, home[name]) for name, value in given.items())
    ]
    if len(homes) == 1:
        return homes[0]
    if homes:
        return _No(reply, said=f"there are {len(homes)} jobs {settings['job']!r}; name repository and location")
    return _No(reply, said=f"PipelineNotFoundError: there is no job {settings['job']!r} in any repository")


def _query(settings: Mapping[str, Any], query: str, variables: Mapping[str, Any]) -> Any:
    headers = {"dagster-cloud-api-token": str(settings["token"])} if settings.get("token") else {}
    return post(base(settings), headers, {"query": query, "variables": variables})


def _first(reply: OutboundReply) -> Any:
    results = part(told(reply), "data", "runsOrError", "results")
    return results[0] if isinstance(results, list) and results else None


def _errors(reply: OutboundReply) -> Any:
    """Errors of GraphQL itself: the query does not fit the schema, at whatever status."""
    return mapping(told(reply)).get("errors") if not part(told(reply), "data") else None


def _page(settings: Mapping[str, Any], run: str) -> str:
    return f"{base(settings).removesuffix('/graphql')}/runs/{quote(run, safe='')}"
