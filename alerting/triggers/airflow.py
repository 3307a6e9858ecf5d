"""Trigger ``airflow``: a run of a DAG, by the API of Airflow 3 (``v2``) or of Airflow 2 (``api: v1``).

The key is the run's id: a repeat is refused with 409, and the run is read by its id. A cancelled run reads as failed;
Airflow has no other word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from alerting import options, orchestrator
from alerting.conversation import Answer, Asked, Conversation, Problem, Progress, RunState, Started
from alerting.options import BadSetting
from alerting.orchestrator import again, base, get, is_fine, made, mapping, no, part, post, text, told, unasked, unseen
from alerting.outbound import OutboundReply
from alerting.parameters import EXAMPLES, fill, misfit

_STATES: Mapping[str, RunState] = {
    "queued": "accepted",
    "running": "running",
    "success": "succeeded",
    "failed": "failed",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` is that of the pages, without ``/api``; ``conf`` goes to the run. ``username`` and ``password``, or a
    ``token``; ``api`` is ``v2`` (Airflow 3) unless it is ``v1`` (Airflow 2)."""

    url: str
    dag_id: str
    conf: Mapping[str, Any]
    username: str | None
    password: str | None
    token: str | None
    api: str

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        orchestrator.known(raw, ("url", "dag_id"), ("username", "password", "token", "api"), ("conf",))
        if raw.get("api", "v2") not in ("v1", "v2"):
            raise BadSetting("api", "api is v2 (Airflow 3) or v1 (Airflow 2)")
        if bool(raw.get("username")) == bool(raw.get("token")):
            raise BadSetting("username", "give username and password, or a token")
        if raw.get("username") and not raw.get("password"):
            raise BadSetting("password", "password is missing")
        return cls(
            options.address(raw, "url"),
            raw["dag_id"],
            raw.get("conf", {}),
            raw.get("username"),
            options.secret(raw, "password"),
            options.secret(raw, "token"),
            raw.get("api", "v2"),
        )


def start(asked: Asked, settings: Mapping[str, Any]) -> Conversation[Answer]:
    """Ask for a run whose id is the key; 409 is this very run, unless nothing is found under its id."""
    headers = yield from _signed_in(settings)
    if isinstance(headers, OutboundReply):
        return again(headers, asked.now) or no(headers)
    body: dict[str, Any] = {"dag_run_id": asked.key, "conf": fill(settings.get("conf", {}), asked.fields)}
    body["note"] = f"Plimsoll: {asked.fields.get('summary', '')}"[:1000]
    if _version(settings) == "v2":
        body["logical_date"] = None
    reply = yield post(f"{_dag(settings)}/dagRuns", headers, body)
    there = get(f"{_dag(settings)}/dagRuns/{quote(asked.key, safe='')}", headers)
    return (yield from made(asked, reply, there, Answer("accepted", "", asked.key, _page(settings, asked.key)), "run"))


def follow(run: Started, settings: Mapping[str, Any], now: int) -> Conversation[Progress]:
    """The state of the DAG run."""
    headers = yield from _signed_in(settings)
    if isinstance(headers, OutboundReply):
        return unseen(headers)
    reply = yield get(f"{_dag(settings)}/dagRuns/{quote(run.external_id or run.key, safe='')}", headers)
    if reply.status == 404:
        return Progress("cancelled", "the run is gone: somebody deleted it")
    if not is_fine(reply):
        return unseen(reply)
    state = text(part(told(reply), "state"))
    return Progress(_STATES.get(str(state)), f"Airflow calls it {state}", _page(settings, run.external_id or run.key))


def check(settings: Mapping[str, Any], now: int) -> Conversation[Problem | None]:
    """The DAG exists, loads, is not paused, and takes the conf."""
    headers = yield from _signed_in(settings)
    if isinstance(headers, OutboundReply):
        return unasked(headers, "username")
    reply = yield get(f"{_dag(settings)}/details", headers)
    if not is_fine(reply):
        return unasked(reply, "dag_id")
    dag = mapping(told(reply))
    name = settings["dag_id"]
    if dag.get("is_paused"):
        return Problem("dag_id", f"the DAG {name} is paused")
    if dag.get("is_stale") or dag.get("is_active") is False:
        return Problem("dag_id", f"the DAG {name} is no longer in Airflow's files")
    wrong = _misfit(mapping(dag.get("params")), fill(settings.get("conf", {}), EXAMPLES))
    return None if wrong is None else Problem("conf", wrong)


def _misfit(params: Mapping[str, Any], conf: Mapping[str, Any]) -> str | None:
    """Each param has a schema and a default; a conf may say more than there are params."""
    for name, param in params.items():
        schema = mapping(part(param, "schema"))
        value = conf.get(name, mapping(param).get("value"))
        wrong = misfit({"type": "object", "properties": {name: schema}}, {name: value}) if schema else None
        if wrong is not None:
            return wrong
    return None


def _signed_in(settings: Mapping[str, Any]) -> Conversation[Mapping[str, str] | OutboundReply]:
    """The headers to go on with, or the reply that said no. Airflow 3 gives a token for a name and a password."""
    if settings.get("token"):
        return orchestrator.bearer(settings)
    if _version(settings) == "v1":
        return orchestrator.basic(settings)
    pair = {"username": settings["username"], "password": settings["password"]}
    reply = yield post(f"{base(settings)}/auth/token", {}, pair)
    token = text(part(told(reply), "access_token"))
    return reply if token is None or not is_fine(reply) else {"authorization": f"Bearer {token}"}


def _version(settings: Mapping[str, Any]) -> str:
    return str(settings.get("api") or "v2")


def _dag(settings: Mapping[str, Any]) -> str:
    return f"{base(settings)}/api/{_version(settings)}/dags/{quote(str(settings['dag_id']), safe='')}"


def _page(settings: Mapping[str, Any], run: str) -> str:
    dag, run = quote(str(settings["dag_id"]), safe=""), quote(run, safe="")
    if _version(settings) == "v1":
        return f"{base(settings)}/dags/{dag}/grid?dag_run_id={run}"
    return f"{base(settings)}/dags/{dag}/runs/{run}"
