"""Rules: which readings make an alert, and who is told."""

from __future__ import annotations

import re
from dataclasses import dataclass

from alerting.words import DAY, Severity

DEFAULT_COOLDOWN = DAY
MOST_WINDOWS = 100
_FOR = re.compile(r"(\d{1,3})(?: of (\d{1,3}))?")


@dataclass(frozen=True, slots=True)
class Rule:
    """Judges the readings of one check. ``for_`` counts windows; ``cooldown`` and ``remind`` are microseconds.

    ``among``: so many of the last windows that could be told must hold ``for_`` at severity; None: they are in a row.
    ``notify`` names channels, ``trigger`` a trigger; ``remind`` None means that nobody is told twice.
    """

    name: str
    check: str
    at: Severity = "warning"
    for_: int = 1
    notify: tuple[str, ...] = ()
    trigger: str | None = None
    cooldown: int = DEFAULT_COOLDOWN
    remind: int | None = None
    among: int | None = None

    @property
    def looked_at(self) -> int:
        """How many of the last windows decide whether it fires."""
        return self.for_ if self.among is None else self.among


def parse_for(given: int | str) -> tuple[int, int | None]:
    """``2`` to (2, None) and ``2 of 5`` to (2, 5): windows at severity, and among how many.

    Raises ValueError for anything else, or for numbers outside 1 to 100.
    """
    found = _FOR.fullmatch(str(given).strip())
    if found is None:
        raise ValueError(f"{given!r} is no count of windows; write 2 (in a row), or '2 of 5'")
    count, among = int(found[1]), None if found[2] is None else int(found[2])
    if not 1 <= count <= (count if among is None else among) <= MOST_WINDOWS:
        raise ValueError(f"{given!r}: write 1 to {MOST_WINDOWS} windows, and no more of them than are looked at")
    return count, among
