"""A ClickHouse that hangs: it takes connections and says nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from monitor.store.observations.clickhouse.store import ClickHouseObservations
from tests.clickhouse_front import front_process
from tests.end_to_end.loaded import Loaded, body, loaded

pytest.importorskip("chdb", reason="The front before the engine needs the engine.")
pytestmark = pytest.mark.usefixtures("on_sqlite")

MOST = 12  # seconds until an answer, four or five of them on a quiet machine; it was 30 to 50 before
BODIES = {  # small ones are stored in rounds, large ones each by itself; of one model, of another, of a new one
    "small": ("m", [f"s{row}" for row in range(3)]),
    "more": ("n", [f"n{row}" for row in range(3)]),
    "large": ("m", [f"l{row}" for row in range(2000)]),
    "new": ("new", [f"w{row}" for row in range(2000)]),
}

QUESTIONS = [
    ("/v1/models/m/predictions/s0", "application/json"),
    ("/storage", "text/html"),
    ("/v1/models/m/rows.parquet?start=2020-01-01&end=2030-01-01", "application/json"),
]
MANY = 60  # questions at the same time, more than there are threads for them


def post(service: Loaded, name: str) -> httpx.Response:
    model, ids = BODIES[name]
    headers = {"Content-Type": "application/json"}
    return httpx.post(f"{service.url}/v1/models/{model}/predictions", content=body(*ids), headers=headers, timeout=100)


def until_accepted(service: Loaded, name: str) -> None:
    deadline = time.monotonic() + 60
    while (reply := post(service, name)).status_code != 200:
        assert reply.status_code in (429, 503), reply.text
        assert time.monotonic() < deadline, reply.text
        time.sleep(0.1)
    told = reply.json()
    assert told["accepted"] + told["duplicates"] == len(BODIES[name][1])


def refused(service: Loaded, name: str) -> None:
    """Soon, and told when to come again."""
    began = time.monotonic()
    reply = post(service, name)
    assert time.monotonic() - began < MOST
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "store_unavailable"), reply.text
    assert int(reply.headers["Retry-After"]) > 0


def unanswered(service: Loaded, path: str, accept: str) -> None:
    """A question, a page as well, is told soon that there is no answer."""
    began = time.monotonic()
    reply = httpx.get(f"{service.url}{path}", headers={"Accept": accept}, timeout=100)
    assert time.monotonic() - began < MOST
    assert (reply.status_code, accept in reply.headers["Content-Type"]) == (503, True), reply.text
    assert "The store does not answer just now" in reply.text
    assert reply.headers["X-Frame-Options"] == "DENY"
    assert int(reply.headers["Retry-After"]) > 0


def test_a_frozen_clickhouse_is_told_of_soon_and_nothing_is_lost(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        address, front = stack.enter_context(front_process(tmp_path / "rows"))
        url = f"clickhouse://me:secret@{address}/plimsoll"
        service = stack.enter_context(loaded(tmp_path / "home", PLIMSOLL_OBSERVATIONS_URL=url))
        pool = stack.enter_context(ThreadPoolExecutor(len(BODIES)))
        stack.callback(os.kill, front, signal.SIGCONT)
        ready = f"{service.url}/readyz"
        until_accepted(service, "small")
        assert httpx.get(ready, timeout=20).json()["status"] == "ok"
        os.kill(front, signal.SIGSTOP)
        list(
            stack.enter_context(ThreadPoolExecutor(MANY)).map(lambda _: unanswered(service, *QUESTIONS[0]), range(MANY))
        )
        began = time.monotonic()
        assert httpx.get(f"{service.url}/livez", timeout=20).status_code == 200
        told = httpx.get(ready, timeout=20)
        assert (told.status_code, "does not answer" in told.json()["problems"][0]) == (503, True)
        assert time.monotonic() - began < MOST
        for _ in range(2):  # the second time threads of the first hang still
            list(pool.map(lambda name: refused(service, name), BODIES))
        list(pool.map(lambda question: unanswered(service, *question), QUESTIONS))
        os.kill(front, signal.SIGCONT)
        list(pool.map(lambda name: until_accepted(service, name), BODIES))
        assert httpx.get(ready, timeout=20).json()["status"] == "ok"
        check(service, url)


def check(service: Loaded, url: str) -> None:
    """Each row is there once, and counted once."""
    wanted = {"m": 2003, "n": 3, "new": 2000}
    models = [httpx.get(f"{service.url}/v1/models/{name}").json() for name in wanted]
    assert {model["name"]: model["counts"]["predictions"] for model in models} == wanted
    with contextlib.closing(ClickHouseObservations(url)) as store:
        tables = [f"p_{number}" for number in range(1, 4)]
        rows = [store.engine.number(f"SELECT count() FROM {table} FINAL") for table in tables]
        ids = [store.engine.number(f"SELECT uniqExact(id) FROM {table}") for table in tables]
    assert sorted(rows) == sorted(ids) == sorted(wanted.values())
