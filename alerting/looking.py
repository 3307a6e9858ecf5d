"""What one window says to a rule: at severity, clean, neither, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from alerting.episode import JudgedWindow
from alerting.reading import Reading, Series, worst_first
from alerting.rules import Rule
from alerting.words import Condition, Severity, rank

CLEAN_P_VALUE = 0.05
CHECK_FAILED = "error"
UNTESTED = ("value", "floor", "ratio")  # where these are judged, a p-value tests something else


@dataclass(frozen=True, slots=True)
class Look:
    """``severity`` is None below the rule's; ``bad`` are the readings at severity, worst first."""

    evaluated: bool
    condition: Condition
    severity: Severity | None
    bad: tuple[Reading, ...]


def look(rule: Rule, window: JudgedWindow) -> Look:
    """Judge a window by its worst judged reading."""
    told = [reading for reading in window.readings if reading.verdict in ("ok", "warning", "critical")]
    bad = tuple(worst_first(reading for reading in told if rank(reading.verdict) >= rank(rule.at)))
    severity: Severity | None = None
    if bad:
        severity = "critical" if bad[0].verdict == "critical" else "warning"
    return Look(bool(told), _condition(window, bool(told)), severity, bad)


def is_clean(series: Iterable[Series], window: JudgedWindow) -> bool:
    """Whether every one of the series is back: p at least 0.05, or inside the warning bound where there is no test.

    A series that the window does not have, or cannot tell, is not clean.
    """
    found = {reading.series: reading for reading in window.readings}
    return all(one in found and _reading_is_clean(found[one]) for one in series)


def _reading_is_clean(reading: Reading) -> bool:
    if reading.verdict is None or reading.verdict == "cannot_tell":
        return False
    if reading.p_value is not None and reading.details.get("judged") not in UNTESTED:
        return reading.p_value >= CLEAN_P_VALUE
    return reading.verdict == "ok"


def _condition(window: JudgedWindow, evaluated: bool) -> Condition:
    if evaluated:
        return "ok"
    return "error" if any(reading.reason == CHECK_FAILED for reading in window.readings) else "no_data"
