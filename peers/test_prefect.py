"""Prefect 3: a server, and one process that serves the flows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from peers.environments import ROOT, environment
from peers.orchestrated import Pausable
from peers.programs import Program, answers, running, until
from peers.proxy import Passed
from tests.ports import free_port


class Prefect:
    cancelled = "cancelled"

    def __init__(self, home: Path, programs: Path) -> None:
        port = free_port()
        self.root = f"http://127.0.0.1:{port}"
        self.api = httpx.Client(base_url=f"{self.root}/api", timeout=30)
        names = {
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_API_URL": f"{self.root}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_RUNNER_POLL_FREQUENCY": "2",
            "PYTHONPATH": str(ROOT),
        }
        command = [str(programs / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        self.server = Program(command, home / "server.log", names)
        self.flows = Program([str(programs / "python"), "-m", "peers.jobs.prefect_flows"], home / "flows.log", names)

    def trigger(self, job: str, root: str | None = None, **parameters: Any) -> dict[str, Any]:
        url = f"{root or self.root}/api"
        return {"type": "prefect", "url": url, "deployment": f"{job}/peers", "parameters": parameters}

    def is_start(self, request: Passed) -> bool:
        return request.path.endswith("/create_flow_run")

    def runs(self, key: str) -> list[str]:
        found = self.api.post("/flow_runs/filter", json={"flow_runs": {"tags": {"all_": ["plimsoll"]}}}).json()
        return [one["id"] for one in found if one["idempotency_key"] == key]

    def cancel(self, run: str) -> None:
        state = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        self.api.post(f"/flow_runs/{run}/set_state", json=state).raise_for_status()

    def pause(self, job: str, paused: bool) -> None:
        deployment, how = self.api.get(f"/deployments/name/{job}/peers").json()["id"], "pause" if paused else "resume"
        self.api.post(f"/deployments/{deployment}/{how}_deployment").raise_for_status()

    def stop_working(self) -> None:
        self.flows.kill()

    def start_working(self) -> None:
        self.flows.start()
        until("the flows are served", self.is_served, 90)

    def is_served(self) -> bool:
        found = self.api.post("/deployments/filter", json={}).json()
        return len(found) == 3


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    prefect = Prefect(tmp_path_factory.mktemp("prefect"), environment("prefect"))
    with prefect.api, running(prefect.server):
        answers(f"{prefect.root}/api/health", prefect.server)
        with running(prefect.flows):
            until("the flows are served", prefect.is_served, 90)
            yield prefect


class TestPrefect(Pausable):
    unknown_job = "not found"
    bad_parameters = "seconds"
    refusal = "'model'"
    paused = "is paused"
