"""How a process that runs for long keeps its memory and its threads."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # M_ARENA_MAX, M_MMAP_THRESHOLD of glibc's malloc.h
_LARGE = 1 << 20  # bytes
_WRITTEN = ("Private_Dirty", "Anonymous", "Swap", "Private_Hugetlb")
_MADV_DONTNEED = 4  # of Linux's mman.h


def prepare() -> None:
    """One heap for all threads and for Arrow: else each keeps what it once needed, a third of the service's memory.
    Large arrays are given back when they are freed: glibc would put those after the first into the heap, where they
    leave holes. One thread for linear algebra: our matrices are small, and threads that wait for one another took a
    quarter of the processor time of a replay. chDB gives back at once what it needs no more, and keeps none for each of
    its 160 threads: after five seconds, as it would, a service that is busy has half as much again.

    To be called before any thread is started and before numpy and Arrow are imported.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("JE_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0,tcache:false")
    with contextlib.suppress(OSError, AttributeError):  # another libc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE)
    _arrow_without_pandas()


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, *_: Any) -> None:
        if fullname == "pandas":
            raise ImportError(fullname)


def _arrow_without_pandas() -> None:
    """Given its first list, Arrow loads pandas to see whether the list is one of pandas': 70 MB, and a fifth of the
    time that a process takes to start. We give it none of those, and pandas stays there for who imports it."""
    hidden = _NoPandas()
    sys.meta_path.insert(0, hidden)
    try:
        import pyarrow

        pyarrow.array([])
    finally:
        sys.meta_path.remove(hidden)


def release() -> None:
    """Give what is free back to the system; called after something large, or it stays ours for good (some ms)."""
    if _trim is not None:
        _trim(0)


@contextlib.contextmanager
def kept_by_no_error() -> Iterator[None]:
    """An error that ends the block keeps nothing of what its functions had at hand."""
    try:
        yield
    except Exception as error:
        empty(error)
        raise


def empty(error: BaseException) -> None:
    """Take from an error, and from those before it, what its functions had at hand: bodies, connections that could not
    be made. It stays for long: whoever hands it on and is named in it makes a ring, which only the collector takes
    apart, and that seldom comes."""
    one: BaseException | None = error
    seen: set[int] = set()  # errors that were raised again while others were handled may go round
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        traceback.clear_frames(one.__traceback__)
        one = one.__cause__ or one.__context__


def let_go_of_programs() -> None:
    """Pages of programs that starting took: the kernel brings back those that are used, less than half of them. Else
    all count as ours for good, some 100 MB. Linux only."""
    with contextlib.suppress(OSError, AttributeError):
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = (ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int)
        for start, end in _clean_programs():
            advise(start, end - start, _MADV_DONTNEED)


def _clean_programs() -> Iterator[tuple[int, int]]:
    """Addresses of what is mapped from files to be run and was never written to."""
    for told in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text("utf-8", "replace")):
        mapping = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp .* /", told)
        if mapping is not None and all(f"\n{name + ':':<16}       0 kB" in told for name in _WRITTEN):
            yield int(mapping[1], 16), int(mapping[2], 16)


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
