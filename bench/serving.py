"""A service of its own process on new, empty stores."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.ingest import database_of, wait_until_up
from tests.ports import free_port

ENGINES = ("sqlite", "postgres", "chdb")


@contextlib.contextmanager
def serving(engine: str) -> Iterator[tuple[str, int]]:
    """Where it answers, and its process; of ``chdb`` predictions and labels are in the embedded engine, the rest in
    SQLite."""
    port = free_port()
    with tempfile.TemporaryDirectory() as home, database_of("sqlite" if engine == "chdb" else engine) as url:
        command = [sys.executable, "-m", "monitor", "serve", "--home", home, "--port", str(port)]
        command += ["--observations-url", f"chdb://{Path(home) / 'observations'}"] if engine == "chdb" else []
        where = {} if url is None else {"PLIMSOLL_DATABASE_URL": url}
        nothing = subprocess.DEVNULL
        service = subprocess.Popen(command, env={**os.environ, **where}, stdout=nothing, stderr=nothing)
        base = f"http://127.0.0.1:{port}"
        try:
            with httpx.Client(base_url=base, timeout=60) as http:
                wait_until_up(http)
            yield base, service.pid
        finally:
            service.terminate()
            service.wait()
            os.sync()
