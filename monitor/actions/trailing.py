"""A reference that trails a window: the model's own last weeks, from the stored summaries."""

from __future__ import annotations

from functools import reduce

import numpy as np

from detectors import summary
from detectors.performance import scored
from detectors.profile import Grouped, ReferenceProfile
from detectors.summary import HourlySummaries
from monitor import clock
from monitor.actions.frame import Compared, Frame, Nothing
from monitor.config.document import Trailing
from monitor.store import summaries


def compared_with(
    frame: Frame, given: Trailing, start_hour: int, as_of: int, segment: str | None = None
) -> Compared | None:
    """The rows of all versions in the stretch that ends ``gap`` before ``start_hour``, with the labels known at as_of;
    of one segment, if given.

    None where it has no rows.
    """
    last = start_hour - clock.parse_duration(given.gap) // clock.HOUR
    first = last - clock.parse_duration(given.trailing) // clock.HOUR
    known_hour, segment = as_of // clock.HOUR, segment or ""
    asked = (frame.connection, frame.model.id, frame.binning_id, first, last, known_hour, segment)
    key = ("trailing", *asked[1:5], segment, summaries.state_of(*asked))
    kept = frame.service.of_segments if segment else frame.service.artefacts
    profile: ReferenceProfile | Nothing = kept.get(key, lambda: _profile(frame, first, last, known_hour, segment))
    name = f"trailing {given.trailing}"
    return None if isinstance(profile, Nothing) else Compared(profile, name, None, segment or None)


def _profile(frame: Frame, first: int, last: int, known_hour: int, segment: str) -> ReferenceProfile | Nothing:
    hours = _rows(frame, first, last, segment)
    if len(hours.hours) == 0:
        return Nothing()
    return ReferenceProfile.of(hours, _labels(frame, first, last, known_hour, segment), timed=True)


def _rows(frame: Frame, first: int, last: int, segment: str) -> HourlySummaries:
    by_version: dict[str, list[summaries.Summary]] = {}
    for one in summaries.load(frame.connection, frame.model.id, frame.binning_id, first, last, segment):
        by_version.setdefault(one.version, []).append(one)
    parts = [
        summary.stack(frame.binning, [one.hour for one in rows], [one.data for one in rows])
        for rows in by_version.values()
    ]
    return reduce(summary.add, parts, summary.empty(frame.binning))


def _labels(frame: Frame, first: int, last: int, known_hour: int, segment: str) -> Grouped:
    by_hour: dict[int, list[bytes]] = {}
    loaded = summaries.load_labels(frame.connection, frame.model.id, frame.binning_id, first, last, known_hour, segment)
    for one in loaded:
        by_hour.setdefault(one.hour, []).append(one.data)
    added = [scored.add_up(data) for data in by_hour.values()] or [scored.no_labels(frame.binning.scores)]
    counts, sums = np.stack([one.counts for one in added]), np.stack([one.sums for one in added])
    return np.array(list(by_hour), dtype=np.int64), counts[: len(by_hour)], sums[: len(by_hour)]
