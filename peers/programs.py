"""Programs that run beside the tests, each in a process group of its own, and waiting for what they do."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx

T = TypeVar("T")


@dataclass
class Program:
    """A command that can be started, stopped, and killed with all that it started. Its output goes to ``log``."""

    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.log.parent,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    @property
    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """kill -9, the whole group."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and kill -9 for what does not end by it."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        for one in (how, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, one)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        self.process = None


@contextlib.contextmanager
def running(*programs: Program) -> Iterator[None]:
    """Start them; at the end they are stopped, the last one first."""
    with contextlib.ExitStack() as until:
        for one in programs:
            until.callback(one.stop)
            one.start()
        yield


def until(what: str, ask: Callable[[], T | None], seconds: float, pause: float = 0.25) -> T:
    """The first answer that is something; fails, saying ``what`` did not happen, when the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        time.sleep(pause)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


def answers(url: str, program: Program, seconds: float = 180) -> None:
    """Wait until an address answers with 2xx; fails with what the program wrote where it ends before."""

    def ask() -> bool:
        assert program.lives, program.log.read_text("utf-8", "replace")[-3000:]
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(url, timeout=5).is_success
        return False

    until(f"{url} answers", ask, seconds)
