"""Dagster: the webserver, and the daemon that takes runs from its queue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from peers.environments import ROOT, environment, tried
from peers.orchestrated import Orchestrated
from peers.programs import Program, answers, running, until
from peers.proxy import Passed
from tests.ports import free_port

RUNS = """query Runs($key: String!) { runsOrError(filter: {tags: [{key: "plimsoll/key", value: $key}]}) {
  ... on Runs { results { runId } } } }"""
CANCEL = "mutation Cancel($id: String!) { terminateRun(runId: $id) { __typename } }"
DAEMONS = """{ instance { daemonHealth { allDaemonStatuses { daemonType healthy } } } }"""
QUEUE = "run_coordinator: {module: dagster.core.run_coordinator, class: QueuedRunCoordinator}\n"


class Dagster:
    cancelled = "cancelled"

    def __init__(self, home: Path, programs: Path) -> None:
        port = free_port()
        self.root = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(timeout=60)
        folder = home / "home"
        folder.mkdir()
        (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n" + QUEUE)
        names = {"DAGSTER_HOME": str(folder), "PYTHONPATH": str(ROOT), "PATH": f"{programs}:/usr/bin:/bin"}
        # its store is made before several processes would do it at once
        tried([str(programs / "dagster"), "instance", "migrate"], names=names)
        jobs = ["-m", "peers.jobs.dagster_jobs"]
        serve = [str(programs / "dagster-webserver"), "-h", "127.0.0.1", "-p", str(port), *jobs]
        self.server = Program(serve, home / "server.log", names)
        self.daemon = Program([str(programs / "dagster-daemon"), "run", *jobs], home / "daemon.log", names)

    def ask(self, query: str, **given: Any) -> Any:
        reply = self.http.post(f"{self.root}/graphql", json={"query": query, "variables": given})
        return reply.raise_for_status().json()["data"]

    def trigger(self, job: str, root: str | None = None, **parameters: Any) -> dict[str, Any]:
        config = {"ops": {f"{job}_op": {"config": parameters}}}
        return {"type": "dagster", "url": f"{root or self.root}/graphql", "job": job, "run_config": config}

    def is_start(self, request: Passed) -> bool:
        return b"launchRun" in request.body

    def runs(self, key: str) -> list[str]:
        return [one["runId"] for one in self.ask(RUNS, key=key)["runsOrError"]["results"]]

    def cancel(self, run: str) -> None:
        assert self.ask(CANCEL, id=run)["terminateRun"]["__typename"] == "TerminateRunSuccess"

    def stop_working(self) -> None:
        self.daemon.kill()

    def start_working(self) -> None:
        self.daemon.start()

    def is_working(self) -> bool:
        known = self.ask(DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return any(one["healthy"] for one in known if one["daemonType"] == "QUEUED_RUN_COORDINATOR")


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    dagster = Dagster(tmp_path_factory.mktemp("dagster"), environment("dagster"))
    with dagster.http, running(dagster.server, dagster.daemon):
        answers(f"{dagster.root}/server_info", dagster.server)
        until("the daemon takes runs", dagster.is_working, 90)
        yield dagster


class TestDagster(Orchestrated):
    unknown_job = "nothing"
    bad_parameters = "seconds"
    refusal = "model"
