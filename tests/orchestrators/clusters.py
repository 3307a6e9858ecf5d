"""GitHub Actions, Argo Workflows, Kubernetes, Databricks and Kubeflow Pipelines as their documents have it."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.orchestrators.base import Orchestrator, Reply, Run, Seen

WORKFLOW = """name: train
run-name: train ${{ inputs.plimsoll_key }}
on:
  workflow_dispatch:
    inputs:
      plimsoll_key: {required: true}
      model: {required: true}
      rows: {default: "1"}
"""


class Cluster(Orchestrator):
    """One that is asked with a token for a job that takes ``model`` and ``rows``. ``states``: what it calls a run that
    is accepted, running, succeeded, failed, cancelled."""

    def __init__(
        self, settings: dict[str, Any], *states: str, holder: str = "parameters", first: str = "", **more: Any
    ) -> None:
        given = {"token": "${TOKEN}", holder: {"model": "{model}", "rows": 5}}
        called = dict(zip(("accepted", "running", "succeeded", "failed", "cancelled"), states, strict=False))
        super().__init__(settings={**settings, **given}, states=called, first=first or states[0], holder=holder, **more)


class GitHub(Cluster):
    def __init__(self) -> None:
        ends = [f"completed {conclusion}" for conclusion in ("success", "timed_out", "cancelled")]
        settings = {"type": "github", "repository": "acme/models", "workflow": "train.yml"}
        super().__init__(settings, "queued", "in_progress", *ends, holder="inputs")
        self.file = WORKFLOW
        self.tells = True

    def answer(self, request: Seen) -> Reply:
        workflow = ("repos", "acme", "models", "actions", "workflows", "train.yml")
        if self.gone:
            return 404, {"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}
        if request.is_a("GET", *workflow):
            state = "disabled_manually" if self.paused else "active"
            return 200, {"state": state, "path": ".github/workflows/train.yml"}
        if request.is_a("GET", "repos", "acme", "models", "contents", ".github", "workflows", "train.yml"):
            return 200, {"content": base64.encodebytes(self.file.encode()).decode()}
        if request.is_a("GET", *workflow, "runs"):
            return 200, {"workflow_runs": [self.shown(run) for run in self.runs]}
        if request.is_a("POST", *workflow, "dispatches"):
            return self.create(request.body)
        run = self.of_id(request.parts[-1])
        return (200, self.shown(run)) if run else (404, {"message": "Not Found"})

    def create(self, body: Any) -> Reply:
        unknown = set(body["inputs"]) - {"plimsoll_key", "model", "rows"}
        if unknown or not all(isinstance(value, str) for value in body["inputs"].values()):
            return 422, {"message": f"Unexpected inputs provided: {sorted(unknown)}"}
        run = self.begin(body["inputs"]["plimsoll_key"], body["inputs"])
        return (200, {"workflow_run_id": int(run.id), "html_url": "https://h/1"}) if self.tells else (204, None)

    def shown(self, run: Run) -> dict[str, Any]:
        status, _, conclusion = run.state.partition(" ")
        told = {"status": status, "conclusion": conclusion or None, "html_url": "https://h/1"}
        return {"id": int(run.id), "display_title": f"train {run.key}", **told}


class Argo(Cluster):
    def __init__(self) -> None:
        settings = {"type": "argo", "namespace": "ml", "template": "train"}
        super().__init__(settings, "Pending", "Running", "Succeeded", "Error", "stopped", pauses=False)

    def answer(self, request: Seen) -> Reply:
        if request.is_a("GET", "api", "v1", "workflow-templates", "ml", "train") and not self.gone:
            parameters = [{"name": "model"}, {"name": "rows", "value": "1"}]
            return 200, {"spec": {"arguments": {"parameters": parameters}}}
        if request.is_a("POST", "api", "v1", "workflows", "ml", "submit") and not self.gone:
            return self.create(request.body)
        run = self.of_id(request.parts[-1])
        if request.is_a("GET", "api", "v1", "workflows", "ml", "*") and run is not None:
            stopped = run.state == "stopped"
            return 200, {
                "spec": {"shutdown": "Terminate"} if stopped else {},
                "status": {"phase": "Failed" if stopped else run.state},
            }
        return 404, {"code": 5, "message": 'workflowtemplates.argoproj.io "train" not found'}

    def create(self, body: Any) -> Reply:
        options = body["submitOptions"]
        given = dict(one.split("=", 1) for one in options["parameters"])
        if set(given) - {"model", "rows"}:
            return 400, {"code": 3, "message": "spec.arguments: unknown parameter"}
        if self.of_key(options["name"]) is not None:
            return 409, {"code": 6, "message": f'workflows.argoproj.io "{options["name"]}" already exists'}
        return 200, {"metadata": {"name": self.begin(options["name"], given, options["name"]).id}}


class Kubernetes(Cluster):
    def __init__(self) -> None:
        settings = {"type": "kubernetes", "namespace": "ml", "cronjob": "train"}
        super().__init__(settings, "", "ready", "Complete", "Failed", pauses=False, requires=False)

    def answer(self, request: Seen) -> Reply:
        batch = ("apis", "batch", "v1", "namespaces", "ml")
        if request.is_a("GET", *batch, "cronjobs", "train") and not self.gone:
            container = {"name": "fit", "image": "fit:1", "env": [{"name": "rows", "value": "1"}, {"name": "A"}]}
            pod = {"spec": {"containers": [container], "restartPolicy": "Never"}}
            return 200, {"spec": {"suspend": True, "jobTemplate": {"spec": {"backoffLimit": 0, "template": pod}}}}
        if request.is_a("POST", *batch, "jobs"):
            return self.create(request)
        run = self.of_id(request.parts[-1])
        if request.is_a("GET", *batch, "jobs", "*") and run is not None:
            over = run.state in ("Complete", "Failed")
            conditions = [{"type": run.state, "status": "True", "message": "said so"}] if over else None
            return 200, {"status": {"ready": int(run.state == "ready"), "conditions": conditions}}
        return 404, {"kind": "Status", "message": 'cronjobs.batch "train" not found', "reason": "NotFound"}

    def create(self, request: Seen) -> Reply:
        body = request.body
        name, (container,) = body["metadata"]["name"], body["spec"]["template"]["spec"]["containers"]
        if body["apiVersion"] != "batch/v1" or container["image"] != "fit:1":
            return 422, {"message": "Job is invalid"}
        if self.of_key(name) is not None:
            return 409, {"message": f'jobs.batch "{name}" already exists', "reason": "AlreadyExists"}
        if request.query.get("dryRun") != "All":
            given = {one["name"]: one.get("value") for one in container["env"]}
            assert given.pop("A") is None
            self.begin(name, given, name)
        return 201, {"metadata": {"name": name}}


class Databricks(Cluster):
    def __init__(self) -> None:
        ends = [f"TERMINATED {result}" for result in ("SUCCESS", "TIMEDOUT", "CANCELED")]
        settings = {"type": "databricks", "job_id": 7}
        super().__init__(settings, "QUEUED", "RUNNING", *ends, first="PENDING", pauses=False, duplicates=False)

    def answer(self, request: Seen) -> Reply:
        if request.is_a("GET", "api", "2.2", "jobs", "get") and request.query["job_id"] == "7" and not self.gone:
            return 200, {"settings": {"parameters": [{"name": "model"}, {"name": "rows", "default": "1"}]}}
        if request.is_a("POST", "api", "2.2", "jobs", "run-now") and not self.gone:
            body = request.body
            if body["job_id"] != 7 or set(body["job_parameters"]) - {"model", "rows"}:
                return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Unknown job parameter"}
            token = body["idempotency_token"]
            return 200, {"run_id": int((self.of_key(token) or self.begin(token, body["job_parameters"])).id)}
        run = self.of_id(request.query.get("run_id", ""))
        if run is None:
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Job 7 does not exist."}
        life, _, result = run.state.partition(" ")
        state = {"life_cycle_state": life, **({"result_state": result} if result else {})}
        return 200, {"state": state, "run_page_url": "https://h/1"}


class Kubeflow(Cluster):
    def __init__(self) -> None:
        settings = {"type": "kubeflow", "pipeline": "train"}
        super().__init__(settings, "PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", pauses=False)

    def answer(self, request: Seen) -> Reply:
        api = ("apis", "v2beta1")
        if request.is_a("GET", *api, "pipelines", "names", "train") and not self.gone:
            return 200, {"pipeline_id": "p-1"}
        if request.is_a("GET", *api, "pipelines", "p-1", "versions"):
            declared = {"model": {"parameterType": "STRING"}, "rows": {"defaultValue": 1}}
            spec = {"root": {"inputDefinitions": {"parameters": declared}}}
            version = {"pipeline_id": "p-1", "pipeline_version_id": "v-2", "pipeline_spec": spec}
            return 200, {"pipeline_versions": [version]}
        if request.is_a("GET", *api, "runs"):
            (predicate,) = json.loads(request.query["filter"])["predicates"]
            assert (predicate["key"], predicate["operation"]) == ("display_name", "EQUALS")
            run = self.of_key(predicate["string_value"])
            return 200, {"runs": [{"run_id": run.id, "state": run.state}]} if run else {}
        if request.is_a("POST", *api, "runs"):
            return self.create(request.body)
        run = self.of_id(request.parts[-1])
        if request.is_a("GET", *api, "runs", "*") and run is not None:
            return 200, {"run_id": run.id, "state": run.state}
        return 404, {"error_message": "ResourceNotFoundError: Pipeline train not found", "code": 5}

    def create(self, body: Any) -> Reply:
        given = body["runtime_config"]["parameters"]
        if set(given) - {"model", "rows"} or body["pipeline_version_reference"]["pipeline_version_id"] != "v-2":
            return 400, {"error_message": "InvalidInputError: unknown parameter"}
        return 200, {"run_id": self.begin(body["display_name"], given).id}
