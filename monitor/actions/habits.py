"""A short reference learns: the log's first four weeks of traffic tell how much hours and days differ by themselves.

The first row need not be traffic: tests come before the launch, and some rows have a wrong year. Traffic is what knows
no less than the reference: each of four weeks in a row has rows on at least four days, and in at least a quarter as
many hours as the whole reference, or as 48, below which an hour's unrest is anybody's guess (12 a week: a few rows a
day are enough). The four weeks are judged by themselves. So what comes after them changes nothing, and rows that come
late can let them begin earlier, never later; the newest change of the weeks tells of that, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors import summary
from detectors.profile import ReferenceProfile
from detectors.shares.engine import FEWEST_HOURS
from monitor import clock
from monitor.store import log_hours, references, summaries

if TYPE_CHECKING:
    from monitor.actions.frame import Frame

WEEKS = 4
DAYS = 4  # of a week, that have rows
_DAY, _WEEK = 24, 168  # hours
_AT_ONCE = 2 * WEEKS * _WEEK  # hours that are read: more than enough where the first row is traffic


def with_habits(
    frame: Frame, reference: references.Reference, version: str, profile: ReferenceProfile, before_hour: int
) -> ReferenceProfile:
    """A short profile with the habits of the first four weeks of traffic of the version (``*``: all) that are kept, if
    they end by ``before_hour``: what a window may know of the log is what came before it."""
    if not profile.is_short:
        return profile
    first = first_hour(frame, version, known_hours(profile))
    if first is None or first + WEEKS * _WEEK > before_hour:
        return profile
    last = first + WEEKS * _WEEK
    change = summaries.newest_change(frame.connection, frame.model.id, first, last)
    key = ("habits", reference.id, frame.binning_id, version, first, change)
    found: ReferenceProfile = frame.service.artefacts.get(key, lambda: _learned(frame, version, profile, first, last))
    return found


def changed_since(frame: Frame, start_hour: int, change: int) -> bool:
    """Whether rows of the weeks that a window from ``start_hour`` may have borrowed habits from were counted again
    after a change."""
    return any(last <= start_hour and newest > change for last, newest in _stretches(frame))


def _stretches(frame: Frame) -> list[tuple[int, int]]:
    """Where the weeks end that a short reference may borrow, and their newest change."""
    if "habits" not in frame.derived:
        short = ((version, known_hours(profile)) for version, profile in profiles_of(frame) if profile.is_short)
        starts = {first_hour(frame, version, known) for version, known in short}
        ends = [(first, first + WEEKS * _WEEK) for first in starts if first is not None]
        frame.derived["habits"] = [
            (last, summaries.newest_change(frame.connection, frame.model.id, first, last)) for first, last in ends
        ]
    known: list[tuple[int, int]] = frame.derived["habits"]
    return known


def profiles_of(frame: Frame) -> Iterator[tuple[str, ReferenceProfile]]:
    """Of every reference all rows (``*``) and those of each of its versions."""
    for reference in frame.known:
        for version in (references.WHOLE, *reference.model_versions):
            profile = frame.profile(reference, version)
            if profile is not None:
                yield version, profile


def known_hours(profile: ReferenceProfile) -> int | None:
    """How many hours a short profile knows; None of one that is not."""
    if not profile.is_short:
        return None
    return 0 if profile.hours is None else len(profile.hours)


def first_hour(frame: Frame, version: str, known: int | None) -> int | None:
    """From which hour on the log of the version (``*``: all) tells what a profile with ``known_hours`` does not: of a
    short one the first of the weeks that it may borrow; of another the first whole week that retention has left."""
    if version not in frame.lifetimes:
        return None
    if known is None:
        first = frame.lifetimes[version][0] // clock.HOUR
        kept = (frame.model.oldest_prediction or 0) // clock.HOUR
        return first + max(0, -(-(kept - first) // _WEEK)) * _WEEK
    fewest = -(-max(FEWEST_HOURS, known) // WEEKS)
    key = f"habits since {fewest} {version}"
    if key not in frame.derived:
        frame.derived[key] = _traffic_since(frame, version, fewest)
    found: int | None = frame.derived[key]
    return found


def _traffic_since(frame: Frame, version: str, fewest: int) -> int | None:
    """Once the first row is gone, weeks go whole: habits are learned anew once a week, not with every hour that
    retention drops. They are those since 1970: no row, however old, moves them."""
    first = _hours(frame, version, 0, 1)
    if not len(first):
        return None
    since = int(first[0])
    if since > frame.lifetimes[version][0] // clock.HOUR:
        since = -(-since // _WEEK) * _WEEK
    hours, more = first[:0], _hours(frame, version, since, _AT_ONCE)
    while len(more):
        hours = np.concatenate([hours, more])
        found = first_traffic(hours, since, fewest)
        if found is not None and (len(more) < _AT_ONCE or found + WEEKS * _WEEK <= more[-1]):
            return found
        hours = hours[np.searchsorted(hours, more[-1] - WEEKS * _WEEK) :]
        since, more = int(hours[0]), _hours(frame, version, int(more[-1]) + 1, _AT_ONCE)
    return None


def _hours(frame: Frame, version: str, start: int, most: int) -> NDArray[np.int64]:
    named = None if version == references.WHOLE else version
    found = log_hours.of_version(frame.connection, frame.model.id, frame.binning_id, named, start, most)
    return np.array(found, dtype=np.int64)


def first_traffic(hours: NDArray[np.int64], since: int, fewest: int) -> int | None:
    """The first of ``since`` and the ``hours`` [n] with rows (increasing, from ``since`` on) after which each of four
    weeks has at least so many of them, on at least four days."""
    starts = np.union1d(np.array([since]), hours)
    ends = np.searchsorted(hours, starts[:, None] + _DAY * np.arange(7 * WEEKS + 1))
    by_day = np.diff(ends, axis=1).reshape(len(starts), WEEKS, 7)
    enough = (by_day.sum(axis=2) >= fewest) & (np.count_nonzero(by_day, axis=2) >= DAYS)
    found = np.flatnonzero(enough.all(axis=1))
    return int(starts[found[0]]) if len(found) else None


def _learned(frame: Frame, version: str, profile: ReferenceProfile, first: int, last: int) -> ReferenceProfile:
    by_version: dict[str, list[summaries.Summary]] = {}
    for one in summaries.load(frame.connection, frame.model.id, frame.binning_id, first, last):
        if version in (references.WHOLE, one.version):
            by_version.setdefault(one.version, []).append(one)
    parts = [
        summary.stack(frame.binning, [one.hour for one in rows], [one.data for one in rows])
        for rows in by_version.values()
    ]
    hours = reduce(summary.add, parts, summary.empty(frame.binning))
    nothing = np.empty(0, np.int64), profile.label_counts[:0], profile.label_sums[:0]
    return replace(profile, habits=ReferenceProfile.of(hours, nothing, timed=True), memo={})
