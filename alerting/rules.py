"""Rules: which readings make an alert, and who is told."""

from __future__ import annotations

from dataclasses import dataclass

from alerting.words import DAY, Severity

DEFAULT_COOLDOWN = DAY


@dataclass(frozen=True, slots=True)
class Rule:
    """Judges the readings of one check. ``for_`` counts windows; ``cooldown`` and ``remind`` are microseconds.

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
