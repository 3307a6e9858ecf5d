"""The readings of one check on one window: fetch the counts, call the detectors, judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alerting.reading import Reading
from monitor.actions.frame import Frame, Window
from monitor.actions.measuring.drift import drift
from monitor.actions.measuring.fairness import fairness
from monitor.actions.measuring.performance import performance
from monitor.actions.measuring.prediction import prediction_drift
from monitor.actions.measuring.quality import quality
from monitor.actions.measuring.serving import serving
from monitor.actions.measuring.stream import stream
from monitor.actions.measuring.task import Task

_KINDS: dict[str, Callable[[Frame, Task, Window], list[Reading]]] = {
    "data_drift": drift,
    "prediction_drift": prediction_drift,
    "data_quality": quality,
    "performance": performance,
    "serving": serving,
    "fairness": fairness,
}


def readings_of(frame: Frame, task: Task) -> list[Reading]:
    """Every reading of the check on the window, judged ones and those that are only shown."""
    window = frame.window(task.start, task.end)
    measure = stream if task.check.is_stream else _KINDS[task.check.kind]
    return measure(frame, task, window)


def judged_readings(found: Sequence[Reading]) -> list[Reading]:
    """Those with a verdict: what rules look at."""
    return [reading for reading in found if reading.verdict is not None]
