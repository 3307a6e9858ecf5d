"""The stretch of time that a page is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor import clock
from monitor.errors import Invalid

RANGES: Mapping[str, int | None] = {
    "24h": clock.DAY,
    "7d": 7 * clock.DAY,
    "30d": 30 * clock.DAY,
    "90d": 90 * clock.DAY,
    "all": None,
}
DEFAULT = "30d"
FINE = 8 * clock.DAY  # up to here every window is shown, beyond it the worst of each day


@dataclass(frozen=True)
class Stretch:
    """[start, end), microseconds; ``name`` of the range that was asked for, None for one given by its ends."""

    start: int
    end: int
    name: str | None

    @property
    def fine(self) -> bool:
        """Whether single windows are shown."""
        return self.end - self.start <= FINE


def stretch_of(given: Mapping[str, str], newest: int, oldest: int | None) -> Stretch:
    """From ``start`` and ``end``, or ``range``, of a request; ranges end at the newest data, not today.

    Raises Invalid for what cannot be read.
    """
    if given.get("start") or given.get("end"):
        return _between(given, newest, oldest)
    name = given.get("range") or DEFAULT
    if name not in RANGES:
        raise Invalid(f"{name[:20]!r} is no range; there are {', '.join(RANGES)}", field="range")
    length = RANGES[name]
    first = newest - clock.DAY if oldest is None else oldest - oldest % clock.DAY
    return Stretch(max(first, newest - length) if length else min(first, newest - clock.DAY), newest, name)


def _between(given: Mapping[str, str], newest: int, oldest: int | None) -> Stretch:
    end = _moment(given, "end") if given.get("end") else newest
    start = _moment(given, "start") if given.get("start") else (oldest or end) - clock.DAY
    if start >= end:
        raise Invalid("start must be before end", field="start")
    return Stretch(start, end, None)


def _moment(given: Mapping[str, str], name: str) -> int:
    """A time; a bare date as ``end`` takes in that day, as people mean it."""
    text = given[name].strip()
    try:
        at = clock.parse(text)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{name} is {text[:40]!r}; write a date such as 2026-01-31", field=name) from error
    return at + clock.DAY if name == "end" and len(text) == len("2026-01-31") else at
