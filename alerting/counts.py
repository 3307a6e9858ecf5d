"""Counting the windows of one length within an episode: how many at severity, how many clean, in which order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from alerting.episode import Count, JudgedWindow, Outcome
from alerting.looking import Look, is_clean
from alerting.reading import Series
from alerting.rules import Rule

WHOLE = 0.999  # of the rows
REMEMBERED = 24  # windows that a late correction can still reach


def outcome_of(series: Collection[Series], window: JudgedWindow, seen: Look) -> Outcome:
    """What a window that could be told says to an episode that is about these series."""
    if seen.severity is not None:
        return "bad"
    return "clean" if is_clean(series, window) else "between"


def counted(rule: Rule, count: Count, window: JudgedWindow, seen: Look, outcome: Outcome) -> Count:
    """The count with one more window that could be told."""
    kept = max(REMEMBERED, rule.looked_at)
    recent = (*count.recent, (window.end, outcome))
    gone = recent[:-kept]
    return replace(
        count,
        at_severity=count.at_severity + 1 if outcome == "bad" else 0,
        clean=count.clean + 1 if outcome == "clean" else 0,
        seen=count.seen or outcome == "bad",
        recent=recent[-kept:],
        dropped=count.dropped or any(one == "bad" for _, one in gone),
        **_newest(window, seen),
    )


def _newest(window: JudgedWindow, seen: Look) -> dict[str, Any]:
    return {
        "bad": frozenset(one.series for one in seen.bad),
        "whole": frozenset(one.series for one in seen.bad if (one.value or 0.0) >= WHOLE),
        "features": len({one.feature for one in window.readings if one.feature is not None}),
    }


def amended(count: Count, window: JudgedWindow, seen: Look, outcome: Outcome) -> Count:
    """The count with another outcome of a window that it remembers."""
    recent = tuple((end, outcome if end == window.end else one) for end, one in count.recent)
    newest = bool(recent) and recent[-1][0] == window.end
    told = _newest(window, seen) if newest else {}
    return replace(count, at_severity=_run(recent, "bad"), clean=_run(recent, "clean"), recent=recent, **told)


def remembered(count: Count | None, end: int) -> Outcome | None:
    """What the window that ends there said when it was counted; None where it was not, or is forgotten."""
    return None if count is None else next((one for at, one in count.recent if at == end), None)


def holds(count: Count) -> bool:
    """Whether any window was at severity in this episode, as far as is known now."""
    return count.dropped or any(one == "bad" for _, one in count.recent)


def reached(rule: Rule, count: Count) -> bool:
    """Whether enough of the last windows are at severity to fire."""
    return _bad(count.recent[-rule.looked_at :]) >= rule.for_


def reachable(rule: Rule, count: Count) -> bool:
    """Whether windows to come could make it fire together with one that is counted already."""
    return any(
        _bad(count.recent[-(rule.looked_at - more) :]) >= max(1, rule.for_ - more) for more in range(1, rule.looked_at)
    )


def _bad(recent: Sequence[tuple[int, Outcome]]) -> int:
    return sum(one == "bad" for _, one in recent)


def _run(recent: Sequence[tuple[int, Outcome]], wanted: Outcome) -> int:
    found = 0
    for _, one in reversed(recent):
        if one != wanted:
            break
        found += 1
    return found
