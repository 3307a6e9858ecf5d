"""How a process that runs for long keeps its memory and its threads."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
from collections.abc import Callable

_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h


def prepare() -> None:
    """One heap for all threads and for Arrow: else each keeps what it once needed, a third of the service's memory.
    One thread for linear algebra: our matrices are small, and threads that wait for one another took a quarter of the
    processor time of a replay.

    To be called before any thread is started and before numpy and Arrow are imported.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with contextlib.suppress(OSError, AttributeError):  # another libc
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def release() -> None:
    """Give what is free back to the system; called after something large, or it stays ours for good (some ms)."""
    if _trim is not None:
        _trim(0)


def _trimmer() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another libc
        return None
    return trim


_trim = _trimmer()


def settle() -> None:
    """Called once everything is imported: the cycle collector is spared what is here to stay. It took a sixth of the
    time of a check."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
