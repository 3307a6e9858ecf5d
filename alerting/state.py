"""The life of an alert, counted in evaluated windows: pending, firing, resolved.

``step`` is a pure function: the state before and the new windows in, the state after and what changed out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from alerting.absence import condition_of, note_absence
from alerting.correcting import correct
from alerting.counts import counted, outcome_of, reachable, reached
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
from alerting.flapping import STABLE, aged, calmed, is_unstable, waits_for, why_unstable, with_firing
from alerting.looking import Look, look
from alerting.reading import worst_first
from alerting.rules import Rule
from alerting.timeline import at_least, ended, enough, lengths_in_words, named, needed, open_episode, said
from alerting.words import Condition, Severity, duration, hours, rank

CLEAN_WINDOWS = 2


def step(
    rule: Rule,
    state: AlertState,
    windows: Sequence[JudgedWindow],
    *,
    at: int,
    new_id: Callable[[], str],
    again: Sequence[JudgedWindow] = (),
) -> tuple[AlertState, list[Transition]]:
    """Take the windows in order of their end, of one end those at severity first: a shorter one that is clean ends no
    episode of which a longer one tells at the same moment. ``at`` is the run's as_of; ``new_id`` names a new episode.

    ``again`` are windows that were judged before and are known better now: they correct the open episode, and fire
    nothing. What fires and rises in one step is one firing.
    """
    transitions: list[Transition] = []
    for window in sorted(again, key=lambda one: (one.end, one.length_hours)):
        state, more = correct(rule, state, window, at, CLEAN_WINDOWS)
        transitions += more
    for window in sorted(windows, key=lambda one: (one.end, look(rule, one).severity is None, one.length_hours)):
        state, more = _take(rule, state, window, at, new_id)
        transitions += more
        state, more = note_absence(state, window, at, new_id)
        transitions += more
    state, reminders = _remind(rule, state, windows, at)
    return state, _one_firing([*transitions, *reminders])


def _take(
    rule: Rule, state: AlertState, window: JudgedWindow, at: int, new_id: Callable[[], str]
) -> tuple[AlertState, list[Transition]]:
    seen = look(rule, window)
    state = aged(state, window.length_hours) if seen.evaluated else state
    opening = []
    if state.episode is None or not state.episode.series:
        if seen.severity is None:
            return state, []
        bad = frozenset(reading.series for reading in seen.bad)
        if state.episode is None:
            episode = Episode(new_id(), "pending", seen.severity, started_at=at, series=bad, named=bad)
        else:
            episode = replace(state.episode, severity=seen.severity, series=bad, named=bad)
        state = replace(state, episode=episode, counts={})
        opening = [said("pending", at, _opened(rule, window, seen), episode, window, seen.bad)]
    if not seen.evaluated:
        return _uncounted(state, window, seen, at)
    state, noted = _counted_in(state, window, at)
    after, more = _at_severity(rule, state, window, seen, at) if seen.severity else _below(rule, state, window, at)
    return after, [*opening, *noted, *more]


def _opened(rule: Rule, window: JudgedWindow, seen: Look) -> str:
    need = "" if rule.for_ == 1 else f"; it fires at {needed(rule)}"
    return f"{named(window)} is at {seen.severity}: {seen.bad[0].summary}{need}"


def _at_severity(
    rule: Rule, state: AlertState, window: JudgedWindow, seen: Look, at: int
) -> tuple[AlertState, list[Transition]]:
    before, length = open_episode(state), window.length_hours
    count = counted(rule, state.counts.get(length, Count()), window, seen, "bad")
    severity = _worse(before.severity, seen.severity)
    episode = replace(before, severity=severity, series=before.series | {reading.series for reading in seen.bad})
    state = replace(state, episode=episode, counts={**state.counts, length: count})
    if before.state == "pending":
        return _named(seen, *_fire(rule, state, window, seen, at)) if reached(rule, count) else (state, [])
    state, found = _raise(state, before, window, seen, at)
    state, more = _unsettled(state, window, seen, at)
    return _named(seen, state, [*found, *more] or _joined(state, window, seen, at))


def _joined(state: AlertState, window: JudgedWindow, seen: Look, at: int) -> list[Transition]:
    """What a window says to an alert that so far was about other series alone: nobody is told, and it is noted."""
    episode = open_episode(state)
    if any(one.series in episode.named for one in seen.bad):
        return []
    reason = f"{named(window)} is at {seen.severity} by nothing that this alert was about: {seen.bad[0].summary}"
    return [said("joined", at, reason, episode, window, seen.bad)]


def _named(seen: Look, state: AlertState, found: list[Transition]) -> tuple[AlertState, list[Transition]]:
    """The state, which remembers what its timeline names."""
    if not found:
        return state, found
    episode = open_episode(state)
    episode = replace(episode, named=episode.named | {one.series for one in seen.bad})
    return replace(state, episode=episode), [*found[:-1], replace(found[-1], episode=episode)]


def _fire(
    rule: Rule, state: AlertState, window: JudgedWindow, seen: Look, at: int
) -> tuple[AlertState, list[Transition]]:
    state = with_firing(state, window.length_hours)
    unstable = is_unstable(state, window.length_hours)
    episode = replace(open_episode(state), state="firing", fired_at=at, notified_at=at, unstable=unstable)
    reason = f"{enough(rule, window)} at {at_least(rule)}, as the rule asks"
    if unstable:
        reason = f"{reason}; {why_unstable(state, window.length_hours)}"
    return replace(state, episode=episode), [said("firing", at, reason, episode, window, seen.bad)]


def _raise(
    state: AlertState, before: Episode, window: JudgedWindow, seen: Look, at: int
) -> tuple[AlertState, list[Transition]]:
    """A firing episode whose severity rises is told again, and whoever looked after it has to look again."""
    episode = open_episode(state)
    if episode.severity == before.severity:
        return state, []
    episode = replace(episode, notified_at=at, acknowledged=False)
    reason = f"from {before.severity} to {episode.severity} in {named(window)}"
    found = [said("raised", at, reason, episode, window, seen.bad)]
    if before.acknowledged:
        why = f"it was acknowledged at {before.severity}, and is at {episode.severity} now"
        found.append(said("unacknowledged", at, why, episode, window))
    return replace(state, episode=episode), found


def _unsettled(state: AlertState, window: JudgedWindow, seen: Look, at: int) -> tuple[AlertState, list[Transition]]:
    """An unstable episode at severity: back again, or at severity for so long that it is stable."""
    episode = open_episode(state)
    if not episode.unstable:
        return state, []
    if state.counts[window.length_hours].at_severity >= STABLE:
        episode = replace(episode, unstable=False, down=False)
        reason = (
            f"{STABLE} windows of {hours(window.length_hours)} in a row are at severity: it fires on, and is stable"
        )
        return calmed(replace(state, episode=episode)), [said("stable", at, reason, episode, window, seen.bad)]
    if not episode.down:
        return state, []
    episode = replace(episode, down=False)
    reason = f"{named(window)} is at {seen.severity} again; not told, as it is unstable"
    return replace(state, episode=episode), [said("flipped", at, reason, episode, window, seen.bad)]


def _below(rule: Rule, state: AlertState, window: JudgedWindow, at: int) -> tuple[AlertState, list[Transition]]:
    episode = open_episode(state)
    seen = look(rule, window)
    count = state.counts.get(window.length_hours, Count())
    count = counted(rule, count, window, seen, outcome_of(episode.series, window, seen))
    counts = {**state.counts, window.length_hours: count}
    state = replace(state, counts=counts)
    if episode.state == "pending":
        if any(reachable(rule, other) for other in counts.values()):
            return state, []
        reason = f"{named(window)} is below {rule.at} before {needed(rule)} were reached"
        return ended("not_confirmed", NOT_CONFIRMED, reason, state, window, at)
    if waits_for(counts, STABLE if episode.unstable else CLEAN_WINDOWS):
        return _calmer(state, window, at)
    lengths = lengths_in_words(length for length, other in counts.items() if other.seen)
    wanted = STABLE if episode.unstable else CLEAN_WINDOWS
    reason = f"{wanted} clean windows of {lengths} in a row" + (", after it was unstable" if episode.unstable else "")
    return ended("resolved", RECOVERED, reason, state, window, at)


def _calmer(state: AlertState, window: JudgedWindow, at: int) -> tuple[AlertState, list[Transition]]:
    """An unstable episode would have resolved."""
    episode = open_episode(state)
    if not episode.unstable or episode.down or waits_for(state.counts, CLEAN_WINDOWS):
        return state, []
    episode = replace(episode, down=True)
    reason = f"{CLEAN_WINDOWS} clean windows in a row; it stays open, as it is unstable, until there are {STABLE}"
    return replace(state, episode=episode), [said("flipped", at, reason, episode, window)]


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
    before = open_episode(state)
    absent = condition_of(state.absent)
    condition = _worst_condition([*(count.condition for count in counts.values()), absent])
    episode = replace(before, condition=condition)
    state = replace(state, episode=episode, counts=counts)
    if condition == before.condition:
        return state, []
    kind, words = _CONDITION_WORDS[condition]
    return state, [said(kind, at, f"{named(window)} {words}", episode, window)]


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
    if rule.remind is None or episode is None or episode.state != "firing" or episode.acknowledged or episode.down:
        return state, []
    if episode.notified_at is None or at - episode.notified_at < rule.remind:
        return state, []
    since = duration((at - (episode.fired_at or at)) // 60_000_000 * 60_000_000)
    episode = replace(episode, notified_at=at)
    bad = worst_first(reading for window in windows for reading in look(rule, window).bad)
    reminder = said("reminder", at, f"still firing after {since}", episode, None, bad)
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


def _worse(one: Severity, other: Severity | None) -> Severity:
    return other if other is not None and rank(other) > rank(one) else one
