"""``plimsoll migrate`` while a process that answers on the schema before takes posts and shows pages."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import httpx

from monitor import clock
from monitor.store import schema
from monitor.store.database import Database
from tests.monitor.world import bare, traffic
from tests.ports import free_port
from tests.postgres import Databases
from tests.processes.test_roles import started
from tests.processes.test_version_before import BEFORE, fill, go_back

H, D = clock.HOUR, clock.DAY
PAGES = ("/", "/alerts", "/models/m", "/v1/alerts", "/channels", "/v1/models/m/health", "/v1/silences", "/alerts/{}")
MANY = 25  # answers to pages


class Load:
    """Threads that post and read until the block ends; what they were answered, but for what is well."""

    def __init__(self, base: str, alert: str, now: int) -> None:
        self.base, self.now, self.over = base, now, threading.Event()
        self.pages = [one.format(alert) for one in PAGES]
        self.answered: Counter[str] = Counter()
        self.wrong: list[tuple[str, int, str]] = []
        readers = [threading.Thread(target=self._read, args=(place,)) for place in range(3)]
        self._threads = [*readers, threading.Thread(target=self._post)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join(60)

    def more(self) -> None:
        """Wait until many more were answered."""
        wanted, deadline = self.answered["GET"] + MANY, time.monotonic() + 60
        while self.answered["GET"] < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.answered["GET"] >= wanted

    def _note(self, answer: httpx.Response) -> None:
        self.answered[answer.request.method] += 1
        if not answer.is_success:
            self.wrong.append((str(answer.request.url), answer.status_code, answer.text[:200]))

    def _read(self, place: int) -> None:
        with httpx.Client(base_url=self.base, timeout=30) as http:
            while not self.over.is_set():
                place += 1
                self._note(http.get(self.pages[place % len(self.pages)]))

    def _post(self) -> None:
        (row,) = bare(traffic(self.now - H, 1, 1, seed=7))
        number = 0
        with httpx.Client(base_url=self.base, timeout=30) as http:
            while not self.over.is_set():
                number += 1
                self._note(http.post("/v1/models/m/predictions", json={**row, "id": f"load-{number}"}))


def test_nobody_is_refused_while_the_store_is_migrated(tmp_path: Path, postgres: Databases) -> None:
    url, port, now = postgres.migrated(), free_port(), clock.now() // H * H
    base = f"http://127.0.0.1:{port}"
    database = Database(url)
    with started(tmp_path, url, "api", port), httpx.Client(base_url=base, timeout=30) as http:
        alert, _ = fill(http, now)
    go_back(url, BEFORE)
    with started(tmp_path, url, "api", port), Load(base, alert, now) as load:
        load.more()
        assert schema.migrate(database) == (BEFORE, schema.newest())
        load.more()
    database.close()
    assert load.wrong == []
    assert load.answered["POST"]
