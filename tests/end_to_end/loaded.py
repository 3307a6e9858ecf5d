"""A real service in a process of its own, and ways to press it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

T = "2026-01-01T10:20:00Z"
JSON = "application/json"


@dataclass(frozen=True)
class Loaded:
    """Its address, process and store."""

    url: str
    port: int
    pid: int
    file: Path

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
def loaded(home: Path) -> Iterator[Loaded]:
    """``plimsoll serve`` on an empty store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "monitor", "serve", "--home", str(home), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with (home.parent / "serve.log").open("wb") as log:
        served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
    try:
        assert served.stdout is not None
        assert served.stdout.readline(), "the service did not start"
        yield Loaded(f"http://127.0.0.1:{port}", port, served.pid, home / "plimsoll.db")
    finally:
        served.terminate()
        served.wait(30)
        served.stdout.close()
