"""What a rule, and other ones on the same check, would have fired over readings that are stored: no measuring again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from alerting.episode import AlertState, JudgedWindow
from alerting.reading import Reading
from alerting.rules import Rule
from alerting.state import step
from alerting.words import SEVERITIES

IMMATURE_LABELS = "immature_labels"
FORS: Sequence[tuple[int, int | None]] = ((1, None), (2, None), (3, None), (3, 5))


@dataclass(frozen=True)
class Fired:
    """An episode that fired; times in microseconds at the ends of windows. ``until`` None: it is open at the end."""

    version: str | None
    segment: str | None
    severity: str
    since: int
    until: int | None
    summary: str


@dataclass(frozen=True)
class Variant:
    """A rule with another ``at`` and ``for``, what it would have fired, and whether it is the rule as it is."""

    rule: Rule
    fired: Sequence[Fired]
    current: bool


def variants(rule: Rule, readings: Sequence[Reading]) -> list[Variant]:
    """The rule as it is, then the usual ones around it, over judged readings of its check in any order."""
    others = [replace(rule, at=at, for_=for_, among=among) for at in SEVERITIES for for_, among in FORS]
    all_of_them = [rule, *(one for one in others if one != rule)]
    return [Variant(one, episodes(one, readings), one == rule) for one in all_of_them]


def episodes(rule: Rule, readings: Iterable[Reading]) -> list[Fired]:
    """Every episode that fires, the oldest first: the rule is stepped window by window, each at its own end."""
    scopes: dict[Any, dict[tuple[int, int, int], list[Reading]]] = {}
    for one in readings:
        if one.verdict is not None and one.reason != IMMATURE_LABELS:
            windows = scopes.setdefault((one.version, one.segment), {})
            windows.setdefault((one.end, one.length_hours, one.start), []).append(one)
    found = [fired for scope, windows in scopes.items() for fired in _of_scope(rule, scope, windows)]
    return sorted(found, key=lambda one: (one.since, str(one.version), str(one.segment)))


def _of_scope(
    rule: Rule, scope: tuple[str | None, str | None], windows: Mapping[tuple[int, int, int], Sequence[Reading]]
) -> Iterator[Fired]:
    state, numbers = AlertState(), count()
    quiet = replace(rule, remind=None)
    open_: dict[str, Fired] = {}
    for end, length, start in sorted(windows):
        window = JudgedWindow(length, start, end, tuple(windows[end, length, start]))
        state, said = step(quiet, state, [window], at=end, new_id=lambda: str(next(numbers)))
        for one in said:
            if one.kind in ("firing", "raised"):
                known = open_.get(one.episode.id)
                summary = one.readings[0].summary if one.readings else ""
                since = end if known is None else known.since
                open_[one.episode.id] = Fired(*scope, one.severity, since, None, summary)
            elif one.kind == "resolved" and one.episode.id in open_:
                yield replace(open_.pop(one.episode.id), until=end)
    yield from open_.values()
