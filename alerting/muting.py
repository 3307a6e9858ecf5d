"""Silences: an alert that matches one changes state, and nobody is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from alerting.words import DAY, SEVERITIES

MATCHABLE = ("model", "rule", "check", "version", "segment", "severity", "owner")


ENDS_WITH = ("next_version", "retraining_ends")  # what a silence may wait for in place of a time
LONGEST_WAIT = 30 * DAY  # for it: nothing is silent for ever


class BadMatcher(ValueError):
    """A silence that cannot be understood; ``key`` is the matcher at fault."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class Silence:
    """Every matcher must equal the alert's field of that name. ``until`` is microseconds since 1970 UTC."""

    id: str
    matchers: Mapping[str, str]
    until: int


def check_matchers(matchers: Mapping[str, Any]) -> None:
    """Raise BadMatcher unless there is at least one matcher, each of a known name with a text that an alert can have:
    anything else would hold for nothing, and nobody would notice."""
    if not matchers:
        raise BadMatcher("matchers", "a silence needs at least one matcher, for example model")
    for key, value in matchers.items():
        if key not in MATCHABLE:
            raise BadMatcher(f"matchers.{key}", f"{key!r} cannot be matched; there are {', '.join(MATCHABLE)}")
        if not isinstance(value, str) or not value:
            raise BadMatcher(f"matchers.{key}", f"{key} must be a text, and not an empty one")
        if key == "severity" and value not in SEVERITIES:
            raise BadMatcher(f"matchers.{key}", f"severity is one of {', '.join(SEVERITIES)}, not {value!r}")
        if key == "segment" and value.find("=") < 1:
            raise BadMatcher(
                f"matchers.{key}", f"a segment is written column=value, for example origin=JFK, not {value!r}"
            )


def silencing(silences: Iterable[Silence], alert: Mapping[str, Any], now: int) -> Silence | None:
    """The first silence that is still valid and matches the alert, or None."""
    return next((one for one in silences if one.until > now and matches(one.matchers, alert)), None)


def ending(
    waits_for: str,
    *,
    made_at: int,
    version_then: str | None,
    newer_versions: Iterable[str],
    retrainings: Iterable[tuple[int, int | None]],
) -> str | None:
    """Why a silence that waits for something ends now, or None. ``newer_versions`` began after the newest one of then;
    ``retrainings`` are (requested, ended) in the clock's time, ended None for those that are open."""
    if waits_for == "next_version":
        newer = next(iter(newer_versions), None)
        return None if newer is None else f"version {newer} came after {version_then or 'rows without a version'}"
    runs = list(retrainings)
    if any(ended is None for _, ended in runs) or not any((ended or 0) >= made_at for _, ended in runs):
        return None
    return "the retraining ended"


def matches(matchers: Mapping[str, str], alert: Mapping[str, Any]) -> bool:
    """Whether every matcher equals the alert's field of that name."""
    return all(alert.get(key) == value for key, value in matchers.items())
