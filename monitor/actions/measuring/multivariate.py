"""All features at once, on rows of the window and of its reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from alerting.reading import Reading
from detectors.domain.replay import Replay
from detectors.multivariate.domain_classifier import MOST_ROWS, Rows
from detectors.registry import MULTIVARIATE
from monitor import clock
from monitor.actions import prepare_reference
from monitor.actions.frame import Frame, Nothing, Window
from monitor.actions.levels import features_of
from monitor.actions.measuring.as_reading import as_reading
from monitor.actions.measuring.moved_inputs import estimated
from monitor.actions.measuring.sampled_rows import columns_of, of_version, sampled
from monitor.actions.measuring.task import Task
from monitor.actions.measuring.whole import reference_of
from monitor.config.document import Trailing
from monitor.store import references
from monitor.store.observations.base import StoredColumn

WEEK = 168  # hours


def multivariate(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """One reading of all versions and all features together; where inputs moved, what that does to performance."""
    rows = {version: counts.rows for version, counts in window.versions.items()}
    compared = reference_of(frame, task, rows)
    columns = columns_of(frame, features_of(frame, task.check))
    read = frame.service.observations.read
    current = sampled(
        read(frame.connection, frame.model.stored, task.start, task.end, columns),
        window.pooled.rows,
        columns,
        timed=True,
    )
    reference = _reference_rows(frame, task, rows, columns)
    names = [column.name for column in columns]
    replayed = _replayed(frame, task, rows, columns, reference)
    measured = MULTIVARIATE[task.check.method].measure(names, reference, current, replayed)
    readings = [as_reading(frame, task, measured, compared, None, judged=True)]
    for one in estimated(frame, task, window, columns, current, compared, measured):
        readings.append(as_reading(frame, task, one, compared, next(iter(window.versions)), judged=False))
    return readings


def _replayed(
    frame: Frame, task: Task, rows: Mapping[str, int], columns: Sequence[StoredColumn], reference: Rows
) -> Replay | None:
    """What the method says of the reference itself. Of a fixed one it is worked out once per length and hour of the
    day; where several are mixed, also once per mixture."""
    given, names = task.check.reference, [column.name for column in columns]
    replay = MULTIVARIATE[task.check.method].replay
    if isinstance(given, Trailing):
        return replay(names, reference, task.length, task.start, clock.parse_duration(given.gap) // clock.HOUR)
    chosen = _chosen(frame, task, rows)
    parts = tuple((one.id, version, count if len(chosen) > 1 else 1) for one, version, count in chosen)
    key = (task.check.method, parts, tuple(columns), task.length, task.start % 24)
    found: Replay | Nothing = frame.service.learned.get(
        key, lambda: replay(names, reference, task.length, task.start, None) or Nothing()
    )
    return None if isinstance(found, Nothing) else found


def _chosen(frame: Frame, task: Task, rows: Mapping[str, int]) -> list[tuple[references.Reference, str, int]]:
    """What rows of these versions (with their counts) are compared with: each reference and the version in it once,
    with the rows of the window that it is for."""
    given = task.check.reference
    assert not isinstance(given, Trailing)
    wanted: dict[tuple[int, str], int] = {}
    known = {}
    for version, count in sorted(rows.items()):
        found = references.choose(frame.known, frame.model.default_reference, given, version)
        if found is not None:
            known[found[0].id] = found[0]
            key = (found[0].id, found[1])
            wanted[key] = wanted.get(key, 0) + count
    return [(known[reference_id], version, count) for (reference_id, version), count in wanted.items()]


def _reference_rows(frame: Frame, task: Task, rows: Mapping[str, int], columns: Sequence[StoredColumn]) -> Rows:
    """Rows of what each version is compared with, in the window's row shares; of the trailing stretch, if asked."""
    given = task.check.reference
    if isinstance(given, Trailing):
        last = task.start - clock.parse_duration(given.gap) // clock.HOUR
        first = last - clock.parse_duration(given.trailing) // clock.HOUR
        total = frame.window(first, last).pooled.rows
        chunks = frame.service.observations.read(frame.connection, frame.model.stored, first, last, columns)
        return sampled(chunks, total, columns, timed=True)
    chosen = _chosen(frame, task, rows)
    total = sum(count for *_, count in chosen)
    parts = [_of_reference(frame, one, version, columns, MOST_ROWS * count / total) for one, version, count in chosen]
    return _together(parts, columns)


def _of_reference(
    frame: Frame, reference: references.Reference, version: str, columns: Sequence[StoredColumn], most: float
) -> Rows:
    chunks = prepare_reference.rows_of(frame.connection, reference.id)
    mine = chunks if version == references.WHOLE else of_version(chunks, version)
    total = reference.rows if version == references.WHOLE else reference.model_versions[version]
    return sampled(mine, total, columns, timed=reference.timed, most=max(round(most), 1))


def _together(parts: Sequence[Rows], columns: Sequence[StoredColumn]) -> Rows:
    """Rows of several references; blocks of different ones are different. Their hours are moved by whole weeks, so that
    they end at about the same time: a replay's stretches are of all of them."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return sampled([], 0, columns, timed=False)
    blocks, first = [], 0
    for part in parts:
        blocks.append(part.blocks + first)
        first = int(blocks[-1].max(initial=first)) + 1
    merged = {
        name: pa.chunked_array([part.columns[name] for part in parts]).combine_chunks() for name in parts[0].columns
    }
    hours = [part.hours for part in parts if part.hours is not None and len(part.hours)]
    if len(hours) < len(parts):
        return Rows(merged, np.concatenate(blocks))
    last = max(int(one.max()) for one in hours)
    moved = [one + (last - int(one.max())) // WEEK * WEEK for one in hours]
    return Rows(merged, np.concatenate(blocks), np.concatenate(moved))
