"""Whose turn it is to write among the threads of this process, where the engine takes one writer at a time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from weakref import WeakValueDictionary

from monitor.errors import StoreBusy, StoreUnavailable

LONGEST = 30.0  # seconds that a writer of this process may take
_STEP = 0.05
_SOON = 10.0  # seconds


class WriteTurn:
    """SQLite lets writers race for its lock, and the one that polls at the right moment wins. Here they queue, and can
    tell a writer of their own process, which gets on, from a file that another program holds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since_begun = False

    @property
    def is_writing(self) -> bool:
        """Whether a writer of this process has the file."""
        return self._since_begun

    @contextlib.contextmanager
    def taken(self, patience: float) -> Iterator[None]:
        """Wait for the turn, and have it until the block ends: for long where a writer of ours has the file, for
        ``patience`` seconds where it does not get it either. Raises StoreUnavailable."""
        waited, stuck = 0.0, 0.0
        while not self._lock.acquire(timeout=_STEP):
            waited += _STEP
            stuck = (
                0.0 if self._since_begun else stuck + _STEP
            )  # between two writers of ours nobody has it for a moment
            if waited >= LONGEST or stuck >= patience:
                raise StoreUnavailable("The store is held by another writer just now; nothing was stored. Try again.")
        try:
            yield
        finally:
            self._since_begun = False
            self._lock.release()

    @contextlib.contextmanager
    def given_back(self) -> Iterator[None]:
        """Let others write while the block lasts; whoever has the turn takes it again afterwards, after those who came
        in between."""
        self._since_begun = False
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
            self._since_begun = True

    def begun(self) -> None:
        """The one whose turn it is has the file."""
        self._since_begun = True


class Writers:
    """Where the engine takes many writers: nobody waits here, but it is known whether one is at work."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    @property
    def is_writing(self) -> bool:
        """Whether a writer of this process got what it holds within the last seconds: one that takes longer may
        hang."""
        newest = max(list(self._since.values()), default=0.0)
        return bool(newest) and time.monotonic() - newest < _SOON

    def begun(self) -> None:
        """This thread's writer is at work."""
        self._since[threading.get_ident()] = time.monotonic()

    def ended(self) -> None:
        """It is no more."""
        self._since.pop(threading.get_ident(), None)


class Names:
    """What units of work of this process hold by name, where the engine holds no names."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def held(self, names: Sequence[str], patience: float) -> Iterator[None]:
        """Hold them until the block ends. Raises StoreBusy where others hold one for longer than ``patience``
        (seconds)."""
        with self._lock:  # whoever waits keeps a lock alive, too
            locks = [self._locks.setdefault(name, threading.Lock()) for name in sorted(set(names))]
        with contextlib.ExitStack() as stack:
            for lock in locks:
                if not lock.acquire(timeout=patience):
                    raise StoreBusy("Another writer holds what this needs just now; nothing was stored. Try again.")
                stack.callback(lock.release)
            yield
