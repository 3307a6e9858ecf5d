"""A server that is read and not written: told as such, and over when it takes writes again."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import psycopg

from monitor import clock
from tests.monitor.world import bare, traffic
from tests.ports import free_port
from tests.postgres import Databases
from tests.processes.test_roles import started

H = clock.HOUR


def make_read_only(url: str, value: bool) -> None:
    """As after a change of roles: who connects anew gets another server, so to say. Only the old one hangs up."""
    address, _, name = url.rpartition("/")
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {'on' if value else 'off'}")
        if value:
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


def test_it_is_called_so(tmp_path: Path, postgres: Databases) -> None:
    url, port = postgres.migrated(), free_port()
    records = bare(traffic(clock.now() // H * H - 2 * H, 2))
    with started(tmp_path, url, "all", port), httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:

        def put(some: object) -> httpx.Response:
            return http.post("/v1/models/m/predictions", json=some)

        assert put(records[:6]).json()["accepted"] == 6
        make_read_only(url, True)
        deadline = time.monotonic() + 30
        answer = put(records)
        while "not written" not in answer.text and time.monotonic() < deadline:  # it hung up first
            assert answer.status_code == 503
            answer = put(records)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert "The store can be read, but not written; nothing was stored." in answer.json()["error"]["message"]
        ready = http.get("/readyz")
        assert (ready.status_code, "can be read, but not written" in ready.text) == (503, True)
        assert http.get("/v1/models/m").json()["counts"]["predictions"] == 6
        make_read_only(url, False)
        while put(records).status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert put(records).json()["duplicates"] == 12
