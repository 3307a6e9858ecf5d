"""Files of tests in memory where it has room: a database of PostgreSQL is three hundred files, a test's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil

DISK = Path("/dev/shm")
NEEDED = 4 << 30  # bytes; containers often have 64 MB
PREFIX = "plimsoll-tests-"
FOLDER = "PLIMSOLL_TESTS_IN_MEMORY"  # the variable that tells the processes of a run where theirs is


def folder() -> Path | None:
    """A new folder of this process in memory; None where there is none, or little. Those of processes that are gone
    are removed."""
    try:
        for old in DISK.glob(f"{PREFIX}*"):
            if not psutil.pid_exists(int(old.name.removeprefix(PREFIX))):
                shutil.rmtree(old, ignore_errors=True)
        if min(shutil.disk_usage(DISK).free, psutil.virtual_memory().available) < NEEDED:
            return None
        made = DISK / f"{PREFIX}{os.getpid()}"
        made.mkdir(mode=0o755, exist_ok=True)
    except (OSError, ValueError):
        return None
    return made
