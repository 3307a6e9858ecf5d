"""Prediction drift of a window."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from alerting.reading import Reading
from detectors.estimation.base_rate import measure_base_rate
from detectors.estimation.class_mix import measure_class_mix
from detectors.estimation.class_table import Cells
from detectors.measurement import Measurement
from detectors.shares.prediction import measure_prediction_drift
from detectors.summary import WindowCounts
from monitor.actions.false_alarms import factors_of
from monitor.actions.frame import Compared, Frame, Window
from monitor.actions.levels import level_of_more
from monitor.actions.measuring.as_reading import no_reference
from monitor.actions.measuring.class_rows import class_table
from monitor.actions.measuring.drift import fitting, no_column, two_sample
from monitor.actions.measuring.task import Task
from monitor.actions.measuring.whole import Part, whole_and_versions
from monitor.actions.pinned_labels import labelled
from monitor.config.document import Trailing


def prediction_drift(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """What the model says: classes, scores or numbers."""
    return whole_and_versions(frame, task, window, partial(_measure_prediction, window))


def _measure_prediction(
    window: Window,
    frame: Frame,
    task: Task,
    counts: WindowCounts,
    compared: Compared | None,
    alpha: float,
    part: Part,
) -> list[Measurement]:
    if "prediction" not in frame.binning.by_name:
        return []
    if compared is None:
        metric = "prediction_ks" if frame.meaning.task == "regression" else "class_share"
        return [no_reference(metric, None, counts.rows)]
    if task.check.method != "auto":
        method = task.check.method
        names = fitting(frame, method, [n for n in ("prediction", "score") if n in frame.binning.by_name])
        if not names:
            return [no_column(method, counts, compared)] if part == "whole" else []
        return [replace(two_sample(frame, method, names[0], counts, compared), feature=None)]
    factors = factors_of(frame, task.as_of, compared, task.length)
    moved = measure_prediction_drift(
        frame.binning,
        frame.meaning.task,
        counts,
        compared.profile,
        length_hours=task.length,
        tolerance=frame.settings.tolerance,
        alpha=alpha,
        alpha_of_margins=alpha if part == "segment" else level_of_more(frame, task.check, task.length),
        widened={metric: factor for (metric, _), factor in factors.items()},
    )
    return [*moved, *_base_rates(window, frame, task, counts, compared, part)]


def _base_rates(
    window: Window, frame: Frame, task: Task, counts: WindowCounts, compared: Compared, part: Part
) -> list[Measurement]:
    if frame.meaning.task != "multiclass":
        return measure_base_rate(frame.binning, counts, labelled(frame, compared, task.as_of), (task.length, task.end))
    if part == "segment" or isinstance(task.check.reference, Trailing) or Cells.of(frame.binning) is None:
        return []  # of segments and of trailing references labelled rows are not counted by class
    rows = {version: one.rows for version, one in window.versions.items() if part == "whole" or one is counts}
    return measure_class_mix(frame.binning, counts, class_table(frame, task, rows))
