"""Whether a model's labels come: the newest one, the pauses that were usual, and those that came too late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detectors.measurement import Measurement
from detectors.performance.label_pause import LEAST, NAME, WEEKS, Feed, Usual, measure_pause, usual_pause
from monitor import clock
from monitor.actions.frame import Frame
from monitor.actions.label_arrivals import HORIZONS, scatter
from monitor.config.inventory import Check, stride
from monitor.store import coverage, label_feed

SAMPLED = 200  # hours of predictions that tell how long labels take
TOO_LATE, AT_LEAST = 0.05, 30  # of the labels of a horizon


def pause_of(frame: Frame, check: Check, end: int, length: int, rows: int) -> Measurement | None:
    """How long no label had become known at hour ``end``; None where none ever came, or all in one hour, and the check
    states no bound. ``rows`` of the window of ``length`` hours."""
    if not frame.model.n_labels:
        return None if check.threshold is None else measure_pause(end, None, None, None, rows)
    found = _history(frame, check, end, length)
    if found is not None and found.returned and end - found.last <= LEAST:
        return measure_pause(end, found.last, Usual(LEAST, LEAST), None, rows)
    if check.threshold is None and (found is None or found.once):
        return None
    if found is None or found.usual is None or end - found.last <= found.usual.limit:
        last, usual = (None, None) if found is None else (found.last, found.usual)
        return measure_pause(end, last, usual, None, rows)
    return measure_pause(end, found.last, found.usual, _feed(frame, found, end), rows)


@dataclass(frozen=True)
class _History:
    """Of predictions from hour ``start`` on: when the newest label became known, whether all did ``once``, and what was
    usual before; ``returned``: labels are back for too short a time to tell that, after longer than is looked at."""

    start: int
    last: int
    once: bool
    usual: Usual | None
    returned: bool = False


def _history(frame: Frame, check: Check, end: int, length: int) -> _History | None:
    """However long the pause: what was usual is looked for before the newest label, not before now."""
    newest = label_feed.newest_labelled(frame.connection, frame.model.id, end)
    if newest is None:
        return None
    horizon = _horizon(frame)
    back = max(WEEKS * 7 * 24, 2 * horizon)
    start = newest - back - horizon
    found = label_feed.known_hours(frame.connection, frame.model.id, frame.versions, start, newest + 1, end)
    known = np.array(found, np.int64)
    last = int(known[-1])
    known = known[known >= last - back]
    ends = range((last - back) * clock.HOUR, end * clock.HOUR, clock.HOUR)
    step = stride(length) * clock.HOUR
    told = label_feed.seen_values(
        frame.connection, frame.model.id, check.name, NAME, [one for one in ends if one % step == 0]
    )
    seen: dict[int, int] = {}
    for at, value in told:
        since = at // clock.HOUR - int(value)
        if last - back <= since < last:  # not the pause that lasts
            seen[since] = max(seen.get(since, 0), int(value))
    usual = usual_pause(known, list(seen.values()))
    returned = usual is None and label_feed.newest_labelled(frame.connection, frame.model.id, start) is not None
    return _History(start, last, len(known) == 1, usual, returned)


def _feed(frame: Frame, found: _History, end: int) -> Feed:
    by_hour: dict[int, int] = {}
    for _, hour, count in coverage.usable(frame.connection, frame.model.id, found.start, end):
        by_hour[hour] = by_hour.get(hour, 0) + count
    hours = np.array(sorted(by_hour), np.int64)
    sampled = scatter(hours[hours < found.last])[:SAMPLED]
    labels = label_feed.labels_of(frame.connection, frame.model.id, frame.versions, sampled.tolist(), -1, found.last)
    born, known, counts = np.array(labels, np.int64).reshape(-1, 3).T
    predictions = np.array([by_hour[hour] for hour in hours.tolist()], np.int64)
    return Feed(hours, predictions, np.isin(hours, sampled), (born, known, counts), found.last)


def too_late(frame: Frame, as_of: int) -> Mapping[str, float] | None:
    """Of the labels that became known in the ``label_horizon`` before the day of ``as_of`` (``labels``) the ``count``
    and ``share`` of those of predictions that were older than that by then; None where they are few."""
    day = as_of // clock.DAY * 24
    key = f"labels too late {day}"
    if key not in frame.derived:
        frame.derived[key] = _too_late(frame, day) if frame.model.n_labels else None
    found: Mapping[str, float] | None = frame.derived[key]
    return found


def _too_late(frame: Frame, day: int) -> Mapping[str, float] | None:
    """Old hours are asked first: nearly always they have no label that is new, and the others need not be read."""
    horizon = _horizon(frame)
    of = (frame.connection, frame.model.id, frame.versions)
    old = label_feed.labels_of(*of, range(day - HORIZONS * horizon, day - horizon), day - horizon, day)
    count = sum(rows for hour, known, rows in old if known - hour > horizon)
    if count < AT_LEAST:
        return None
    young = label_feed.labels_of(*of, range(day - horizon, day), day - horizon, day)
    labels = sum(rows for *_, rows in (*old, *young))
    if count <= TOO_LATE * labels:
        return None
    days = horizon / 24
    return {"share": count / labels, "count": count, "labels": labels, "horizon_days": days}


def _horizon(frame: Frame) -> int:
    return clock.parse_duration(frame.settings.label_horizon) // clock.HOUR
