"""Entries of a timeline, and the words that they share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from alerting.episode import AlertState, Episode, JudgedWindow, Transition, TransitionKind
from alerting.reading import Reading
from alerting.rules import Rule
from alerting.words import hours, in_words

EVIDENCE = 20


def said(
    kind: TransitionKind,
    at: int,
    reason: str,
    episode: Episode,
    window: JudgedWindow | None = None,
    bad: Sequence[Reading] = (),
) -> Transition:
    """An entry with its evidence: the first 20 readings, which come worst first, and how many series there are."""
    return Transition(kind, at, reason, episode, window, tuple(bad[:EVIDENCE]), len({one.series for one in bad}))


def ended(
    kind: TransitionKind, word: str, reason: str, state: AlertState, window: JudgedWindow, at: int
) -> tuple[AlertState, list[Transition]]:
    """The state without its episode, and the entry that says so; ``word`` is the resolve_reason."""
    episode = open_episode(state)
    over = replace(episode, state="resolved", resolved_at=at, resolve_reason=word)
    evidence = [reading for reading in window.readings if reading.series in episode.series]
    return replace(state, episode=None, counts={}), [said(kind, at, reason, over, window, evidence)]


def open_episode(state: AlertState) -> Episode:
    """The open episode; raises ValueError where there is none."""
    if state.episode is None:
        raise ValueError("no episode is open")
    return state.episode


def named(window: JudgedWindow) -> str:
    """``the 24h window to 1 Jul 2013, 16:00 UTC``."""
    return f"the {hours(window.length_hours)} window to {in_words(window.end)}"


def lengths_in_words(lengths: Iterable[int]) -> str:
    """``24h and 7d``."""
    return " and ".join(hours(length) for length in sorted(lengths))


def needed(rule: Rule) -> str:
    """How many windows a rule waits for: ``3 in a row``, ``2 of 5``."""
    return f"{rule.for_} in a row" if rule.among is None else f"{rule.for_} of {rule.among}"


def enough(rule: Rule, window: JudgedWindow) -> str:
    """Which windows made it fire, with their verb."""
    if rule.for_ == 1:
        return f"{named(window)} is"
    last = f"the last to {in_words(window.end)}"
    if rule.among is None:
        return f"{rule.for_} windows of {hours(window.length_hours)} in a row, {last}, are"
    return f"{rule.for_} of the last {rule.among} windows of {hours(window.length_hours)}, {last}, are"


def at_least(rule: Rule) -> str:
    """The severity that a rule asks for, in words."""
    return "critical" if rule.at == "critical" else "warning or worse"
