"""The whole window, judged; and what each of its versions says, shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from alerting.reading import Reading
from detectors.measurement import Measurement
from detectors.summary import WindowCounts
from monitor.actions import trailing
from monitor.actions.frame import Compared, Frame, Window
from monitor.actions.levels import level
from monitor.actions.measuring.as_reading import as_reading
from monitor.actions.measuring.task import Task
from monitor.config.document import Trailing

Measure = Callable[[Frame, Task, WindowCounts, Compared | None, float, bool], list[Measurement]]


def whole_and_versions(frame: Frame, task: Task, window: Window, measure: Measure) -> list[Reading]:
    """The whole window, judged; and each version when it holds several, shown."""
    rows = {version: counts.rows for version, counts in window.versions.items()}
    alpha = level(frame, task.check, task.length, 1)
    compared = reference_of(frame, task, rows)
    measured = measure(frame, task, window.pooled, compared, alpha, True)
    found = [as_reading(frame, task, one, compared, None, judged=True, alpha=alpha) for one in measured]
    if len(rows) > 1:
        for version, counts in window.versions.items():
            own = reference_of(frame, task, {version: counts.rows})
            measured = measure(frame, task, counts, own, alpha, False)
            found += [as_reading(frame, task, one, own, version, judged=False) for one in measured]
    return found


def reference_of(frame: Frame, task: Task, rows: Mapping[str, int]) -> Compared | None:
    """What rows of these versions are compared with in this check; None without a reference."""
    given = task.check.reference
    if isinstance(given, Trailing):
        return trailing.compared_with(frame, given, task.start, task.as_of)
    return frame.compared_with(given, rows)
