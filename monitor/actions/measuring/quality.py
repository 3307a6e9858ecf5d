"""Data quality of a window."""

from __future__ import annotations

from collections.abc import Iterator

from alerting.reading import Reading
from detectors.measurement import Measurement
from detectors.quality.measure import measure_quality, worst_by_metric
from detectors.summary import WindowCounts
from monitor.actions.frame import Compared, Frame, Window
from monitor.actions.levels import features_of, segment_level
from monitor.actions.measuring.as_reading import as_reading, no_reference
from monitor.actions.measuring.schema import with_schema
from monitor.actions.measuring.task import Task
from monitor.actions.measuring.whole import Part, reference_of, segment_windows, whole_window
from monitor.store import summaries


def quality(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """Every feature and the whole: missing, mistyped, unseen, out of range, duplicate and rejected; features that the
    reference does not have; in each segment the worst feature."""
    return [*whole_window(frame, task, window, _measure_quality), *_by_segment(frame, task)]


def _by_segment(frame: Frame, task: Task) -> Iterator[Reading]:
    """One reading a metric, so that many segments and features are few readings; their features share its level."""
    features = max(len(features_of(frame, task.check)), 1)
    for segment, part in segment_windows(frame, task):
        alpha = segment_level(frame, task.check, task.length, 1, segment)
        compared = reference_of(frame, task, {version: one.rows for version, one in part.versions.items()}, segment)
        measured = _measure_quality(frame, task, part.pooled, compared, alpha / features, "segment")
        for worst in worst_by_metric(measured, features):
            yield as_reading(frame, task, worst, compared, None, judged=True, alpha=alpha, segment=segment)


def _measure_quality(
    frame: Frame, task: Task, counts: WindowCounts, compared: Compared | None, alpha: float, part: Part
) -> list[Measurement]:
    names = [f"feature.{name}" for name in features_of(frame, task.check)]
    if compared is None:
        return [no_reference("missing_share", name, counts.rows) for name in names]
    rejected, conflicting = summaries.rejects(frame.connection, frame.model.id, task.start, task.end)
    measured = measure_quality(
        frame.binning,
        counts,
        compared.profile,
        length_hours=task.length,
        alpha=alpha,
        duplicates=(conflicting, counts.rows + conflicting),
        rejected=(rejected, counts.rows + rejected),
        whole=part != "segment",
    )
    wanted = {*features_of(frame, task.check), *([None] if part == "whole" else [])}
    found = [one for one in measured if one.feature in wanted]
    return with_schema(frame, task, counts, compared, found) if part == "whole" else found
