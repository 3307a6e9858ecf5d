"""One check on one window."""

from __future__ import annotations

from dataclasses import dataclass

from monitor import clock
from monitor.actions.run_windows import Due
from monitor.config.inventory import Check


@dataclass(frozen=True)
class Task:
    """One check on one window as of a moment; ``start`` and ``end`` in hours since 1970."""

    check: Check
    length: int
    due: Due
    as_of: int

    @property
    def end(self) -> int:
        """End hour of the window."""
        return self.due.end // clock.HOUR

    @property
    def start(self) -> int:
        """First hour of the window."""
        return self.end - self.length
