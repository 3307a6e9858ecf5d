"""Which windows a run measures: the newest, those that became mature, and those whose rows or labels changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.summary import HOURS_BEFORE
from monitor import clock
from monitor.actions import habits, quiet_weeks
from monitor.actions.frame import POOLED, Frame
from monitor.config import document
from monitor.config.inventory import Check, newest_end, stride
from monitor.store import coverage, marks, summaries

DIRTY = 7 * clock.DAY


@dataclass(frozen=True)
class Due:
    """One window to measure. ``steps``: alerts may step on it; ``mature``: the versions whose labels suffice;
    ``same_rows``: it was measured before, and only its labels are new."""

    end: int
    steps: bool
    mature: frozenset[str] = field(default_factory=frozenset)
    same_rows: bool = False


def due(frame: Frame, check: Check, length: int, as_of: int, *, with_newest: bool = True) -> list[Due]:
    """Windows of one check and length (hours) to measure at as_of, in order of their end."""
    newest = newest_end(length, as_of)
    if check.is_feed:  # what was told of a pause was so when it was told, whatever was posted since
        return [Due(newest, steps=True)] if with_newest else []
    if check.needs_labels and not check.is_stream:
        return _performance(frame, check, length, as_of, newest, with_newest)
    found = {end: Due(end, steps=False) for end in _dirty(frame, check, length, as_of)}
    if with_newest:
        found[newest] = Due(newest, steps=True)
    return [found[end] for end in sorted(found)]


def _dirty(frame: Frame, check: Check, length: int, as_of: int) -> list[int]:
    """Windows of the last 7 days, measured before, of which hours that they look at were counted again since."""
    found = []
    before = _looks_back(frame, check)
    for mark in frame.outdated(as_of - DIRTY):
        if (mark.check, mark.length_hours) == (check.name, length) and mark.end <= as_of:
            end = mark.end // clock.HOUR
            changed = summaries.changed_hours(
                frame.connection,
                frame.model.id,
                end - length - before,
                end,
                mark.change,
                labels=check.needs_labels,
            )
            drifts = check.kind in ("data_drift", "prediction_drift")
            if changed or (drifts and _learned_otherwise(frame, end - length, length, mark.change)):
                found.append(mark.end)
    return found


def _learned_otherwise(frame: Frame, start_hour: int, length: int, change: int) -> bool:
    """Whether what a short reference learned from the log before a window has changed."""
    return habits.changed_since(frame, start_hour, change) or quiet_weeks.changed_since(
        frame, start_hour, length, change
    )


def _looks_back(frame: Frame, check: Check) -> int:
    """How many hours before a window its readings look at, too."""
    if check.is_stream:
        return clock.parse_duration(frame.settings.label_horizon) // clock.HOUR
    if isinstance(check.reference, document.Trailing) and not check.needs_labels:
        parts = (check.reference.trailing, check.reference.gap)
        return sum(clock.parse_duration(part) // clock.HOUR for part in parts)
    return HOURS_BEFORE if check.kind in ("data_drift", "prediction_drift") else 0


def _performance(frame: Frame, check: Check, length: int, as_of: int, newest: int, with_newest: bool) -> list[Due]:
    mature = _mature(frame, check, length, as_of, newest)
    other_rows = {*([newest] if with_newest else []), *mature, *_dirty(frame, check, length, as_of)}
    relabelled = _relabelled(frame, check, length, as_of) if as_of % clock.DAY < clock.HOUR else set()
    ends = sorted(other_rows | relabelled)
    suffice = _coverage(frame, length, as_of, ends)
    return [
        Due(
            end,
            steps=end in mature,
            mature=frozenset(version for version, enough in suffice.get(end, {}).items() if enough),
            same_rows=end not in other_rows,
        )
        for end in ends
    ]


def _mature(frame: Frame, check: Check, length: int, as_of: int, newest: int) -> set[int]:
    """Windows that became mature since the last one found so, by version; if none was, the newest mature one alone."""
    if frame.model.n_labels == 0:
        return set()
    horizon = clock.parse_duration(frame.settings.label_horizon)
    step = stride(length) * clock.HOUR
    oldest = max(newest - horizon - (newest - horizon) % step, 0)
    last = marks.last_mature(frame.connection, frame.model.id, check.name, length, as_of)
    starts = {}
    for version, (first_row, last_row) in frame.lifetimes.items():
        start = max(last[version] + step, oldest) if version in last else oldest
        if first_row < newest and last_row >= start - length * clock.HOUR:
            starts[version] = start
    if not starts:
        return set()
    ends = list(range(min(starts.values()), newest + 1, step))
    enough = _coverage(frame, length, as_of, ends)
    found: set[int] = set()
    for version in starts:
        mature = [end for end in ends if enough.get(end, {}).get(version)]
        chosen = [end for end in mature if end > last[version]] if version in last else mature[-1:]
        for end in chosen:
            marks.note_mature(frame.connection, frame.model.id, check.name, version, length, end, as_of)
        found |= set(chosen)
    return found


def _coverage(frame: Frame, length: int, as_of: int, ends: list[int]) -> Mapping[int, Mapping[str, bool]]:
    """For each window whether its labels suffice, by version and (``*``) pooled; versions without rows are absent."""
    if not ends:
        return {}
    first, last = ends[0] // clock.HOUR - length, ends[-1] // clock.HOUR
    rows = coverage.by_hour(frame.connection, frame.model.id, first, last, as_of // clock.HOUR)
    cells: dict[str, NDArray[np.int64]] = {}
    for version, hour, predictions, labelled in rows:
        for name in (version, POOLED):
            cells.setdefault(name, np.zeros((last - first + 1, 2), np.int64))[hour - first + 1] += predictions, labelled
    least = frame.settings.min_label_coverage
    found: dict[int, dict[str, bool]] = {}
    for name, cell in cells.items():
        sums = np.cumsum(cell, axis=0)
        for end in ends:
            place = end // clock.HOUR - first
            predictions, labelled = sums[place] - sums[place - length]
            if predictions:
                found.setdefault(end, {})[name] = bool(labelled >= least * predictions and labelled > 0)
    return found


def _relabelled(frame: Frame, check: Check, length: int, as_of: int) -> set[int]:
    """Windows within the horizon, measured before, of which labels became known since."""
    horizon = clock.parse_duration(frame.settings.label_horizon)
    earlier = marks.measured_since(frame.connection, frame.model.id, check.name, length, as_of - horizon)
    earlier = [mark for mark in earlier if mark.as_of < as_of]
    if not earlier:
        return set()
    first, last = earlier[0].end // clock.HOUR - length, earlier[-1].end // clock.HOUR
    newest_label = np.full(last - first, -1, np.int64)
    for hour, known in summaries.newest_labels(frame.connection, frame.model.id, first, last, as_of // clock.HOUR):
        newest_label[hour - first] = known
    return {
        mark.end
        for mark in earlier
        if newest_label[mark.end // clock.HOUR - first - length : mark.end // clock.HOUR - first].max()
        > mark.as_of // clock.HOUR
    }
