"""Which changes a channel takes, and when it wants quiet: ``only`` and ``quiet``, which every channel may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from alerting.options import BadSetting
from alerting.words import SECOND, SEVERITIES, Severity, rank, to_datetime

COMMON = ("only", "quiet")
Threading = Literal["none", "split", "whole"]
_LISTS = ("models", "owners", "segments")


@dataclass(frozen=True, slots=True)
class Only:
    """What a channel is told of; an empty tuple is everything. ``segments`` are columns, or ``column=value``."""

    models: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    severity: Severity = "warning"

    def takes(self, alert: Mapping[str, Any]) -> bool:
        """Whether a change of this alert, as the API shows it, is for the channel."""
        if rank(str(alert["severity"])) < rank(self.severity):
            return False
        segment = str(alert.get("segment") or "")
        return (
            (not self.models or alert["model"] in self.models)
            and (not self.owners or alert.get("owner") in self.owners)
            and (not self.segments or any(segment == one or segment.startswith(f"{one}=") for one in self.segments))
        )


@dataclass(frozen=True, slots=True)
class Quiet:
    """From ``start`` to ``end`` by the clocks of ``zone``, messages of at most ``severity`` wait."""

    start: time
    end: time
    zone: ZoneInfo
    severity: Severity = "warning"

    def until(self, now: int) -> int | None:
        """When the quiet that holds at ``now`` (microseconds) ends, or None where none holds."""
        local = to_datetime(now).astimezone(self.zone)
        for days in (-1, 0):  # it may have begun yesterday
            day = local.date() + timedelta(days=days)
            begins = datetime.combine(day, self.start, self.zone)
            over = datetime.combine(day + timedelta(days=self.end <= self.start), self.end, self.zone)
            if begins.astimezone(UTC) <= local.astimezone(UTC) < over.astimezone(UTC):
                return int(over.timestamp()) * SECOND
        return None


@dataclass(frozen=True, slots=True)
class Route:
    """What the plan has to know of a channel.

    ``one_by_one``: each transition is a message of its own. ``threading``: how later changes answer the message that
    told of their alert: not at all, split into its threads, or the whole message in the thread of the first.
    ``edits``: that message is rewritten when things stand otherwise.
    """

    one_by_one: bool
    threading: Threading = "none"
    edits: bool = False
    only: Only = Only()
    quiet: Quiet | None = None

    def not_before(self, severities: Sequence[str], now: int) -> int | None:
        """When a message about alerts of these severities may go out at the earliest, None for at once."""
        if self.quiet is None or max(map(rank, severities), default=0) > rank(self.quiet.severity):
            return None
        return self.quiet.until(now)


def heard_by(names: Sequence[str], routes: Mapping[str, Route], alert: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of the channels that take a change of this alert."""
    return tuple(name for name in names if name in routes and routes[name].only.takes(alert))


def parse_only(raw: Mapping[str, Any]) -> Only:
    """``only`` of a channel's settings; raises BadSetting."""
    given = _object(raw, "only", (*_LISTS, "severity"))
    lists = {}
    for key in _LISTS:
        value = given.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise BadSetting(f"only.{key}", f"only.{key} must be a list of texts")
        lists[key] = tuple(value)
    for segment in lists["segments"]:
        if segment.startswith("="):
            raise BadSetting("only.segments", f"{segment!r} is no segment: write a column, or column=value")
    return Only(**lists, severity=_severity(given, "only"))


def parse_quiet(raw: Mapping[str, Any]) -> Quiet | None:
    """``quiet`` of a channel's settings; raises BadSetting."""
    if "quiet" not in raw:
        return None
    given = _object(raw, "quiet", ("from", "to", "timezone", "severity"))
    start, end = _clock(given, "from"), _clock(given, "to")
    if start == end:
        raise BadSetting("quiet.to", "quiet.to is the same as quiet.from; a channel that is never told is left out")
    return Quiet(start, end, _zone(given), _severity(given, "quiet"))


def _object(raw: Mapping[str, Any], key: str, known: Sequence[str]) -> Mapping[str, Any]:
    given = raw.get(key, {})
    if not isinstance(given, Mapping):
        raise BadSetting(key, f"{key} must be an object with {', '.join(known)}")
    for name in given:
        if name not in known:
            raise BadSetting(f"{key}.{name}", f"{name!r} is not known in {key}; there are {', '.join(known)}")
    return given


def _severity(given: Mapping[str, Any], where: str) -> Severity:
    value = given.get("severity", "warning")
    if value not in SEVERITIES:
        raise BadSetting(f"{where}.severity", f"{where}.severity is one of {', '.join(SEVERITIES)}")
    return cast(Severity, value)


def _clock(given: Mapping[str, Any], key: str) -> time:
    try:
        found = time.fromisoformat(str(given.get(key, "")))
    except ValueError as error:
        raise BadSetting(f"quiet.{key}", f'quiet.{key} must be a time of day in quotes, such as "22:00"') from error
    if found.tzinfo is not None:
        raise BadSetting(f"quiet.{key}", f"quiet.{key} must be without an offset; write timezone beside it")
    return found


def _zone(given: Mapping[str, Any]) -> ZoneInfo:
    name = given.get("timezone", "UTC")
    try:
        return ZoneInfo(str(name))
    except (ValueError, OSError, LookupError) as error:
        raise BadSetting("quiet.timezone", f"{name!r} is no time zone; write for example Europe/Berlin") from error
