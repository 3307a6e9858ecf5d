"""Windows that are known better now, as labels and rows came late: they correct the open episode, and fire nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from alerting.counts import amended, holds, outcome_of, reachable, remembered
from alerting.episode import CORRECTED, NOT_CONFIRMED, RECOVERED, AlertState, JudgedWindow, Transition
from alerting.flapping import STABLE, waits_for
from alerting.looking import Look, look
from alerting.reading import Series, worst_first
from alerting.rules import Rule
from alerting.timeline import ended, named, needed, open_episode, said


def correct(
    rule: Rule, state: AlertState, window: JudgedWindow, at: int, clean_windows: int
) -> tuple[AlertState, list[Transition]]:
    """Judge a window again that the open episode has counted; it may end for that."""
    episode, count = state.episode, state.counts.get(window.length_hours)
    was, seen = remembered(count, window.end), look(rule, window)
    if episode is None or count is None or was is None or not seen.evaluated:
        return state, []
    now = outcome_of(episode.series, window, seen)
    if now == was:
        return state, []
    state = replace(state, counts={**state.counts, window.length_hours: amended(count, window, seen, now)})
    if "bad" not in (was, now):
        return state, []
    before = "at severity" if was == "bad" else "below it"
    reason = f"{now_known(window, seen, episode.series)}; it was {before} when it was judged"
    noted = said("corrected", at, reason, episode, window, worst_first(window.readings))
    after, more = _settled(rule, state, window, at, clean_windows)
    return after, [noted, *more]


def now_known(window: JudgedWindow, seen: Look, about: Collection[Series]) -> str:
    """What a window that was judged before says now, in words: of what the alert is ``about``, if it says that."""
    told = seen.bad or tuple(worst_first(one for one in window.readings if one.verdict not in (None, "cannot_tell")))
    told = tuple(one for one in told if one.series in about) or told
    verdict = f"at {seen.severity}" if seen.severity else "ok"
    return f"with what is known now, {named(window)} is {verdict}: {told[0].summary}"


def _settled(
    rule: Rule, state: AlertState, window: JudgedWindow, at: int, clean_windows: int
) -> tuple[AlertState, list[Transition]]:
    episode = open_episode(state)
    counts = state.counts.values()
    if episode.state == "pending":
        if any(reachable(rule, one) for one in counts):
            return state, []
        reason = f"{needed(rule)} cannot be reached with the corrected windows"
        return ended("not_confirmed", NOT_CONFIRMED, reason, state, window, at)
    if not any(holds(one) for one in counts):
        reason = "with what is known now, none of its windows was at severity"
        return ended("resolved", CORRECTED, reason, state, window, at)
    wanted = STABLE if episode.unstable else clean_windows
    if waits_for(state.counts, wanted):
        return state, []
    reason = f"{wanted} clean windows in a row, as corrected"
    return ended("resolved", RECOVERED, reason, state, window, at)
