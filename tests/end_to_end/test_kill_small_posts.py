"""kill -9 while many clients post one record each: no acknowledged row is lost, and none is there twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from pathlib import Path

import httpx

from monitor import bootstrap, settings
from tests import stores
from tests.end_to_end.loaded import record
from tests.end_to_end.test_kill_ingest import dying_server, wait_until_up
from tests.monitor.posting import Poster

KILLS, CLIENTS = 6, 16


def send(url: str, client: int, acknowledged: list[str], stop: threading.Event) -> None:
    """One record after the other, each again with the same id until it is acknowledged."""
    number = 0
    with httpx.Client(timeout=10) as http:
        while not stop.is_set():
            id_ = f"{client}-{number}"
            with contextlib.suppress(httpx.HTTPError):
                kind = "predictions" if number % 3 else "labels"
                content = record(id_) if kind == "predictions" else {"id": f"{client}-{number - 1}", "label": 1}
                reply = http.post(f"{url}/v1/models/m/{kind}", json=content)
                if reply.status_code == 200:
                    told = reply.json()
                    assert told["accepted"] + told["duplicates"] == 1
                    acknowledged += [id_] if kind == "predictions" else []
                    number += 1
                    continue
                assert reply.status_code in (429, 503), reply.text
            stop.wait(0.01)


def test_kill_9_under_small_posts(tmp_path: Path) -> None:
    home, dice, stop = tmp_path / "home", random.Random(3), threading.Event()
    store, acknowledged = stores.environment(home), [[] for _ in range(CLIENTS)]  # type: ignore[var-annotated]
    with dying_server(home, store, tmp_path) as (url, pid_file):
        wait_until_up(url)
        threads = [threading.Thread(target=send, args=(url, i, acknowledged[i], stop)) for i in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for _ in range(KILLS):
            wait_until_up(url)
            before = sum(map(len, acknowledged))
            while sum(map(len, acknowledged)) < before + CLIENTS:
                time.sleep(0.01)
            time.sleep(dice.uniform(0, 0.2))
            served = pid_file.read_text()
            os.kill(int(served), signal.SIGKILL)
            while pid_file.read_text() in (served, ""):
                time.sleep(0.005)
        wait_until_up(url)
        stop.set()
        for thread in threads:
            thread.join(30)
    service = bootstrap.build(settings.load(store))
    with service.database.read() as connection:
        model = Poster(service).found(connection)
        chunks = service.observations.read(connection, model.stored, 0, 1 << 24, ())
        stored = [id_ for chunk in chunks for id_ in chunk.column("id").to_pylist()]
    service.database.close()
    told = {id_ for one in acknowledged for id_ in one}
    assert len(told) >= KILLS * CLIENTS
    assert len(stored) == len(set(stored)) == model.n_predictions
    assert told <= set(stored)
    assert len(set(stored) - told) <= CLIENTS  # what was under way at the end
