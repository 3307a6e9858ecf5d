"""Data quality of a window."""

from __future__ import annotations

from alerting.reading import Reading
from detectors.measurement import Measurement
from detectors.quality.measure import measure_quality
from detectors.summary import WindowCounts
from monitor.actions.frame import Compared, Frame, Window
from monitor.actions.levels import features_of
from monitor.actions.measuring.as_reading import no_reference
from monitor.actions.measuring.task import Task
from monitor.actions.measuring.whole import Part, whole_and_versions
from monitor.store import summaries


def quality(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """Every feature and the whole: missing, mistyped, unseen, out of range, duplicate and rejected."""
    return whole_and_versions(frame, task, window, _measure_quality)


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
    )
    wanted = {*features_of(frame, task.check), *([None] if part == "whole" else [])}
    return [one for one in measured if one.feature in wanted]
