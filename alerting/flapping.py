"""An alert that fires, resolves and fires again: one notice that it is unstable, and quiet until it is not.

Everything is counted in windows that could be told, for each window length apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from alerting.episode import AlertState, Count
from alerting.words import hours

FIRINGS = 3  # so many firings ...
WITHIN = 24  # ... within so many windows of a length are unstable
STABLE = 6  # so many windows in a row, all clean or all at severity, are calm again


def aged(state: AlertState, length: int) -> AlertState:
    """One more window of a length could be told; firings that are long ago are forgotten."""
    if length not in state.fired:
        return state
    ages = tuple(age + 1 for age in state.fired[length] if age + 1 < WITHIN)
    others = {other: ages for other, ages in state.fired.items() if other != length}
    return replace(state, fired={**others, length: ages} if ages else others)


def with_firing(state: AlertState, length: int) -> AlertState:
    """It fires in the newest window of a length."""
    return replace(state, fired={**state.fired, length: (*state.fired.get(length, ()), 0)})


def is_unstable(state: AlertState, length: int) -> bool:
    """Whether it fired too often of late."""
    return len(state.fired.get(length, ())) >= FIRINGS


def why_unstable(state: AlertState, length: int) -> str:
    """What the one notice says."""
    times = len(state.fired.get(length, ()))
    return (
        f"unstable: it fired {times} times within {WITHIN} windows of {hours(length)}; it stays open until {STABLE} "
        "windows in a row are all clean or all at severity, and what it does until then is noted here and not told"
    )


def calmed(state: AlertState) -> AlertState:
    """No firing is held against it any more."""
    return replace(state, fired={})


def waits_for(counts: Mapping[int, Count], clean: int) -> bool:
    """Whether a length that was at severity in this episode has fewer clean windows in a row."""
    return any(count.seen and count.clean < clean for count in counts.values())
