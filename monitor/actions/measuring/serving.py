"""Serving health of a window."""

from __future__ import annotations

from dataclasses import replace

from alerting.reading import Reading
from detectors.serving.measure import measure_serving
from monitor import clock
from monitor.actions.frame import Frame, Window
from monitor.actions.measuring.as_reading import as_reading
from monitor.actions.measuring.task import Task
from monitor.store import summaries

WEEK = 168
SERVING_WEEKS = 4


def serving(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """Volume, freshness, latency, errors and metrics against the same hours of the last weeks."""
    history = []
    oldest = frame.model.oldest_prediction
    for week in range(1, SERVING_WEEKS + 1):
        start = task.start - week * WEEK
        if oldest is not None and start * clock.HOUR >= oldest - oldest % clock.HOUR:
            history.append(frame.window(start, start + task.length).pooled)
    measured = measure_serving(frame.binning, window.pooled, history, minutes_since_newest=_silence(frame, task))
    found = [as_reading(frame, task, one, None, None, judged=True) for one in measured]
    if len(window.versions) > 1:
        for version, counts in window.versions.items():
            shown = measure_serving(frame.binning, counts, [], minutes_since_newest=None)
            found += [
                as_reading(frame, task, replace(one, reason=None), None, version, judged=False)
                for one in shown
                if one.metric != "freshness_minutes"
            ]
    return found


def _silence(frame: Frame, task: Task) -> float | None:
    """Minutes from the newest prediction before the window's end to that end."""
    newest = summaries.newest_prediction(frame.connection, frame.model.id, task.end)
    return None if newest is None else (task.due.end - newest) / clock.MINUTE
