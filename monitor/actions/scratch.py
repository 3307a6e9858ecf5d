"""A folder for what is worked out on the side: beside the store, since it holds rows of it, and gone afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

FOLDER, PREFIX, LOCK = "scratch", "copy-", "held"
_MINE: set[Path] = set()  # of this process: in another container another may have its number


@contextlib.contextmanager
def scratch(home: Path) -> Iterator[Path]:
    """An empty folder below ``home`` for this block; nobody else may look into it. What killed processes left goes
    first."""
    sweep(home)
    place = home / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as until:
        with _nobody_else(place):
            made = tempfile.TemporaryDirectory(prefix=PREFIX, dir=place, ignore_cleanup_errors=True)
            folder = Path(until.enter_context(made))
            _MINE.add(folder)
            until.callback(_MINE.discard, folder)
            held = until.enter_context((folder / LOCK).open("wb"))
            fcntl.flock(held, fcntl.LOCK_EX)
        yield folder


def sweep(home: Path) -> int:
    """Remove the folders that no process holds any more; how many there were."""
    place = home / FOLDER
    if not place.is_dir():
        return 0
    with _nobody_else(place):
        left = [folder for folder in place.glob(f"{PREFIX}*") if not _is_held(folder)]
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
    return len(left)


def clear(home: Path) -> None:
    """Remove what this process holds: it ends, and those who work on it do not come to their own end."""
    place = (home / FOLDER).resolve()
    for folder in [one for one in tuple(_MINE) if one.resolve().parent == place]:
        shutil.rmtree(folder, ignore_errors=True)


def _is_held(folder: Path) -> bool:
    """Whether the process that made it is alive: the lock of one that was killed is free."""
    try:
        with (folder / LOCK).open("rb+") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


@contextlib.contextmanager
def _nobody_else(place: Path) -> Iterator[None]:
    """Folders are made and swept one process at a time: one that has no lock yet is not taken for left."""
    here = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(here, fcntl.LOCK_EX)
        yield
    finally:
        os.close(here)
