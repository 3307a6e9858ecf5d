"""Everything an action or a route needs of the world, as one argument."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from monitor.settings import Settings
from monitor.store.database import Database
from monitor.store.observations.base import Observations


class Artefacts:
    """The most recently used of what never changes once it is stored: cuts, profiles."""

    def __init__(self, capacity: int = 24) -> None:
        self._capacity = capacity
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
            while len(self._held) > self._capacity:
                self._held.popitem(last=False)
        return made


@dataclass(frozen=True)
class Service:
    """Settings of the process, its store, where its predictions and labels are, and what it keeps at hand."""

    settings: Settings
    database: Database
    observations: Observations
    artefacts: Artefacts = field(default_factory=Artefacts)
