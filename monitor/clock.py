"""The only place that reads the clock. Times inside are integers: microseconds since 1970, UTC."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

MICROSECOND = 1
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_DURATION = re.compile(r"(\d+)\s*(m|h|d)")
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}


def now() -> int:
    """This moment, microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def to_datetime(moment: int) -> datetime:
    """Microseconds to an aware UTC datetime."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)


def from_datetime(moment: datetime) -> int:
    """A datetime to microseconds; one without an offset is taken as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def parse(text: str) -> int:
    """RFC 3339 to microseconds; without an offset UTC.

    Raises ValueError for anything else.
    """
    try:
        moment = from_datetime(datetime.fromisoformat(text.strip()))
        to_datetime(moment)  # in UTC it must be a date, too
    except OverflowError as error:  # the first and the last day of the calendar, elsewhere
        raise ValueError(f"{text!r} lies outside of the calendar") from error
    return moment


def render(moment: int) -> str:
    """Microseconds as RFC 3339 in UTC with ``Z``, fractions only where there are any."""
    return to_datetime(moment).replace(tzinfo=None).isoformat() + "Z"


def optional(moment: int | None) -> str | None:
    """``render``, keeping None."""
    return None if moment is None else render(moment)


def parse_duration(text: str) -> int:
    """``15m``, ``6h``, ``7d`` to microseconds.

    Raises ValueError for anything else.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration; write for example 15m, 6h or 7d")
    return int(match[1]) * _UNITS[match[2]]
