"""Judged segments without any row in a window of which the whole has rows, where that is news."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np

from alerting.reading import Reading
from detectors.serving.vanished import Gap, Traffic, is_news
from monitor import clock
from monitor.actions.alert_run import Span, Vanished
from monitor.actions.frame import POOLED, Frame
from monitor.actions.levels import SLICED, segment_lengths, segments_of
from monitor.config.inventory import Check, stride
from monitor.store import segment_traffic

_WEEKS = 8  # of the log that tell which gaps are usual
_TELLS = tuple(kind for kind in SLICED if kind != "performance")  # which waits for labels


def vanished_segments(frame: Frame, stepping: Sequence[Reading]) -> Vanished:
    """By window of the one check that tells it, and segment (None: the whole), what has vanished: the segment itself,
    or in the whole all judged segments of a column."""
    check = _teller(frame)
    if check is None:
        return {}
    spans = dict.fromkeys((one.length_hours, one.start, one.end) for one in stepping if one.check == check.name)
    found: dict[tuple[str, Span, str | None], frozenset[str]] = {}
    for span in spans:
        gone = _news(frame, check, span)
        for column, alike in groupby(segments_of(frame), key=lambda one: _column(frame, one)):
            mine = set(alike)
            if len(mine) > 1 and mine <= gone:
                whole = found.get((check.name, span, None), frozenset())
                found[(check.name, span, None)] = whole | {f"any judged segment of {column}"}
            else:
                found |= {(check.name, span, one): frozenset([one]) for one in mine & gone}
    return found


def _teller(frame: Frame) -> Check | None:
    """One check for all: what is missing in several is told once."""
    sliced = [one for one in frame.checks if segment_lengths(one) and one.kind in _TELLS]
    return min(sliced, key=lambda one: _TELLS.index(one.kind), default=None)


def _column(frame: Frame, segment: str) -> str:
    return next(one.name for one in frame.binning.segments if segment in one.segments)


def _news(frame: Frame, check: Check, span: Span) -> set[str]:
    length, start, end = span
    judged = segments_of(frame) if length in segment_lengths(check) else {}
    if not judged or not frame.window(start // clock.HOUR, end // clock.HOUR).pooled.rows:
        return set()
    there = frame.segment_windows(start // clock.HOUR, end // clock.HOUR)
    empty = [one for one in judged if one not in there or not there[one].pooled.rows]
    if not empty:
        return set()
    first, last = end // clock.HOUR - _WEEKS * 7 * 24, end // clock.HOUR
    wanted = (frame.connection, frame.model.id, frame.binning_id, first, last, ["", *empty])
    hours = {segment: dict(rows) for segment, rows in segment_traffic.rows_by_hour(*wanted).items()}
    when_new = (frame.connection, frame.model.id, check.name, length, stride(length), end, empty)
    seen = segment_traffic.seen_when_new(*when_new)
    return {
        one
        for one in empty
        if any(told for *_, told in seen.get(one, ()))
        and is_news(
            _traffic(hours.get("", {}), hours.get(one, {})),
            list(_of_references(frame, one)),
            list(_empty_runs(seen[one], length)),
        )
    }


def _traffic(whole: Mapping[int, int], part: Mapping[int, int]) -> Traffic:
    rows = np.array([(hour, n, part.get(hour, 0)) for hour, n in whole.items()], np.int64).reshape(-1, 3)
    return Traffic(*rows.T)


def _of_references(frame: Frame, segment: str) -> Iterator[Traffic]:
    for reference in frame.known:
        whole, part = frame.profile(reference, POOLED), frame.profile(reference, POOLED, segment)
        if whole is not None and part is not None and whole.hours is not None and part.hours is not None:
            rows = dict(zip(whole.hours.tolist(), whole.counts[:, 0].tolist(), strict=True))
            yield _traffic(rows, dict(zip(part.hours.tolist(), part.counts[:, 0].tolist(), strict=True)))


def _empty_runs(seen: Collection[tuple[int, int, bool]], length: int) -> Iterator[Gap]:
    """Stretches that had no row as long as they were new."""
    for is_empty, run in groupby(seen, key=lambda one: one[1] == 0):
        if is_empty:
            ends = [end // clock.HOUR for end, *_ in run]
            yield ends[0] - length, ends[-1], ends[-1] - ends[0] + length
