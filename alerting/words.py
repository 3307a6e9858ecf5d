"""The words this core shares with the others, and how times and numbers are written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Verdict = Literal["ok", "warning", "critical", "cannot_tell"]
Severity = Literal["warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("warning", "critical")
Condition = Literal["ok", "no_data", "error"]

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
SEVERITY_RANK: Mapping[str | None, int] = {"warning": 1, "critical": 2}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


WRITTEN = "%-d %b %Y, %H:%M UTC"  # a moment as people read it


def to_datetime(moment: int) -> datetime:
    """Microseconds since 1970 to an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=moment)


def rfc3339(moment: int) -> str:
    """Microseconds since 1970 as RFC 3339 with ``Z``, fractions only where there are any."""
    return to_datetime(moment).replace(tzinfo=None).isoformat() + "Z"


def in_words(moment: int) -> str:
    """Microseconds since 1970 for people: ``1 Jul 2013, 16:00 UTC``."""
    return to_datetime(moment).strftime(WRITTEN)


def duration(length: int) -> str:
    """Microseconds in words for people: ``24 hours``, ``7 days``, ``30 minutes``."""
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (60 * SECOND, "minute"), (SECOND, "second")):
        if length >= unit and length % unit == 0 and not (unit == DAY and length == DAY):
            count = length // unit
            return f"{count} {name}" if count == 1 else f"{count} {name}s"
    return f"{length / SECOND:g} seconds"


def hours(length: int) -> str:
    """A window's length as the configuration writes it: ``24h``, ``7d``."""
    return f"{length // 24}d" if length % 24 == 0 and length > 24 else f"{length}h"


def rank(severity: str | None) -> int:
    """0 for anything that is no severity, 1 for warning, 2 for critical."""
    return SEVERITY_RANK.get(severity, 0)


def percent(share: float) -> str:
    """A share as a percentage with as many digits as it deserves: ``12``, ``1.4``, ``0.03``."""
    scaled = 100 * share
    size = abs(scaled)
    digits = 0 if size >= 10 or size == 0 else 1 if size >= 0.95 else 2 if size >= 0.095 else 3
    text = f"{scaled:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: float) -> str:
    """A number for people, three significant digits, large ones in full: ``0.845``, ``41``, ``12,300``; beyond
    10^15 as ``2.1e+16``."""
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.3g}"


_PLAIN = frozenset({str, int, bool, type(None)})


def finite(value: Any) -> Any:
    """The same as plain JSON values: every NaN and infinity is None, numpy's numbers and arrays are Python's."""
    if value.__class__ in _PLAIN:  # nearly all are, of tens in each of thousands of readings
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        numbers = set(map(type, value)) == {float} and math.isfinite(sum(value))  # and so is each of them: many cuts
        return list(value) if numbers else [finite(inner) for inner in value]
    return value


def parse_duration(text: str) -> int:
    """``15m``, ``6h``, ``7d`` to microseconds.

    Raises ValueError for anything else.
    """
    count, unit = text[:-1], text[-1:]
    if not count.isdigit() or unit not in _UNITS:
        raise ValueError(f"{text!r} is no duration; write for example 15m, 6h or 7d")
    return int(count) * _UNITS[unit]


_UNITS = {"m": 60 * SECOND, "h": HOUR, "d": DAY}
