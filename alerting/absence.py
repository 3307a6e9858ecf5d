"""Data that used to come and does not any more, and checks that fail: a state of its own, told once.

What was never told, waits for labels or has too few rows is no news. A series is lost in a window of which others could
be told while it has no row at all, or has nothing to be compared with any more, after it could be told before. In a
window shorter than a day that may be the hour: of those it takes a day. What is lost in windows of several lengths is
told once. A segment of which no row comes any more is one such series, however many numbers are measured of it. What
the reference of a window's versions has no row of either is not missing: another version may have other features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from alerting.episode import DATA_BACK, Absence, AlertState, Episode, JudgedWindow, Transition, TransitionKind
from alerting.looking import CHECK_FAILED
from alerting.reading import Reading, Series
from alerting.timeline import ended, named, said
from alerting.words import Condition, hours

MISSING_FOR = 3  # windows in a row ...
SHORT_FOR = 24  # ... and of those shorter than a day, which end every hour
CANNOT_TELL = "cannot_tell"
_TOO_FEW = "too_few_rows"
_NO_REFERENCE = "no_reference"
_TAKEN_AWAY = (_NO_REFERENCE, "unknown_feature", "missing_extra", "not_counted")
_LISTED = 3
_VOLUME = "volume"
_ROWS = "rows"  # with a name in the feature's place: all that is measured of it
_A_DAY = 24  # hours


def note_absence(
    state: AlertState, window: JudgedWindow, at: int, new_id: Callable[[], str]
) -> tuple[AlertState, list[Transition]]:
    """The state after a window that was judged, with what it says about data that is missing."""
    before = state.absent.get(window.length_hours, Absence())
    after = _after(before, window)
    others = {length: one for length, one in state.absent.items() if length != window.length_hours}
    state = replace(state, absent=others if after == Absence() else {**others, window.length_hours: after})
    elsewhere = frozenset(series for length, one in others.items() for series in lost_of(one, length))
    news = lost_of(after, window.length_hours) - lost_of(before, window.length_hours) - elsewhere
    if news or (fails(after) and not fails(before)):
        return _missing(state, window, at, new_id, news)
    if any(is_gone(one, length) for length, one in state.absent.items()):
        if state.episode is not None or not is_gone(after, window.length_hours):
            return state, []  # a window that lacks nothing has nothing to say of one that does
        return _missing(state, window, at, new_id, frozenset())
    return _back(state, window, at, before) if is_gone(before, window.length_hours) else (state, [])


def lost_of(absence: Absence, length_hours: int) -> frozenset[Series]:
    """The series that have been missing for long enough to be told, in windows of so many hours."""
    return frozenset(series for series, windows in absence.lost.items() if windows >= _enough(length_hours))


def _enough(length_hours: int) -> int:
    return MISSING_FOR if length_hours >= _A_DAY else SHORT_FOR


def fails(absence: Absence) -> bool:
    """Whether the check has failed for long enough to be told."""
    return absence.failed >= MISSING_FOR


def is_gone(absence: Absence, length_hours: int) -> bool:
    """Whether anything is missing or failing for long enough to be told, in windows of so many hours."""
    return fails(absence) or bool(lost_of(absence, length_hours))


def condition_of(absences: Mapping[int, Absence]) -> Condition:
    """The condition that what is absent, by length in hours, puts an episode in."""
    if any(fails(one) for one in absences.values()):
        return "error"
    return "no_data" if any(lost_of(one, length) for length, one in absences.items()) else "ok"


def _after(before: Absence, window: JudgedWindow) -> Absence:
    if not window.readings or _is_outage(window):
        return before  # that there are no rows at all is told as such, and says nothing of anything else
    told, empty = _told(window), {(_ROWS, name) for name in window.vanished}
    if empty and not told:  # nothing is known of anything else
        still: dict[Series, int] = dict(before.lost)
        still |= {series: still.get(series, 0) + 1 for series in empty}
        return replace(before, lost=still, failed=0)
    if not told and any(one.reason == CHECK_FAILED for one in window.readings):
        return replace(before, failed=before.failed + 1)
    untold = [one for one in window.readings if one.series not in told]
    gone = _gone(window)
    if not (told or gone):
        return before  # too little of everything says nothing of anything
    missing = (gone - before.untold - window.never) | empty
    back = told | _in_neither(window) | {series for series in before.lost if series[0] == _ROWS and told} - empty
    lost = {series: before.lost.get(series, 0) + 1 for series in {*missing, *(before.lost.keys() - back)}}
    return Absence(lost, frozenset(one.series for one in untold) - lost.keys())


def newly_gone(before: Absence, window: JudgedWindow) -> set[Series]:
    """The series that a window lacks, of which it is not known yet whether they could ever be told."""
    return _gone(window) - before.untold - before.lost.keys()


def _in_neither(window: JudgedWindow) -> set[Series]:
    """What is not to be expected: neither the window's rows have it, nor the reference that it is compared with. A
    trailing one, which has no version, forgets what is missing: that says nothing."""
    untold = (one for one in window.readings if one.reason == _NO_REFERENCE and one.reference_version is not None)
    return {one.series for one in untold if one.n_current == one.n_reference == 0}


def _told(window: JudgedWindow) -> set[Series]:
    return {one.series for one in window.readings if one.verdict != CANNOT_TELL}


def _gone(window: JudgedWindow) -> set[Series]:
    if _is_outage(window):
        return set()
    told = _told(window)
    untold = [one for one in window.readings if one.series not in told]
    gone = {one.series for one in untold if _is_gone(one, others_told=bool(told))}
    return gone - _in_neither(window) if told else gone


def _is_outage(window: JudgedWindow) -> bool:
    return any(one.metric == _VOLUME and one.value == 0 and one.verdict != CANNOT_TELL for one in window.readings)


def _is_gone(reading: Reading, *, others_told: bool) -> bool:
    if reading.reason == _NO_REFERENCE and others_told and reading.n_current > 0:
        return False  # rows have it, and the reference of their version does not
    if reading.reason in _TAKEN_AWAY:
        return True
    return others_told and reading.reason == _TOO_FEW and reading.n_current == 0


def _missing(
    state: AlertState, window: JudgedWindow, at: int, new_id: Callable[[], str], news: frozenset[Series]
) -> tuple[AlertState, list[Transition]]:
    """Note it on the open episode, or on one of its own; without ``news`` nobody is told again."""
    condition = condition_of(state.absent)
    episode = state.episode or Episode(new_id(), "pending", "warning", started_at=at)
    episode = replace(episode, condition=condition)
    absence = state.absent.get(window.length_hours, Absence())
    failing, lost = fails(absence), news or lost_of(absence, window.length_hours)
    evidence = [one for one in window.readings if one.series in lost or failing]
    told = bool(news) or absence.failed == MISSING_FOR
    kind: TransitionKind = ("check_failing" if failing else "data_missing") if told else _QUIET[condition]
    found = said(kind, at, _why(absence, lost, window), episode, window, evidence)
    return replace(state, episode=episode, counts=state.counts), [found]


_QUIET: Mapping[Condition, TransitionKind] = {"no_data": "no_data", "error": "error", "ok": "data_back"}


def _why(absence: Absence, series: frozenset[Series], window: JudgedWindow) -> str:
    of = f"windows of {hours(window.length_hours)} in a row"
    if fails(absence):
        return f"the check failed in {MISSING_FOR} {of}; nothing resolves for that"
    lately = f"in {_enough(window.length_hours)} {of}"
    empty = sorted({str(name) for metric, name in series if metric == _ROWS})
    names = sorted({feature or metric for metric, feature in series if metric != _ROWS})
    found = [f"no rows of {_listed(empty)} {lately}, and there were before"] if empty else []
    found += [f"no data of {_listed(names)} {lately}, and there was before"] if names else []
    return f"{'; '.join(found)}; nothing resolves for that"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _back(state: AlertState, window: JudgedWindow, at: int, before: Absence) -> tuple[AlertState, list[Transition]]:
    episode = state.episode
    if episode is None:
        return state, []
    neither = sorted({feature or metric for metric, feature in _in_neither(window) & before.lost.keys()})
    can = f"does not lack {_listed(neither)}: its reference has none" if neither else "can be told again"
    reason = f"{named(window)} {can}"
    if not episode.series:
        state = replace(state, episode=replace(episode, condition="ok"))
        return ended("resolved", DATA_BACK, reason, state, window, at)
    conditions = {count.condition for count in state.counts.values()} - {"ok"}
    episode = replace(episode, condition="error" if "error" in conditions else "no_data" if conditions else "ok")
    return replace(state, episode=episode), [said("data_back", at, reason, episode, window)]
