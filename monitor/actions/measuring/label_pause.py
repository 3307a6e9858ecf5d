"""How long no label has become known, of the model as a whole."""

from __future__ import annotations

from dataclasses import replace

from alerting.reading import Reading
from monitor import clock
from monitor.actions.frame import Frame, Window
from monitor.actions.label_feed import pause_of
from monitor.actions.measuring.as_reading import as_reading
from monitor.actions.measuring.task import Task


def label_pause(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """One reading, or none where labels have no habit that could be missed."""
    measured = pause_of(frame, task.check, task.end, task.length, window.pooled.rows)
    if measured is None:
        return []
    if measured.value is not None:
        since = clock.render((task.end - int(measured.value)) * clock.HOUR)
        measured = replace(measured, details={**measured.details, "since": since})
    return [as_reading(frame, task, measured, None, None, judged=True)]
