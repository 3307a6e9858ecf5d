"""``plimsoll serve --role``: processes that answer and processes that work, on one store."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from monitor import bootstrap, clock, settings
from monitor.actions import manage_keys
from monitor.cli.keys import keys_create
from monitor.cli.replay import replay
from monitor.errors import Invalid, StoreUnavailable
from monitor.store import claims
from monitor.store.database import Database
from monitor.store.server_time import ServerTime
from tests.monitor.delivery.receiver import Receiver, receiving
from tests.monitor.world import bare, traffic
from tests.ports import free_port
from tests.postgres import Databases, Server

H, D = clock.HOUR, clock.DAY


@contextlib.contextmanager
def started(folder: Path, url: str, role: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """A process that is ready; ended with SIGTERM, or killed where that does not help."""
    environment = {**os.environ, "PLIMSOLL_DATABASE_URL": url, "PLIMSOLL_HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "monitor", "serve", "--role", role, "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("Plimsoll ")
            yield process
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) in (0, -signal.SIGTERM)  # uvicorn ends by the signal that it got
        finally:
            process.kill()


def test_one_answers_and_another_works(tmp_path: Path, postgres: Databases) -> None:
    url, port = postgres.migrated(), free_port()
    now = clock.now() // H * H
    with (
        started(tmp_path, url, "api", port),
        receiving() as outside,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http,
    ):
        drift(http, outside, now)
        assert http.get("/readyz").status_code == 503  # nobody works
        fired = http.post("/v1/models/m/runs", json={}).json()["alerts"]
        assert fired
        assert not outside.received
        with started(tmp_path, url, "worker", 0):
            check_addresses(outside, f"http://127.0.0.1:{port}/")
            assert http.get("/readyz").json() == {"status": "ok", "problems": []}


def test_a_worker_may_begin_before_anybody_answers(tmp_path: Path, postgres: Databases) -> None:
    url, port = postgres.migrated(), free_port()
    with started(tmp_path, url, "worker", 0), started(tmp_path, url, "api", port), receiving() as outside:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            drift(http, outside, clock.now() // H * H)
            http.post("/v1/models/m/runs", json={}).raise_for_status()
        check_addresses(outside, f"http://127.0.0.1:{port}/")


def drift(http: httpx.Client, outside: Receiver, now: int) -> None:
    """A model that will be found to have drifted, of which people are told and an orchestrator."""
    hook = {"type": "webhook", "url": f"{outside.url}/ops"}
    rule = {"name": "drift", "check": "data_drift", "notify": ["ops"], "trigger": "retrain"}
    config = {"models": {"m": {"rules": [rule]}}, "channels": {"ops": hook}, "default_notify": ["ops"]}
    retrain = {"retrain": {"type": "webhook", "url": f"{outside.url}/retrain"}}
    http.put("/v1/config", json=config | {"triggers": retrain}).raise_for_status()
    http.put("/v1/models/m/references/base", json=traffic(now - 12 * D, 9 * 24)).raise_for_status()
    http.post("/v1/models/m/predictions", json=bare(traffic(now - 2 * D, 48, seed=2, shift=3.0))).raise_for_status()


def check_addresses(outside: Receiver, where: str) -> None:
    """Both are told, and where the process is that answers."""
    deadline = time.monotonic() + 30
    while {got.path for got in outside.received} < {"/ops", "/retrain"} and time.monotonic() < deadline:
        time.sleep(0.05)
    asked = next(got.json()["data"]["trigger_run"] for got in outside.received if got.path == "/retrain")
    assert asked["callback_url"].startswith(where)


def test_a_run_belongs_to_one_of_two_and_is_taken_over_when_its_holder_is_gone(
    tmp_path: Path, postgres: Databases
) -> None:
    service = bootstrap.build(settings.load({}, database_url=postgres.migrated()))
    other = Database(service.settings.database_url)
    with service.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO models (id, name, settings, created_at, n_predictions, n_labels,"
                                   " n_quarantined, change) VALUES (1, 'm', '{}', 0, 0, 0, 0, 0)")  # fmt: skip
        assert claims.claim(connection, 1, 5 * H, "one", 10)
    with other.write() as connection:
        assert not claims.claim(connection, 1, 5 * H, "two", 10 + claims.LEASE)
        assert claims.claim(connection, 1, 5 * H, "two", 11 + claims.LEASE)
        assert not claims.holds(connection, 1, 5 * H, "one")
    service.database.close()
    other.close()


def test_processes_go_by_the_clock_of_the_store(postgres: Databases) -> None:
    database = Database(postgres.empty())
    for wrong in (-7 * clock.MINUTE, 0, 5 * clock.MINUTE):
        now = ServerTime(database, lambda wrong=wrong: clock.now() + wrong)  # type: ignore[misc]
        assert abs(now() - clock.now()) < clock.SECOND
    database.close()


def test_commands_go_by_it_too(tmp_path: Path, postgres: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    url, true = postgres.migrated(), clock.now()
    monkeypatch.setattr(clock, "now", lambda: true + H)  # of this machine alone
    keys_create(scope="read", name="me", home=tmp_path, database_url=url)
    with contextlib.closing(Database(url)) as database:
        (key,) = manage_keys.listed(database)
    assert abs(key.created_at - true) < clock.MINUTE
    with pytest.raises(Invalid, match="not later than now"):
        replay("m", clock.render(true - H), clock.render(true + H // 2), home=tmp_path, database_url=url)


def test_chdb_is_open_in_one_process_only(tmp_path: Path) -> None:
    environment = {**os.environ, "PLIMSOLL_HOME": str(tmp_path), "PLIMSOLL_OBSERVATIONS_URL": f"chdb://{tmp_path}/rows"}
    command = [sys.executable, "-m", "monitor", "serve", "--role", "api", "--port", str(free_port())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "one process only" in done.stderr


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_database_that_is_gone_is_told_at_once_and_comes_back_by_itself(how: str, tmp_path: Path) -> None:
    server, port = Server("fsync=on"), free_port()
    with contextlib.closing(Databases(server.address)) as databases:
        url = databases.migrated()
    try:
        with started(tmp_path, url, "all", port), httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            row = bare(traffic(clock.now() // H * H - 2 * H, 1))
            assert http.post("/v1/models/m/predictions", json=row).json()["accepted"] == 6
            server.kill() if how == "killed" else server.pause(True)
            began = time.monotonic()
            answer = http.post("/v1/models/m/predictions", json=row)
            assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
            assert time.monotonic() - began < 10
            assert http.get("/livez").status_code == 200
            assert http.get("/readyz").status_code == 503
            server.start() if how == "killed" else server.pause(False)
            deadline = time.monotonic() + 30
            while http.post("/v1/models/m/predictions", json=row).status_code != 200 and time.monotonic() < deadline:
                time.sleep(0.1)
            assert http.post("/v1/models/m/predictions", json=row).json()["duplicates"] == 6
    finally:
        server.stop()


def test_connections_to_a_server_that_stands_still_are_not_kept() -> None:
    """Each attempt gets a socket from the kernel; a hundred of them, and the server takes nobody when it goes on."""
    server, here = Server(), psutil.Process()

    def there() -> int:
        return sum(one.raddr[1:] == (server.port,) for one in here.net_connections("tcp"))

    try:
        with contextlib.closing(Databases(server.address)) as databases:
            database = Database(databases.empty())
        before = there()
        server.pause(True)
        gc.collect()
        gc.disable()  # it seldom comes in a service
        for _ in range(3):
            with contextlib.suppress(StoreUnavailable), database.read():
                pass
        assert there() == before
        database.close()
    finally:
        gc.enable()
        server.pause(False)
        server.stop()
