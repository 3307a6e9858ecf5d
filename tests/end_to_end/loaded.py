"""A real service in a process of its own, and ways to press it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests import stores
from tests.ports import free_port

T = "2026-01-01T10:20:00Z"
JSON = "application/json"


@dataclass(frozen=True)
class Loaded:
    """Its address, process and store: a file or a database."""

    url: str
    port: int
    pid: int
    store: str

    def peak(self) -> float:
        """Most resident memory since the last question, MB; it starts anew."""
        status = Path(f"/proc/{self.pid}/status").read_text("utf-8")
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", "utf-8")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1000

    def half_sent(self, model: str, size: int, sent: int) -> socket.socket:
        """A connection that announced a body of ``size`` bytes and sent ``sent`` of them."""
        head = f"POST /v1/models/{model}/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {JSON}\r\n"
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
        with contextlib.suppress(TimeoutError, OSError):
            connection.settimeout(0.2)
            connection.sendall(b" " * sent)
        return connection


def record(id_: str, **rest: Any) -> dict[str, Any]:
    return {"id": id_, "timestamp": T, "features": {"x": 1.5, "c": "u"}, "prediction": 1, **rest}


def body(*ids: str) -> bytes:
    return json.dumps([record(id_) for id_ in ids]).encode()


@contextlib.contextmanager
def held(store: str) -> Iterator[None]:
    """Another program has the store for itself."""
    if stores.is_sqlite():
        with contextlib.closing(sqlite3.connect(store, isolation_level=None, timeout=30)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield
        return
    with psycopg.connect(store) as taker:
        taker.execute("LOCK TABLE models, heartbeats")
        yield


@contextlib.contextmanager
def gone(store: str) -> Iterator[None]:
    """The server closes its connections and takes no new ones."""
    server, _, name = store.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@contextlib.contextmanager
def loaded(home: Path, **settings: str) -> Iterator[Loaded]:
    """``plimsoll serve`` on an empty store, with more settings of its environment."""
    port = free_port()
    command = [sys.executable, "-m", "monitor", "serve", "--home", str(home), "--port", str(port)]
    store = stores.environment(home)
    environment = {**os.environ, **store, **settings, "PYTHONPATH": os.getcwd()}
    with (home.parent / "serve.log").open("wb") as log:
        served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
    try:
        assert served.stdout is not None
        assert served.stdout.readline(), "the service did not start"
        yield Loaded(
            f"http://127.0.0.1:{port}", port, served.pid, store.get("PLIMSOLL_DATABASE_URL", str(home / "plimsoll.db"))
        )
    finally:
        served.terminate()
        served.wait(30)
        served.stdout.close()
