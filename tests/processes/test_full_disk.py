"""A disk that fills up: what was acknowledged is there, what was not is refused in plain words, and room mends it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor import bootstrap, settings
from tests.monitor.world import T0, D, Record, bare, traffic
from tests.ports import free_port
from tests.processes.test_roles import started

SMALL, LARGE = "size=18m", "size=96m"


def mount(where: Path, *options: str) -> bool:
    return subprocess.run(["mount", *options, str(where)], check=False, capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one of its own."""
    made = tmp_path / "disk"
    made.mkdir()
    if not mount(made, "-t", "tmpfs", "-o", SMALL, "tmpfs"):
        pytest.skip("only who may mount has a small disk")
    yield made
    subprocess.run(["umount", "--lazy", str(made)], check=True)


def body(number: int, per_hour: int = 400) -> list[Record]:
    return bare(traffic(T0 + number * D, 24, per_hour, seed=number))


def test_it_is_told_and_mended_by_room(disk: Path) -> None:
    port, acknowledged = free_port(), 0
    service = bootstrap.build(settings.load({}, home=disk))
    service.close()
    with (
        started(disk, service.settings.database_url, "all", port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
    ):

        def put(number: int) -> httpx.Response:
            return http.post("/v1/models/m/predictions", json=body(number))

        for number in range(200):
            answer = put(number)
            if answer.status_code != 200:
                break
            acknowledged += answer.json()["accepted"]
        large = http.post("/v1/models/m/predictions", json=body(200, per_hour=2500))  # ends within, not at its end
        for refused in (answer, large):
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
            assert "The disk of the store is full; nothing was stored." in refused.json()["error"]["message"]
        ready = http.get("/readyz")
        assert ready.status_code == 503
        assert "the disk of the store is full" in ready.json()["problems"][0].lower()
        assert stored(http) == acknowledged > 50_000
        assert http.get("/models/m").status_code == 200
        assert mount(disk, "-o", f"remount,{LARGE}")
        assert put(number).json()["accepted"] == 9600
        assert http.get("/readyz").json() == {"status": "ok", "problems": []}
        assert stored(http) == acknowledged + 9600


def stored(http: httpx.Client) -> int:
    told: dict[str, Any] = http.get("/v1/models/m").json()
    return int(told["counts"]["predictions"])
