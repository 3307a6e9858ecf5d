"""Weeks after a reference in which nothing was told to have drifted: what a short reference lacks of long windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors.hour_bytes import decode
from detectors.profile import QuietWeeks, ReferenceProfile
from monitor.actions import habits
from monitor.actions.habits import profiles_of
from monitor.store import quiet, references, summaries

if TYPE_CHECKING:
    from monitor.actions.frame import Frame

DAY, WEEK = 24, 168  # hours
ENOUGH = 8  # weeks of a reference, from which on it knows by itself
FEWEST, MOST, STEP = 8, 12, 4  # quiet weeks: as many as are needed, as many as a long reference has, month by month
JUDGED = 4  # days of a week on which a column must have been judged to call it quiet


@dataclass(frozen=True)
class _After:
    """Where the log after a reference, or after the habits that a short one borrows, begins: ``day`` (since 1970).
    ``hour``: of the first row of the log that what is learned then rests on."""

    day: int
    hour: int


def with_quiet_weeks(
    frame: Frame, reference: references.Reference, version: str, profile: ReferenceProfile, before_hour: int
) -> ReferenceProfile:
    """The profile with the quiet weeks that are kept of the version's log (``*``: all) since the reference, if it has
    fewer than 8 weeks itself and they end a week before ``before_hour``: drift that began in a week may be told in the
    next."""
    after = _after(frame, version, profile)
    weeks = 0 if after is None else _weeks(after.day, before_hour)
    if after is None or weeks == 0:
        return profile
    key = ("quiet", reference.id, frame.binning_id, version, after, *_state(frame, after, weeks))
    held: ReferenceProfile = frame.service.artefacts.get(
        key, lambda: replace(profile, quiet=_learned(frame, version, after.day, weeks), memo={})
    )
    return held if held.quiet is not None else profile


def changed_since(frame: Frame, start_hour: int, change: int) -> bool:
    """Whether rows of the weeks that a window from ``start_hour`` may have learned from were counted again after a
    change."""
    found = {after for one in profiles_of(frame) if (after := _after(frame, *one)) is not None}
    states = (_state(frame, after, weeks) for after in found if (weeks := _weeks(after.day, start_hour)))
    return any(newest > change for *_, newest in states)


def _after(frame: Frame, version: str, profile: ReferenceProfile) -> _After | None:
    """None where the reference has weeks enough, or there is no log."""
    first = habits.first_hour(frame, version)
    if first is None or _is_long(profile):
        return None
    last = first + habits.WEEKS * WEEK if profile.is_short else first
    if profile.hours is not None and len(profile.hours):
        last = max(last, int(profile.hours[-1]) + 1)
    day = -(-last // DAY)
    return _After(day, first if profile.is_short else DAY * day)


def _is_long(profile: ReferenceProfile) -> bool:
    hours = profile.hours
    return hours is not None and len(hours) > 0 and int(hours[-1] - hours[0]) + 1 >= ENOUGH * WEEK


def _weeks(first_day: int, before_hour: int) -> int:
    """How many weeks from a day on may be looked at: whole months, and a week more to see that they were quiet."""
    whole = min((before_hour - DAY * first_day) // WEEK - 1, MOST) // STEP * STEP
    return whole if whole >= FEWEST else 0


def _checks(frame: Frame) -> list[str]:
    return [one.name for one in frame.checks if one.in_ledger and one.kind in quiet.DRIFT]


def _state(frame: Frame, after: _After, weeks: int) -> tuple[int, ...]:
    """What tells whether the weeks would be found as before; last the newest change of their rows."""
    key = f"quiet {after} {weeks}"
    if key not in frame.derived:
        judged = quiet.state_of(frame.connection, frame.model.id, _checks(frame), after.day, weeks + 1)
        last = DAY * after.day + weeks * WEEK
        change = summaries.newest_change(frame.connection, frame.model.id, after.hour, last)
        frame.derived[key] = (weeks, *judged, change)
    found: tuple[int, ...] = frame.derived[key]
    return found


def _learned(frame: Frame, version: str, first_day: int, weeks: int) -> QuietWeeks | None:
    """None where no column has 8 quiet weeks."""
    chosen = _quiet(frame, first_day, weeks)
    if not chosen:
        return None
    most = max(map(len, chosen.values()))
    by_week = [_hours(frame, version, DAY * first_day + week * WEEK) for week in range(weeks)]
    counts = np.zeros((most, WEEK, frame.binning.size), np.result_type(*by_week))
    for name, mine in chosen.items():
        slots = frame.binning.slots(name)
        for place, week in enumerate(mine):
            counts[place, :, slots] = by_week[week][:, slots]
    return QuietWeeks(DAY * first_day, counts.reshape(most * WEEK, -1))


def _quiet(frame: Frame, first_day: int, weeks: int) -> Mapping[str, list[int]]:
    """Of each column that has 8, which weeks were quiet, and so the week after."""
    judged: dict[str, set[int]] = {}
    told: dict[str, set[int]] = {}
    for one in quiet.weeks_of(frame.connection, frame.model.id, _checks(frame), first_day, weeks + 1):
        if one.days >= JUDGED:
            judged.setdefault(one.feature, set()).add(one.week)
        if one.told:
            told.setdefault(one.feature, set()).update((one.week - 1, one.week))
    found = {}
    for column in frame.binning.columns:
        of = column.name.removeprefix("feature.") if column.name.startswith("feature.") else ""
        mine = sorted(week for week in judged.get(of, set()) - told.get(of, set()) if week < weeks)
        if len(mine) >= FEWEST:
            found[column.name] = mine
    return found


def _hours(frame: Frame, version: str, first_hour: int) -> NDArray[np.int64]:
    """Counts [168, L] of a week, in as few bytes as hold them."""
    counts = np.zeros((WEEK, frame.binning.size), np.int64)
    loaded = summaries.load(frame.connection, frame.model.id, frame.binning_id, first_hour, first_hour + WEEK)
    for one in loaded:
        if version in (references.WHOLE, one.version):
            counts[one.hour - first_hour] += decode(frame.binning, one.data)[0]
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))
