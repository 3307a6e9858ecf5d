"""kill -9 while predictions and labels come in and checks run: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from monitor import bootstrap, settings
from monitor.actions.recording_apart import Watch, mend_left
from monitor.actions.summarise_hours import summarise_waiting
from monitor.config.document import KINDS
from monitor.store import summaries, tables
from tests import stores
from tests.monitor.world import NOW, T0, D, World, bare, labels_of, traffic
from tests.ports import free_port

KILLS = 20
BATCH = 30
START = T0 + 14 * D
DOCUMENT = {
    "default_notify": ["ops"],
    "channels": {"ops": {"type": "webhook", "url": "http://127.0.0.1:9/nobody"}},
    "models": {"m": {"checks": [{"name": kind, "kind": kind, "enabled": kind == "data_drift"} for kind in KINDS]}},
}


@dataclass
class Client:
    """Sends each body again, with the same ids, until it is acknowledged."""

    url: str
    stop: threading.Event = field(default_factory=threading.Event)
    accepted: int = 0
    doubled: int = 0

    def send(self, http: httpx.Client, method: str, path: str, body: Any) -> dict[str, Any] | None:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = http.request(method, f"{self.url}{path}", json=body)
                if answer.status_code in (200, 201):
                    return dict(answer.json())
                assert answer.status_code in (429, 503), answer.text
            if self.stop.is_set():
                return None
            time.sleep(0.01)

    def predictions(self, acknowledged: dict[str, list[dict[str, Any]]]) -> None:
        batch = 0
        with httpx.Client(timeout=5) as http:
            while not self.stop.is_set():
                records = traffic(START + batch * D // 8, 3, per_hour=BATCH // 3, seed=batch + 9, shift=2.0)
                if self.send(http, "POST", "/v1/models/m/predictions", bare(records)) is not None:
                    acknowledged["predictions"] += records
                if self.send(http, "POST", "/v1/models/m/labels", labels_of(records)) is not None:
                    acknowledged["labels"] += records
                batch += 1

    def runs(self) -> None:
        day = 1
        with httpx.Client(timeout=5) as http:
            while not self.stop.is_set():
                body = {"as_of": f"2026-01-{19 + day:02d}T00:00:00Z"}
                self.send(http, "POST", "/v1/models/m/runs", body)
                day = day % 10 + 1
                self.stop.wait(0.3)


@contextlib.contextmanager
def dying_server(home: Path, store: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, Path]]:
    port = free_port()
    pid_file = tmp_path / "pid"
    program = Path(__file__).with_name("serves_and_dies.py")
    environment = {**os.environ, **store, "PYTHONPATH": os.getcwd()}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, str(program), str(home), str(port), str(pid_file)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
        )
        try:
            yield f"http://127.0.0.1:{port}", pid_file
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait(60)


def wait_until_up(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        time.sleep(0.01)
    raise AssertionError("the server did not come up")


def wait_for_more(acknowledged: list[dict[str, Any]]) -> None:
    before, deadline = len(acknowledged), time.monotonic() + 60
    while len(acknowledged) == before:
        assert time.monotonic() < deadline, "nothing was acknowledged within a minute"
        time.sleep(0.01)


def wait_for_an_alert(url: str) -> None:
    """On a slow machine no run may have ended before the last kill."""
    deadline = time.monotonic() + 60
    with httpx.Client(timeout=30) as http:
        while not http.get(f"{url}/v1/alerts").json().get("items"):
            assert time.monotonic() < deadline, "no alert fired within a minute"
            time.sleep(0.05)


def test_kill_9_during_ingest(tmp_path: Path) -> None:
    store = stores.environment(tmp_path / "home")
    check(store, kill_while_it_serves(store, KILLS, tmp_path))


def test_kill_9_with_predictions_and_labels_apart(tmp_path: Path) -> None:
    apart = {"PLIMSOLL_OBSERVATIONS_URL": f"chdb://{tmp_path / 'observations'}"}
    store = stores.environment(tmp_path / "home") | apart
    check(store, kill_while_it_serves(store, KILLS // 2, tmp_path))


def kill_while_it_serves(store: dict[str, str], kills: int, tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    """What was acknowledged."""
    home, dice = tmp_path / "home", random.Random(5)
    acknowledged: dict[str, list[dict[str, Any]]] = {"predictions": [], "labels": []}
    with dying_server(home, store, tmp_path) as (url, pid_file):
        wait_until_up(url)
        client = Client(url)
        with httpx.Client(timeout=30) as http:
            client.send(http, "PUT", "/v1/config", DOCUMENT)
            client.send(http, "PUT", "/v1/models/m/references/base", traffic(T0, 24 * 9))
        threads = [
            threading.Thread(target=client.predictions, args=(acknowledged,)),
            threading.Thread(target=client.runs),
        ]
        for thread in threads:
            thread.start()
        for kill in range(kills):
            wait_until_up(url)
            if kill % 4 == 0:  # on a slow machine a server may be killed before it has answered anything
                wait_for_more(acknowledged["predictions"])
            time.sleep(dice.uniform(0.02, 0.4))
            before = pid_file.read_text()
            os.kill(int(before), signal.SIGKILL)
            while pid_file.read_text() in (before, ""):
                time.sleep(0.005)
        wait_until_up(url)
        wait_for_more(acknowledged["labels"])
        wait_for_an_alert(url)
        client.stop.set()
        for thread in threads:
            thread.join(30)
    return acknowledged


def check(store: dict[str, str], acknowledged: dict[str, list[dict[str, Any]]]) -> None:
    service = bootstrap.build(settings.load(store))
    world = World(service)
    mend_left(service, Watch(), NOW)
    ids = {one["id"] for one in acknowledged["predictions"]}
    assert len(ids) == len(acknowledged["predictions"]) >= 5 * BATCH
    with service.database.read() as connection:
        model = world.found(connection)
        rows = [
            one
            for table in service.observations.read(connection, model.stored, 0, 1 << 24, model.columns)
            for one in table.column("id").to_pylist()
        ]
        assert len(rows) == len(set(rows)) == model.n_predictions
        assert ids <= set(rows)
        assert len(rows) - len(ids) <= BATCH  # the one body that was under way at the end
        for one in acknowledged["labels"]:
            stored = service.observations.get(connection, model.stored, one["id"])
            assert stored is not None
            assert len(stored["labels"]) == 1
        told = tables.transitions.c
        fired = list(connection.execute(select(told.alert_id).where(told.kind == "firing")).scalars())
        mine = tables.outbox_alerts.c
        sent = list(connection.execute(select(mine.alert_id)).scalars())
        readings = connection.execute(select(tables.readings.c.id)).fetchall()
    assert fired
    assert set(fired) <= set(sent)
    assert len(readings) > 0
    summarise_waiting(service, NOW)
    with service.database.read() as connection:
        assert sum(count for _, _, count in summaries.predicted(connection, model.id, 0, 1 << 24)) == len(rows)
    service.close()
