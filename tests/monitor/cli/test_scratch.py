"""Copies that backtests work on: below HOME, and gone afterwards, however a process ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from monitor.actions.scratch import FOLDER, PREFIX, clear, scratch, sweep
from monitor.bootstrap import build
from monitor.settings import load
from tests.monitor.cli.running import environment
from tests.monitor.world import T0, D, World, traffic

HOLDS = """
import os, pathlib, signal, sys
from monitor.actions.scratch import scratch
with scratch(pathlib.Path(sys.argv[1])) as folder:
    (folder / "rows").write_text("raw")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def copies(home: Path) -> list[Path]:
    return sorted((home / FOLDER).glob("*"))


def until(what: Callable[[], object], seconds: float = 60) -> bool:
    ends = time.monotonic() + seconds
    while not what() and time.monotonic() < ends:
        time.sleep(0.02)
    return bool(what())


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    assert sweep(tmp_path) == 0
    done = subprocess.run([sys.executable, "-c", HOLDS, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    (left,) = copies(tmp_path)
    assert (left / "rows").read_text() == "raw"
    with scratch(tmp_path) as one:  # sweeps
        assert copies(tmp_path) == [one]
        assert (one.stat().st_mode & 0o777) == 0o700
        with scratch(tmp_path) as other:
            assert copies(tmp_path) == sorted([one, other])
            assert sweep(tmp_path) == 0
    assert copies(tmp_path) == []


def test_a_backtest_that_is_ended_leaves_nothing(tmp_path: Path) -> None:
    service = build(load({}, home=tmp_path))
    world = World(service)
    world.reference(traffic(T0, 24 * 14, 10))
    world.post(traffic(T0 + 14 * D, 24 * 30, 10, seed=2))
    service.close()
    command = [sys.executable, "-m", "monitor", "backtest", "--model", "m"]
    with subprocess.Popen(command, env=environment(tmp_path, PYTHONPATH=os.pathsep.join(sys.path))) as process:
        assert until(lambda: copies(tmp_path) and any(copies(tmp_path)[0].iterdir()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert copies(tmp_path) == []


def test_a_process_that_ends_clears_what_is_its_own_alone(tmp_path: Path) -> None:
    """Two containers on one volume may both be process 1."""
    theirs = tmp_path / FOLDER / f"{PREFIX}{os.getpid()}-theirs"
    with scratch(tmp_path) as mine:
        theirs.mkdir()
        clear(tmp_path)
        assert (mine.exists(), theirs.exists()) == (False, True)
