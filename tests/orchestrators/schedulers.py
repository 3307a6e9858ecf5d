"""Prefect, Airflow and Dagster as they answered when they were run."""

from __future__ import annotations

import re
from typing import Any

from tests.orchestrators.base import SECRET, Orchestrator, Reply, Run, Seen, basic

SCHEMA = {
    "type": "object",
    "properties": {"model": {"type": "string"}, "rows": {"type": "integer"}},
    "required": ["model"],
}


class Prefect(Orchestrator):
    settings = {  # noqa: RUF012 - each is what a test writes, and nobody changes it
        "type": "prefect",
        "deployment": "train/nightly",
        "username": "me",
        "password": "${PASSWORD}",
        "parameters": {"model": "{model}", "rows": 5},
    }
    states = {  # noqa: RUF012
        "accepted": "SCHEDULED",
        "running": "RUNNING",
        "succeeded": "COMPLETED",
        "failed": "CRASHED",
        "cancelled": "CANCELLED",
    }
    first, suffix, secret = "SCHEDULED", "/api", basic("me", SECRET)

    def __init__(self) -> None:
        super().__init__(settings=self.settings, states=self.states, first=self.first, secret=self.secret)

    def answer(self, request: Seen) -> Reply:
        if request.is_a("GET", "api", "deployments", "name", "train", "nightly") and not self.gone:
            there = {"id": "d-1", "paused": self.paused, "parameter_openapi_schema": SCHEMA, "parameters": {}}
            return 200, {**there, "enforce_parameter_schema": True, "status": "READY"}
        if request.is_a("POST", "api", "deployments", "d-1", "create_flow_run"):
            return self.create(request.body)
        run = self.of_id(request.parts[-1])
        if request.is_a("GET", "api", "flow_runs", "*") and run is not None:
            return 200, {"id": run.id, "state_type": run.state, "state": {"type": run.state, "name": "Late"}}
        return 404, {"detail": "Deployment not found", "exception_message": "Object not found"}

    def create(self, body: Any) -> Reply:
        there = self.of_key(body["idempotency_key"])
        if there is not None:
            return 200, {"id": there.id}
        if not isinstance(body["parameters"].get("rows", 0), int):
            return 409, {"detail": "Error creating flow run: Validation failed. 'rows' is not of type 'integer'"}
        return 201, {"id": self.begin(body["idempotency_key"], body["parameters"]).id}


class Airflow(Orchestrator):
    suffix = ""

    def __init__(self, api: str = "v2") -> None:
        settings = {
            "type": "airflow",
            "dag_id": "train",
            "username": "me",
            "password": "${PASSWORD}",
            "api": api,
            "conf": {"model": "{model}", "rows": 5},
        }
        states = {"accepted": "queued", "running": "running", "succeeded": "success", "failed": "failed"}
        secret = "Bearer a.b.c" if api == "v2" else basic("me", SECRET)
        super().__init__(settings=settings, states=states, secret=secret, holder="conf")
        self.api = api

    def is_sign_in(self, request: Seen) -> bool:
        return request.is_a("POST", "auth", "token")

    def answer(self, request: Seen) -> Reply:
        if self.is_sign_in(request):
            right = request.body == {"username": "me", "password": SECRET}
            return (201, {"access_token": "a.b.c"}) if right else (401, {"detail": "Invalid credentials"})
        dag = ("api", self.api, "dags", "train")
        if request.parts[:4] != dag or self.gone:
            return 404, {"detail": "The Dag with ID: `train` was not found"}
        if request.is_a("GET", *dag, "details"):
            rows = {"value": 1, "schema": {"type": "integer"}, "description": None}
            return 200, {"dag_id": "train", "is_paused": self.paused, "params": {"rows": rows}}
        if request.is_a("POST", *dag, "dagRuns"):
            return self.create(request.body)
        run = self.of_id(request.parts[-1])
        return (200, {"dag_run_id": run.id, "state": run.state}) if run else (404, {"detail": "not found"})

    def create(self, body: Any) -> Reply:
        if (self.api == "v2") != ("logical_date" in body):
            return 422, {"detail": [{"msg": "Field required", "loc": ["body", "logical_date"]}]}
        if not isinstance(body["conf"].get("rows", 0), int):
            return 400, {"detail": "Invalid input for param rows: 'many' is not of type 'integer'"}
        if self.of_key(body["dag_run_id"]) is not None:
            return 409, {"detail": {"reason": "Unique constraint violation", "message": "DAGRun already exists"}}
        return 200, {"dag_run_id": self.begin(body["dag_run_id"], body["conf"], body["dag_run_id"]).id}


class Dagster(Orchestrator):
    suffix = "/graphql"

    def __init__(self) -> None:
        settings = {"type": "dagster", "job": "train", "run_config": {"ops": {"fit": {"config": {"model": "{model}"}}}}}
        states = {
            "accepted": "QUEUED",
            "running": "STARTED",
            "succeeded": "SUCCESS",
            "failed": "FAILURE",
            "cancelled": "CANCELED",
        }
        super().__init__(settings=settings, states=states, first="QUEUED", secret="", holder="run_config", pauses=False)

    def answer(self, request: Seen) -> Reply:
        query, given = request.body["query"], request.body["variables"]
        name = re.findall(r"(?:query|mutation) (\w+)", query)[0]
        told = getattr(self, f"on_{name}", None)
        if told is None or "{" not in query:
            return 500, {"errors": [{"message": f"Cannot query field {name!r}"}]}
        field_name = re.findall(r"\{\s*(\w+)", query)[0]
        return 200, {"data": {field_name: told(given)}}

    def on_PlimsollJobs(self, _given: Any) -> Any:
        jobs = [] if self.gone else [{"name": "train"}]
        node = {"name": "__repository__", "location": {"name": "code"}, "jobs": jobs}
        return {"__typename": "RepositoryConnection", "nodes": [node]}

    def on_PlimsollRuns(self, given: Any) -> Any:
        runs = [run for run in self.runs if run.key == given["key"]]
        return {"__typename": "Runs", "results": [{"runId": run.id, "status": run.state} for run in runs]}

    def on_PlimsollRun(self, given: Any) -> Any:
        run = self.of_id(given["id"])
        if run is None:
            return {"__typename": "RunNotFoundError", "message": "Run could not be found."}
        return {"__typename": "Run", "status": run.state}

    def on_PlimsollLaunch(self, given: Any) -> Any:
        params = given["params"]
        wrong = self._wrong(params["runConfigData"])
        if params["selector"] != {
            "repositoryName": "__repository__",
            "repositoryLocationName": "code",
            "jobName": "train",
        }:
            return {"__typename": "PipelineNotFoundError", "message": "Could not find Pipeline"}
        if wrong is not None:
            return wrong
        (key,) = [one["value"] for one in params["executionMetadata"]["tags"] if one["key"] == "plimsoll/key"]
        run: Run = self.begin(key, params["runConfigData"]["ops"]["fit"]["config"])
        return {"__typename": "LaunchRunSuccess", "run": {"runId": run.id, "status": run.state}}

    def on_PlimsollFits(self, given: Any) -> Any:
        return self._wrong(given["config"]) or {"__typename": "PipelineConfigValidationValid"}

    def _wrong(self, config: Any) -> Any:
        if set(config) == {"ops"}:
            return None
        errors = [{"message": 'Received unexpected config entry "rows" at the root.'}]
        return {"__typename": "RunConfigValidationInvalid", "errors": errors}
