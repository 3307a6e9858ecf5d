"""Airflow 3: all of it, by ``airflow standalone``."""

from __future__ import annotations

import json
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

USER, PASSWORD = "plimsoll", "only-for-tests"


class Airflow:
    cancelled = "failed"  # Airflow has no other word

    def __init__(self, home: Path, programs: Path) -> None:
        port = free_port()
        self.root = f"http://127.0.0.1:{port}"
        passwords = home / "passwords.json"
        passwords.write_text(json.dumps({USER: PASSWORD}))
        settings = {
            "API__PORT": port,
            "API__BASE_URL": self.root,
            "API__WORKERS": 1,
            "CORE__EXECUTION_API_SERVER_URL": f"{self.root}/execution/",
            "CORE__DAGS_FOLDER": Path(__file__).parent / "jobs" / "dags",
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
            "CORE__LOAD_EXAMPLES": False,
            "CORE__PARALLELISM": 2,
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": passwords,
            "LOGGING__WORKER_LOG_SERVER_PORT": free_port(),
            "LOGGING__TRIGGER_LOG_SERVER_PORT": free_port(),
        }
        names = {f"AIRFLOW__{name}": str(value) for name, value in settings.items()}
        names |= {"AIRFLOW_HOME": str(home), "PYTHONPATH": str(ROOT), "PATH": f"{programs}:/usr/bin:/bin"}
        self.program = Program([str(programs / "airflow"), "standalone"], home / "airflow.log", names)
        self.http = httpx.Client(base_url=self.root, timeout=60)

    def ask(self, method: str, path: str, **given: Any) -> Any:
        pair = {"username": USER, "password": PASSWORD}
        token = self.http.post("/auth/token", json=pair).raise_for_status().json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        return self.http.request(method, f"/api/v2{path}", headers=headers, **given).raise_for_status().json()

    def trigger(self, job: str, root: str | None = None, **parameters: Any) -> dict[str, Any]:
        given = {"username": USER, "password": "${AIRFLOW_PASSWORD}", "conf": parameters}
        return {"type": "airflow", "url": root or self.root, "dag_id": job, **given}

    def is_start(self, request: Passed) -> bool:
        return request.method == "POST" and request.path.endswith("/dagRuns")

    def runs(self, key: str) -> list[str]:
        found = self.ask("GET", "/dags/~/dagRuns", params={"limit": 100})["dag_runs"]
        return [one["dag_run_id"] for one in found if one["dag_run_id"] == key]

    def cancel(self, run: str) -> None:
        self.ask("PATCH", f"/dags/work/dagRuns/{run}", json={"state": "failed"})

    def pause(self, job: str, paused: bool) -> None:
        self.ask("PATCH", f"/dags/{job}", json={"is_paused": paused})

    def stop_working(self) -> None:
        self.pause("work", True)

    def start_working(self) -> None:
        self.pause("work", False)

    def has_loaded(self) -> bool:
        return int(self.ask("GET", "/dags")["total_entries"]) == 3


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    airflow = Airflow(tmp_path_factory.mktemp("airflow"), environment("airflow"))
    with airflow.http, running(airflow.program):
        answers(f"{airflow.root}/api/v2/version", airflow.program, 300)
        until("the DAGs are loaded", airflow.has_loaded, 120)
        yield airflow


class TestAirflow(Pausable):
    unknown_job = "nothing"
    bad_parameters = "seconds"
    refusal = "model"
    paused = "the DAG work is paused"
