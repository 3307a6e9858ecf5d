"""Silences: an alert that matches one changes state, and nobody is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MATCHABLE = ("model", "rule", "check", "version", "segment", "severity")


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
    """Raise BadMatcher unless there is at least one matcher, each of a known name with a text."""
    if not matchers:
        raise BadMatcher("matchers", "a silence needs at least one matcher, for example model")
    for key, value in matchers.items():
        if key not in MATCHABLE:
            raise BadMatcher(f"matchers.{key}", f"{key!r} cannot be matched; there are {', '.join(MATCHABLE)}")
        if not isinstance(value, str):
            raise BadMatcher(f"matchers.{key}", f"{key} must be a text")


def silencing(silences: Iterable[Silence], alert: Mapping[str, Any], now: int) -> Silence | None:
    """The first silence that is still valid and matches the alert, or None."""
    return next((one for one in silences if one.until > now and _matches(one.matchers, alert)), None)


def _matches(matchers: Mapping[str, str], alert: Mapping[str, Any]) -> bool:
    return all(alert.get(key) == value for key, value in matchers.items())
