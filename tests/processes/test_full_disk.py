"""A disk that fills up: what was acknowledged is there, what was not is refused in plain words, and room mends it."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor import bootstrap, settings
from tests.monitor.world import T0, D, Record, bare, traffic
from tests.ports import free_port
from tests.postgres import Databases, Server
from tests.processes.test_roles import started

SMALL, LARGE = "size=18m", "size=96m"


def mount(where: Path, *options: str) -> bool:
    return subprocess.run(["mount", *options, str(where)], check=False, capture_output=True).returncode == 0


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small one of its own, where other users may come."""
    made = Path(tempfile.mkdtemp(prefix="plimsoll-disk-"))
    if not mount(made, "-t", "tmpfs", "-o", SMALL, "tmpfs"):
        made.rmdir()
        pytest.skip("only who may mount has a small disk")
    yield made
    subprocess.run(["umount", "--lazy", str(made)], check=True)
    made.rmdir()


def body(number: int, per_hour: int = 400) -> list[Record]:
    return bare(traffic(T0 + number * D, 24, per_hour, seed=number))


def fill(http: httpx.Client) -> tuple[int, int, httpx.Response]:
    """Post until the disk is full; how many rows were acknowledged, the body that was refused, and what was said."""
    acknowledged = 0
    for number in range(200):
        answer = http.post("/v1/models/m/predictions", json=body(number))
        if answer.status_code != 200:
            return acknowledged, number, answer
        acknowledged += answer.json()["accepted"]
    raise AssertionError("the disk never filled up")


def check_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "The disk of the store is full; nothing was stored." in answer.json()["error"]["message"]


def test_it_is_told_and_mended_by_room(disk: Path) -> None:
    port = free_port()
    service = bootstrap.build(settings.load({}, home=disk))
    service.close()
    with (
        started(disk, service.settings.database_url, "all", port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
    ):
        acknowledged, number, refused = fill(http)
        check_refused(refused)
        # One that is full within, not at its end.
        check_refused(http.post("/v1/models/m/predictions", json=body(200, per_hour=2500)))
        ready = http.get("/readyz")
        assert ready.status_code == 503
        assert "the disk of the store is full" in ready.json()["problems"][0].lower()
        assert stored(http) == acknowledged > 50_000
        assert http.get("/models/m").status_code == 200
        assert mount(disk, "-o", f"remount,{LARGE}")
        assert http.post("/v1/models/m/predictions", json=body(number)).json()["accepted"] == 9600
        assert http.get("/readyz").json() == {"status": "ok", "problems": []}
        assert stored(http) == acknowledged + 9600


def test_that_of_postgres_too(disk: Path, tmp_path: Path) -> None:
    """The database lies on the small disk, the server's log of writes elsewhere: with that one full it ends itself."""
    server, port = Server("fsync=on"), free_port()
    try:
        server.give(disk)
        with contextlib.closing(Databases(server.address)) as databases:
            url = databases.migrated(disk)
        with (
            started(tmp_path, url, "all", port),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
        ):
            acknowledged, number, refused = fill(http)
            check_refused(refused)
            assert stored(http) == acknowledged > 0
            assert http.get("/models/m").status_code == 200
            assert mount(disk, "-o", f"remount,{LARGE}")
            assert http.post("/v1/models/m/predictions", json=body(number)).json()["accepted"] == 9600
            assert stored(http) == acknowledged + 9600
    finally:
        server.stop()


def stored(http: httpx.Client) -> int:
    told: dict[str, Any] = http.get("/v1/models/m").json()
    return int(told["counts"]["predictions"])
