"""The life of an alert, counted in evaluated windows: pending, firing, resolved.

``step`` is a pure function: the state before and the new windows in, the state after and what changed out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from alerting.episode import (
    NOT_CONFIRMED,
    RECOVERED,
    AlertState,
    Count,
    Episode,
    JudgedWindow,
    Transition,
    TransitionKind,
)
from alerting.looking import Look, is_clean, look
from alerting.reading import Reading
from alerting.rules import Rule
from alerting.words import Condition, Severity, duration, hours, in_words, rank

CLEAN_WINDOWS = 2
EVIDENCE = 20


def step(
    rule: Rule, state: AlertState, windows: Sequence[JudgedWindow], *, at: int, new_id: Callable[[], str]
) -> tuple[AlertState, list[Transition]]:
    """Take the windows in order of their end. ``at`` is the run's as_of; ``new_id`` names a new episode.

    What fires and rises in one step is one firing.
    """
    transitions: list[Transition] = []
    for window in sorted(windows, key=lambda one: (one.end, one.length_hours)):
        state, said = _take(rule, state, window, at, new_id)
        transitions += said
    state, reminders = _remind(rule, state, windows, at)
    return state, _one_firing([*transitions, *reminders])


def _take(
    rule: Rule, state: AlertState, window: JudgedWindow, at: int, new_id: Callable[[], str]
) -> tuple[AlertState, list[Transition]]:
    seen = look(rule, window)
    if state.episode is None:
        if seen.severity is None:
            return state, []
        bad = frozenset(reading.series for reading in seen.bad)
        episode = Episode(new_id(), "pending", seen.severity, started_at=at, series=bad)
        state = AlertState(episode)
        opening = [_said("pending", at, _opened(rule, window, seen), episode, window, seen.bad)]
    else:
        opening = []
    if not seen.evaluated:
        return _uncounted(state, window, seen, at)
    state, said = _counted_in(state, window, at)
    after, more = _at_severity(rule, state, window, seen, at) if seen.severity else _below(rule, state, window, at)
    return after, [*opening, *said, *more]


def _opened(rule: Rule, window: JudgedWindow, seen: Look) -> str:
    need = "" if rule.for_ == 1 else f"; it fires at {rule.for_} in a row"
    return f"{_named(window)} is at {seen.severity}: {seen.bad[0].summary}{need}"


def _at_severity(
    rule: Rule, state: AlertState, window: JudgedWindow, seen: Look, at: int
) -> tuple[AlertState, list[Transition]]:
    before = _open(state)
    count = state.counts.get(window.length_hours, Count())
    counts = {
        **state.counts,
        window.length_hours: replace(count, at_severity=count.at_severity + 1, clean=0, seen=True),
    }
    severity = _worse(before.severity, seen.severity)
    episode = replace(before, severity=severity, series=before.series | {reading.series for reading in seen.bad})
    if before.state == "pending":
        if counts[window.length_hours].at_severity < rule.for_:
            return AlertState(episode, counts), []
        episode = replace(episode, state="firing", fired_at=at, notified_at=at)
        reason = f"{_in_a_row(rule, window)} at {_at_least(rule)}, as the rule asks"
        return AlertState(episode, counts), [_said("firing", at, reason, episode, window, seen.bad)]
    if severity == before.severity:
        return AlertState(episode, counts), []
    episode = replace(episode, notified_at=at, acknowledged=False)
    reason = f"from {before.severity} to {severity} in {_named(window)}"
    return AlertState(episode, counts), [_said("raised", at, reason, episode, window, seen.bad)]


def _below(rule: Rule, state: AlertState, window: JudgedWindow, at: int) -> tuple[AlertState, list[Transition]]:
    episode = _open(state)
    count = state.counts.get(window.length_hours, Count())
    clean = count.clean + 1 if is_clean(episode.series, window) else 0
    counts = {**state.counts, window.length_hours: replace(count, at_severity=0, clean=clean)}
    if episode.state == "pending":
        if any(other.at_severity for other in counts.values()):
            return AlertState(episode, counts), []
        reason = f"{_named(window)} is below {rule.at} before {rule.for_} in a row were reached"
        return _ended("not_confirmed", NOT_CONFIRMED, reason, episode, window, at)
    waiting = [length for length, other in counts.items() if other.seen and other.clean < CLEAN_WINDOWS]
    if waiting:
        return AlertState(episode, counts), []
    lengths = " and ".join(hours(length) for length, other in sorted(counts.items()) if other.seen)
    reason = f"{CLEAN_WINDOWS} clean windows of {lengths} in a row"
    return _ended("resolved", RECOVERED, reason, episode, window, at)


def _ended(
    kind: TransitionKind, word: str, reason: str, episode: Episode, window: JudgedWindow, at: int
) -> tuple[AlertState, list[Transition]]:
    over = replace(episode, state="resolved", resolved_at=at, resolve_reason=word)
    evidence = [reading for reading in window.readings if reading.series in episode.series]
    return AlertState(), [_said(kind, at, reason, over, window, evidence)]


def _uncounted(state: AlertState, window: JudgedWindow, seen: Look, at: int) -> tuple[AlertState, list[Transition]]:
    count = state.counts.get(window.length_hours)
    if count is None or not count.seen:
        return state, []
    counts = {**state.counts, window.length_hours: replace(count, condition=seen.condition)}
    return _with_condition(state, counts, window, at)


def _counted_in(state: AlertState, window: JudgedWindow, at: int) -> tuple[AlertState, list[Transition]]:
    count = state.counts.get(window.length_hours)
    if count is None or count.condition == "ok":
        return state, []
    counts = {**state.counts, window.length_hours: replace(count, condition="ok")}
    return _with_condition(state, counts, window, at)


def _with_condition(
    state: AlertState, counts: Mapping[int, Count], window: JudgedWindow, at: int
) -> tuple[AlertState, list[Transition]]:
    before = _open(state)
    condition = _worst_condition(count.condition for count in counts.values())
    episode = replace(before, condition=condition)
    if condition == before.condition:
        return AlertState(episode, counts), []
    kind, words = _CONDITION_WORDS[condition]
    return AlertState(episode, counts), [Transition(kind, at, f"{_named(window)} {words}", episode, window)]


_CONDITION_WORDS: Mapping[Condition, tuple[TransitionKind, str]] = {
    "ok": ("data_back", "can be told again"),
    "no_data": ("no_data", "cannot be told; this resolves nothing"),
    "error": ("error", "could not be checked; this resolves nothing"),
}


def _worst_condition(conditions: Iterable[Condition]) -> Condition:
    found = set(conditions)
    if "error" in found:
        return "error"
    return "no_data" if "no_data" in found else "ok"


def _remind(
    rule: Rule, state: AlertState, windows: Sequence[JudgedWindow], at: int
) -> tuple[AlertState, list[Transition]]:
    episode = state.episode
    if rule.remind is None or episode is None or episode.state != "firing" or episode.acknowledged:
        return state, []
    if episode.notified_at is None or at - episode.notified_at < rule.remind:
        return state, []
    since = duration((at - (episode.fired_at or at)) // 60_000_000 * 60_000_000)
    episode = replace(episode, notified_at=at)
    bad = [reading for window in windows for reading in look(rule, window).bad]
    reminder = _said("reminder", at, f"still firing after {since}", episode, None, bad)
    return replace(state, episode=episode), [reminder]


def _one_firing(transitions: Sequence[Transition]) -> list[Transition]:
    """Fold a rise into the firing of the same episode in the same step."""
    merged: list[Transition] = []
    for transition in transitions:
        index = next((i for i, one in enumerate(merged) if _fires(one, transition)), None)
        if transition.kind == "raised" and index is not None:
            merged[index] = replace(
                transition, kind="firing", reason=f"{merged[index].reason}; then {transition.reason}"
            )
        else:
            merged.append(transition)
    return merged


def _fires(one: Transition, other: Transition) -> bool:
    return one.kind == "firing" and one.episode.id == other.episode.id


def headline(readings: Sequence[Reading], total: int) -> str:
    """The worst reading's sentence and how many more series there are; readings come worst first."""
    if not readings:
        return "nothing to show"
    return readings[0].summary + (f" (and {total - 1} more)" if total > 1 else "")


def _said(
    kind: TransitionKind, at: int, reason: str, episode: Episode, window: JudgedWindow | None, bad: Sequence[Reading]
) -> Transition:
    return Transition(kind, at, reason, episode, window, tuple(bad[:EVIDENCE]), len({one.series for one in bad}))


def _open(state: AlertState) -> Episode:
    if state.episode is None:
        raise ValueError("no episode is open")
    return state.episode


def _worse(one: Severity, other: Severity | None) -> Severity:
    return other if other is not None and rank(other) > rank(one) else one


def _named(window: JudgedWindow) -> str:
    return f"the {hours(window.length_hours)} window to {in_words(window.end)}"


def _in_a_row(rule: Rule, window: JudgedWindow) -> str:
    if rule.for_ == 1:
        return f"{_named(window)} is"
    return f"{rule.for_} windows of {hours(window.length_hours)} in a row, the last to {in_words(window.end)}, are"


def _at_least(rule: Rule) -> str:
    return "critical" if rule.at == "critical" else "warning or worse"
