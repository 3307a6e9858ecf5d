"""How far apart a model's answers are for the groups of a segment column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from alerting.reading import Reading
from detectors.cuts import SegmentColumn
from detectors.fairness import METRICS, WITHOUT_LABELS, Group, measure_fairness
from detectors.performance.scored import no_labels
from detectors.performance.weighting import ALL_KNOWN, Known
from detectors.segments import EVERY
from monitor.actions.frame import POOLED, Compared, Frame, Window
from monitor.actions.label_arrivals import weights_of
from monitor.actions.measuring.as_reading import as_reading, no_reference
from monitor.actions.measuring.performance import has_enough_labels
from monitor.actions.measuring.task import Task
from monitor.actions.measuring.whole import reference_of
from monitor.actions.pinned_labels import compared_by_labels


def fairness(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """Every metric of each segment column (or the check's own), of all versions together; binary models."""
    if frame.meaning.task != "binary" or "prediction" not in frame.binning.by_name:
        return []
    wanted, named = task.check.segment, task.check.reference
    if isinstance(named, str) and named not in {one.name for one in frame.known}:
        missing = no_reference(task.check.metric or next(iter(METRICS)), None, window.pooled.rows)
        return [replace(as_reading(frame, task, missing, None, None, judged=True), verdict="cannot_tell")]
    columns = [one for one in frame.binning.segments if one.values and wanted in (None, one.name)]
    known = _known(frame, task, window) if columns else ALL_KNOWN
    return [reading for column in columns for reading in _of_column(frame, task, column, known)]


def _known(frame: Frame, task: Task, window: Window) -> Known:
    """What may be said of the labels that are missing, of all rows; groups are weighted alike."""
    if task.check.metric in WITHOUT_LABELS:
        return ALL_KNOWN
    return weights_of(frame, task.start, task.end, task.as_of, window.versions)


def _of_column(frame: Frame, task: Task, column: SegmentColumn, known: Known) -> Iterator[Reading]:
    pairs = list(_groups(frame, task, column))
    compared = next((one for _, one in pairs if one is not None), None)
    reference = [Group(group.name, one.profile.total, one.profile.labels) for group, one in pairs if one is not None]
    metrics = list(METRICS) if task.check.metric is None else [task.check.metric]
    for one in measure_fairness(frame.binning, [group for group, _ in pairs], reference, metrics, known):
        yield as_reading(frame, task, one, compared, None, judged=True, segment=f"{column.name}={EVERY}")


def _groups(frame: Frame, task: Task, column: SegmentColumn) -> Iterator[tuple[Group, Compared | None]]:
    """Each value that has rows in the window, and what its rows are compared with."""
    windows = frame.segment_windows(task.start, task.end)
    labels = frame.segment_labels(task.start, task.end, task.as_of)
    none = no_labels(frame.binning.scores)
    for value, segment in zip(column.values, column.segments, strict=True):
        if segment in windows:
            window = windows[segment]
            known = sum(labels.get(segment, {}).values(), none)
            mature = POOLED in task.due.mature and has_enough_labels(frame, window.pooled, known)
            rows = {version: one.rows for version, one in window.versions.items()}
            compared = compared_by_labels(frame, reference_of(frame, task, rows, segment), task.as_of)
            yield Group(value, window.pooled.counts, known, mature), compared
