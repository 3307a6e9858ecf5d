"""A short reference learns: the model's first four weeks tell how much its hours and days differ by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from detectors import summary
from detectors.profile import ReferenceProfile
from monitor import clock
from monitor.store import references, summaries

if TYPE_CHECKING:
    from monitor.actions.frame import Frame

WEEKS = 4
_WEEK = 7 * clock.DAY // clock.HOUR


def with_habits(
    frame: Frame, reference: references.Reference, version: str, profile: ReferenceProfile, before_hour: int
) -> ReferenceProfile:
    """A short profile with the habits of the first four weeks of predictions of the version (``*``: all) that are kept,
    if they end by ``before_hour``: what a window may know of the log is what came before it."""
    if not profile.is_short:
        return profile
    first = first_hour(frame, version)
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
    """Where the first weeks of each version end that a short reference may borrow, and their newest change."""
    if "habits" not in frame.derived:
        found: list[tuple[int, int]] = []
        for version in frame.lifetimes if any(profile.is_short for _, profile in profiles_of(frame)) else ():
            first = first_hour(frame, version)
            if first is not None:
                last = first + WEEKS * _WEEK
                found.append((last, summaries.newest_change(frame.connection, frame.model.id, first, last)))
        frame.derived["habits"] = found
    known: list[tuple[int, int]] = frame.derived["habits"]
    return known


def profiles_of(frame: Frame) -> Iterator[tuple[str, ReferenceProfile]]:
    """Of every reference all rows (``*``) and those of each of its versions."""
    for reference in frame.known:
        for version in (references.WHOLE, *reference.model_versions):
            profile = frame.profile(reference, version)
            if profile is not None:
                yield version, profile


def first_hour(frame: Frame, version: str) -> int | None:
    """Of the first whole week that retention has left."""
    spans = frame.lifetimes.get(version)
    if spans is None:
        return None
    first = spans[0] // clock.HOUR
    kept = (frame.model.oldest_prediction or 0) // clock.HOUR
    return first + max(0, -(-(kept - first) // _WEEK)) * _WEEK


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
