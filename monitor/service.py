"""Everything an action or a route needs of the world, as one argument."""

from __future__ import annotations

import contextlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

from monitor.errors import Overloaded
from monitor.settings import Settings
from monitor.store.database import Database
from monitor.store.observations.base import Apart, Observations

REPEAT = 10  # seconds after which to ask again for what takes long
CURVES_BYTES = 60_000_000  # of how labels arrive: up to a megabyte a model
QUIET_BYTES = 120_000_000  # of the weeks that references have learned from
SEGMENTS_BYTES = 60_000_000  # of segments' profiles, without what is derived from them; they may be many


class Artefacts:
    """The most recently used of what never changes once it is stored: cuts, profiles. At most so many, and (but for
    the newest) so many bytes of those that tell their size by ``nbytes``."""

    def __init__(self, capacity: int = 24, most_bytes: int | None = None) -> None:
        self._capacity = capacity
        self._most_bytes = most_bytes
        self._held: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What is held under the key, made when it is not."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        made = make()
        with self._lock:
            self._held[key] = made
            while len(self._held) > 1 and self._is_full():
                self._held.popitem(last=False)
        return made

    def find(self, key: Hashable) -> Any:
        """What is held under the key; None where nothing is."""
        with self._lock:
            return self._held.get(key)

    def drop(self, key: Hashable) -> None:
        """Hold nothing under the key."""
        with self._lock:
            self._held.pop(key, None)

    def clear(self) -> None:
        """Hold nothing."""
        with self._lock:
            self._held.clear()

    def _is_full(self) -> bool:
        if len(self._held) > self._capacity:
            return True
        return self._most_bytes is not None and sum(one.nbytes for one in self._held.values()) > self._most_bytes


class Turns:
    """Of each model one thread of this process at a time, where the store of predictions does not see to that.
    ``holder``: the name of this process."""

    def __init__(self) -> None:
        self.holder = secrets.token_hex(8)
        self._locks: dict[int, Lock] = {}
        self._lock = Lock()

    def of(self, model_id: int) -> Lock:
        """The model's lock."""
        with self._lock:
            return self._locks.setdefault(model_id, Lock())


@dataclass(frozen=True)
class Service:
    """Settings of the process, its store, where its predictions and labels are, and what it keeps at hand."""

    settings: Settings
    database: Database
    observations: Observations
    artefacts: Artefacts = field(default_factory=Artefacts)
    of_segments: Artefacts = field(default_factory=lambda: Artefacts(2000, SEGMENTS_BYTES))
    quiet: Artefacts = field(default_factory=lambda: Artefacts(48, QUIET_BYTES))
    curves: Artefacts = field(default_factory=lambda: Artefacts(2000, CURVES_BYTES))
    learned: Artefacts = field(default_factory=lambda: Artefacts(16))  # trees, some megabytes each
    explanations: Artefacts = field(default_factory=lambda: Artefacts(32))
    turns: Turns = field(default_factory=Turns)
    explaining: Lock = field(default_factory=Lock)  # one at a time: each takes seconds of a processor
    elsewhere: Callable[[Path], Service] | None = None  # a service of the same kind on a new store in a folder
    stopping: Event = field(default_factory=Event)  # set once the process is told to stop: nothing new is begun
    deletions: list[int] = field(default_factory=list)  # that were known when something was last kept at hand

    def keep_up(self, deletions: int) -> None:
        """Forget what is kept at hand when a model was deleted since: the next one may get its numbers."""
        if self.deletions != [deletions]:
            for held in self._held():
                held.clear()
            self.deletions[:] = [deletions]

    def _held(self) -> tuple[Artefacts, ...]:
        return self.artefacts, self.of_segments, self.quiet, self.curves, self.learned, self.explanations

    @contextlib.contextmanager
    def alone(self, patience: float = 0.0) -> Iterator[None]:
        """A block of long work, one at a time. Raises Overloaded where another is not over within ``patience``
        (seconds)."""
        if not self.explaining.acquire(timeout=patience):
            raise Overloaded("Something else is being worked out just now; ask again in a moment", retry_after=REPEAT)
        try:
            yield
        finally:
            self.explaining.release()

    def close(self) -> None:
        """Give all connections back."""
        self.database.close()
        if isinstance(self.observations, Apart):
            self.observations.close()
