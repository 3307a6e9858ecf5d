"""Weeks after a reference in which nothing was told to have drifted: what a short reference lacks of long windows."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.hour_bytes import decode
from detectors.profile import QuietWeeks, ReferenceProfile
from detectors.shares.quiet import told_slots, windows_of_columns
from detectors.shares.unrest import ENOUGH
from monitor import clock
from monitor.actions import habits
from monitor.store import quiet, references, summaries

if TYPE_CHECKING:
    from monitor.actions.frame import Frame

DAY, WEEK = 24, 168  # hours
SAID = ("prediction", "score", "margin")
FEWEST, MOST = 8, 12  # quiet weeks: as many as windows are needed, as many as a long reference has
LEAST = 14 * 24  # hours: what is shorter is short
LOOKED_AT = 52  # weeks of the log after the reference, the oldest that are kept
JUDGED = 4  # days of a week on which a column must have been judged to call it quiet

Chosen = Mapping[str, tuple[int, ...]]  # by feature ('': what the model says): which weeks of the log


@dataclass(frozen=True)
class _Past:
    """Of a reference: how many hours it knows if it is short (None of one that is not), its last hour, and which
    features ('': what the model says) have fewer than 8 windows of a length in it."""

    known: int | None
    last: int | None
    lacking: frozenset[str]


@dataclass(frozen=True)
class _Log:
    """After a reference, and after the habits that a short one borrows: its first ``day`` (since 1970), from which
    weeks are counted, and the weeks that may be looked at, from ``first`` to before ``last``; ``hour``: of the first
    row that what is learned rests on."""

    day: int
    first: int
    last: int
    hour: int


@dataclass(frozen=True)
class _Taught:
    """A profile that has learned, and from what."""

    state: Hashable
    profile: ReferenceProfile

    @property
    def nbytes(self) -> int:
        """Size of what it has learned; the rest of the profile is held elsewhere, too."""
        return 0 if self.profile.quiet is None else self.profile.quiet.nbytes


def with_quiet_weeks(
    frame: Frame,
    reference: references.Reference,
    version: str,
    profile: ReferenceProfile,
    before_hour: int,
    length: int,
) -> ReferenceProfile:
    """The profile with the quiet weeks that are kept of the version's log (``*``: all) since the reference, of features
    of which it has fewer than 8 windows of so many hours itself, and they end a week before ``before_hour``: drift that
    began in a week may be told in the next."""
    known = _known_of(frame, version, _past(frame.binning, profile, length), before_hour)
    if known is None:
        return profile
    log, chosen = known
    state = _state(frame, log, chosen)
    held_at = frame.service.quiet
    places = [(reference.id, frame.binning_id, version, length, week % 2) for week in (log.last, log.last + 1)]
    for held in map(held_at.find, places):
        if held is not None and held.state == state:
            found: ReferenceProfile = held.profile
            return found
    # Windows of a run begin in one week or the next: two are held of each reference and length, and no more.
    held_at.drop(places[0])
    learned = replace(profile, quiet=_learned(frame, version, log, chosen), memo={})
    made: _Taught = held_at.get(places[0], lambda: _Taught(state, learned))
    return made.profile


def changed_since(frame: Frame, start_hour: int, length: int, change: int) -> bool:
    """Whether rows of the weeks that a window from ``start_hour`` may have learned from were counted again after a
    change."""
    return any(_change(frame, log, chosen) > change for log, chosen in _every(frame, start_hour, length))


def state(frame: Frame, start_hour: int, length: int) -> Hashable:
    """What tells whether a window would learn the same."""
    return tuple(_state(frame, log, chosen) for log, chosen in _every(frame, start_hour, length))


def _every(frame: Frame, start_hour: int, length: int) -> Iterator[tuple[_Log, Chosen]]:
    for version, past in _pasts(frame, length):
        known = _known_of(frame, version, past, start_hour)
        if known is not None:
            yield known


def _pasts(frame: Frame, length: int) -> list[tuple[str, _Past]]:
    """Of every reference and version, looked at once in a run: there may be more of them than are held."""
    if ENOUGH * length <= LEAST:
        return []
    key = f"quiet pasts {length}"
    if key not in frame.derived:
        frame.derived[key] = [
            (version, _past(frame.binning, one, length)) for version, one in habits.profiles_of(frame)
        ]
    known: list[tuple[str, _Past]] = frame.derived[key]
    return known


def _past(binning: Binning, profile: ReferenceProfile, length: int) -> _Past:
    hours = profile.hours
    last = None if hours is None or len(hours) == 0 else int(hours[-1])
    if profile.is_short:  # it borrows habits, which are as long for every column
        lacks = np.full(len(binning.columns), ENOUGH * length > habits.WEEKS * WEEK)
        return _Past(habits.known_hours(profile), last, _names(binning, lacks))
    if ENOUGH * length <= LEAST:
        return _Past(None, last, frozenset())
    key = ("windows of columns", length)
    if key not in profile.memo:
        profile.memo[key] = windows_of_columns(binning, profile, length)
    windows = profile.memo[key]
    return _Past(None, last, _names(binning, (windows < ENOUGH) & (windows > 0)))


def _names(binning: Binning, chosen: NDArray[np.bool_]) -> frozenset[str]:
    names = (_name(one.name) for one, wanted in zip(binning.columns, chosen, strict=True) if wanted)
    return frozenset(name for name in names if name is not None)


def _name(column: str) -> str | None:
    """The feature, or '' of what the model says; None of what no drift is looked for in, such as latencies."""
    if column in SAID:
        return ""
    return column.removeprefix("feature.") if column.startswith("feature.") else None


def _known_of(frame: Frame, version: str, past: _Past, before_hour: int) -> tuple[_Log, Chosen] | None:
    """What there is to learn for what the reference lacks."""
    log = _log_after(frame, version, past, before_hour) if past.lacking else None
    chosen = {} if log is None else {name: one for name, one in _chosen(frame, log).items() if name in past.lacking}
    return None if log is None or not chosen else (log, chosen)


def _log_after(frame: Frame, version: str, past: _Past, before_hour: int) -> _Log | None:
    """None where there is not enough of it."""
    spans, kept = frame.lifetimes.get(version), habits.first_hour(frame, version, past.known)
    if spans is None or kept is None or _forgets(frame, past):
        return None
    since = kept + habits.WEEKS * WEEK if past.known is not None else spans[0] // clock.HOUR
    if past.last is not None:
        since = max(since, past.last + 1)
    day = -(-since // DAY)
    first = max(0, -(-(kept - DAY * day) // WEEK))
    last = min((before_hour - DAY * day) // WEEK - 1, first + LOOKED_AT)
    return None if last - first < FEWEST else _Log(day, first, last, kept if past.known is not None else DAY * day)


def _forgets(frame: Frame, past: _Past) -> bool:
    """Whether summaries are kept for so short that there would be weeks enough on some days only: the quiet ones (and
    those that a short reference borrows), the week after, the window, and what is left of a week."""
    kept = frame.settings.summary_retention or frame.settings.retention
    weeks = FEWEST + 3 + (habits.WEEKS if past.known is not None else 0)
    return kept is not None and clock.parse_duration(kept) < weeks * WEEK * clock.HOUR


def _chosen(frame: Frame, log: _Log) -> Chosen:
    """The first quiet weeks of each feature that has enough; the log is read on until all that are looked at have."""
    key = f"quiet {log}"
    if key not in frame.derived:
        checks = [one.name for one in frame.checks if one.in_ledger and one.kind in quiet.DRIFT]
        found: Chosen = {}
        for last in sorted({min(log.first + MOST + 1, log.last), log.last}):
            weeks = quiet.weeks_of(frame.connection, frame.model.id, checks, log.day, log.first, last + 1)
            found = choose(weeks, last)
            if all(len(found.get(name, ())) == MOST for name in {one.feature for one in weeks}):
                break
        frame.derived[key] = found
    known: Chosen = frame.derived[key]
    return known


def choose(found: Sequence[quiet.Week], last: int) -> Chosen:
    """The first 12 weeks before ``last`` in which a feature was judged on most days and, as in the week after, not told
    to have drifted; of features that have 8."""
    judged: dict[str, set[int]] = {}
    told: dict[str, set[int]] = {}
    for one in found:
        if one.days >= JUDGED:
            judged.setdefault(one.feature, set()).add(one.week)
        if one.told:
            told.setdefault(one.feature, set()).update((one.week - 1, one.week))
    weeks = {
        name: sorted(week for week in mine - told.get(name, set()) if week < last) for name, mine in judged.items()
    }
    return {name: tuple(mine[:MOST]) for name, mine in sorted(weeks.items()) if len(mine) >= FEWEST}


def _state(frame: Frame, log: _Log, chosen: Chosen) -> Hashable:
    return log.day, log.hour, tuple(chosen.items()), _change(frame, log, chosen)


def _change(frame: Frame, log: _Log, chosen: Chosen) -> int:
    """The newest of the rows that are learned from."""
    last = DAY * log.day + WEEK * (1 + max(weeks[-1] for weeks in chosen.values()))
    key = f"quiet change {log.hour} {last}"
    if key not in frame.derived:
        frame.derived[key] = summaries.newest_change(frame.connection, frame.model.id, log.hour, last)
    found: int = frame.derived[key]
    return found


def _learned(frame: Frame, version: str, log: _Log, chosen: Chosen) -> QuietWeeks:
    """Week by week: there may be many different ones, and each takes megabytes."""
    binning, first, most = frame.binning, DAY * log.day, max(map(len, chosen.values()))
    counts = np.zeros((most, WEEK, binning.size), np.uint8)
    for week in sorted({week for weeks in chosen.values() for week in weeks}):
        hours = _hours(frame, version, first + week * WEEK)
        counts = counts.astype(np.result_type(counts, hours), copy=False)
        for column in binning.columns:
            name = _name(column.name)
            mine = () if name is None else chosen.get(name, ())
            if week in mine:
                slots = told_slots(binning, column.name)
                counts[mine.index(week), :, slots] = hours[:, slots]
    return QuietWeeks(first, counts.reshape(most * WEEK, -1))


def _hours(frame: Frame, version: str, first_hour: int) -> NDArray[np.int64]:
    """Counts [168, L] of a week, in as few bytes as hold them."""
    counts = np.zeros((WEEK, frame.binning.size), np.int64)
    loaded = summaries.load(frame.connection, frame.model.id, frame.binning_id, first_hour, first_hour + WEEK)
    for one in loaded:
        if version in (references.WHOLE, one.version):
            counts[one.hour - first_hour] += decode(frame.binning, one.data)[0]
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))
