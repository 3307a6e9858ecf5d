"""Files of tests in memory where it has room: a database of PostgreSQL is three hundred files, a test's own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

import psutil

DISK = Path("/dev/shm")
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
NEEDED = 1 << 30  # bytes a worker: its server with 40 databases, the files of some tests, and the programs themselves
PREFIX, LOCK = "plimsoll-tests-", "held"
FOLDER = "PLIMSOLL_TESTS_IN_MEMORY"  # the variable that tells the processes of a run where theirs is


def folder(workers: int) -> tuple[Path, IO[bytes]] | None:
    """A new folder in memory, and its lock, which is held while it is in use; None where there is no memory disk, or
    little of it. What killed runs left is removed: nobody holds its lock (a pid may be another container's)."""
    try:
        for old in DISK.glob(f"{PREFIX}*"):
            _remove_left(old)
        if min(shutil.disk_usage(DISK).free, _memory()) < NEEDED * (workers + 1):
            return None
        made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=DISK))
        made.chmod(0o755)  # whatever the umask: PostgreSQL runs as another user where this one is root
        held = (made / LOCK).open("wb")
        fcntl.flock(held, fcntl.LOCK_EX)
    except OSError:
        return None
    return made, held


def _remove_left(old: Path) -> None:
    with contextlib.suppress(OSError), (old / LOCK).open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(old, ignore_errors=True)


def _memory() -> int:
    """Bytes that this process may have."""
    found = psutil.virtual_memory().available
    for name in LIMITS:
        with contextlib.suppress(OSError, ValueError):
            found = min(found, int(Path(name).read_text()))
    return int(found)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
