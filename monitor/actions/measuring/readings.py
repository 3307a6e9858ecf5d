"""The readings of one check on one window: fetch the counts, call the detectors, judge."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from alerting.looking import CHECK_FAILED
from alerting.reading import Reading
from detectors.measurement import NO_REFERENCE, UNKNOWN_FEATURE, Measurement
from monitor.actions.frame import Frame, Window
from monitor.actions.measuring.as_reading import as_reading
from monitor.actions.measuring.drift import drift
from monitor.actions.measuring.fairness import fairness
from monitor.actions.measuring.label_pause import label_pause
from monitor.actions.measuring.performance import performance
from monitor.actions.measuring.prediction import prediction_drift
from monitor.actions.measuring.quality import quality
from monitor.actions.measuring.serving import serving
from monitor.actions.measuring.stream import stream
from monitor.actions.measuring.task import Task
from monitor.store.database import is_of_store

log = logging.getLogger(__name__)

_KINDS: dict[str, Callable[[Frame, Task, Window], list[Reading]]] = {
    "data_drift": drift,
    "prediction_drift": prediction_drift,
    "data_quality": quality,
    "performance": performance,
    "serving": serving,
    "fairness": fairness,
}

_OF_FEATURES = {"data_drift": "ks", "data_quality": "missing_share"}  # which metric cannot be told


def readings_of(frame: Frame, task: Task) -> list[Reading]:
    """Every reading of the check on the window, judged ones and those that are only shown."""
    window = frame.window(task.start, task.end)
    return [*_measure(task)(frame, task, window), *_unknown_features(frame, task, window)]


def _measure(task: Task) -> Callable[[Frame, Task, Window], list[Reading]]:
    if task.check.is_feed:
        return label_pause
    return stream if task.check.is_stream else _KINDS[task.check.kind]


def readings_or_failure(frame: Frame, task: Task) -> list[Reading]:
    """The same; where the check itself fails, one reading that says so, and the other checks go on. What the store
    raises goes through."""
    try:
        return readings_of(frame, task)
    except Exception as error:
        if is_of_store(error):
            raise
        log.exception("check failed", extra={"model": frame.model.name, "check": task.check.name})
        return [_failed(frame, task, type(error).__name__)]


def _failed(frame: Frame, task: Task, error: str) -> Reading:
    """The name of the error alone: its text may hold a value."""
    measured = Measurement("check", None, 0, 0, reason=CHECK_FAILED, details={"error": error})
    reading = as_reading(frame, task, measured, None, None, judged=True)
    summary = f"{task.check.name}: the check failed ({error}); the log of the service says where"
    return replace(reading, verdict="cannot_tell", details={**reading.details, "summary": summary})


def _unknown_features(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """A reading that cannot tell for every feature that a check names and the cuts do not hold: nobody has sent it, or
    no reference has it."""
    if task.check.kind not in _OF_FEATURES:
        return []
    sent = {column.name for column in frame.model.columns if column.role == "feature"}
    found = []
    for name in sorted(set(task.check.features or ()) - set(frame.features())):
        metric = _OF_FEATURES[task.check.kind] if task.check.method == "auto" else task.check.method
        reason = NO_REFERENCE if name in sent else UNKNOWN_FEATURE
        measured = Measurement(metric, None, 0, window.pooled.rows, feature=name, reason=reason)
        found.append(as_reading(frame, task, measured, None, None, judged=True))
    return found


def judged_readings(found: Sequence[Reading]) -> list[Reading]:
    """Those with a verdict: what rules look at."""
    return [reading for reading in found if reading.verdict is not None]
