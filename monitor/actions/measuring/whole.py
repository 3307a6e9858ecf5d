"""The whole window, judged; what each of its versions says, shown; and each of its segments, judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Literal

from alerting.reading import Reading
from detectors import summary
from detectors.embedding.mean_embedding import METRIC as MEAN_EMBEDDING
from detectors.measurement import Measurement
from detectors.pairs.known import METRIC as CORRELATION
from detectors.quality.arrivals import METRIC as NEW_FEATURE
from detectors.shares.prediction import MARGIN
from detectors.summary import WindowCounts
from monitor.actions import trailing
from monitor.actions.frame import Compared, Frame, Window
from monitor.actions.levels import level, level_of_more, segment_lengths, segment_level, segments_of
from monitor.actions.measuring.as_reading import as_reading
from monitor.actions.measuring.task import Task
from monitor.config.document import Trailing

BY_HOURS = (CORRELATION, MEAN_EMBEDDING)
SHOWN = (NEW_FEATURE,)  # is no mistake
Part = Literal["whole", "version", "segment"]
Measure = Callable[[Frame, Task, WindowCounts, Compared | None, float, Part], list[Measurement]]


def whole_and_versions(frame: Frame, task: Task, window: Window, measure: Measure) -> list[Reading]:
    """The whole window, judged; each version when it holds several, shown; and each segment, judged."""
    return [*whole_window(frame, task, window, measure), *_by_segment(frame, task, measure)]


def whole_window(frame: Frame, task: Task, window: Window, measure: Measure) -> list[Reading]:
    """The same without segments."""
    rows = {version: counts.rows for version, counts in window.versions.items()}
    alpha = level(frame, task.check, task.length, 1)
    compared = reference_of(frame, task, rows, windows=window.versions)
    measured = measure(frame, task, window.pooled, compared, alpha, "whole")
    found = []
    for one in measured:
        paid = level_of_more(frame, task.check, task.length) if one.metric in (CORRELATION, MARGIN) else alpha
        judged = one.metric not in SHOWN and (one.metric not in BY_HOURS or _has_hours(compared))
        found.append(as_reading(frame, task, one, compared, None, judged=judged, alpha=paid))
    if len(rows) > 1:
        for version, counts in window.versions.items():
            own = reference_of(frame, task, {version: counts.rows})
            measured = measure(frame, task, counts, own, alpha, "version")
            found += [as_reading(frame, task, one, own, version, judged=False) for one in measured]
    return found


def _has_hours(compared: Compared | None) -> bool:
    """Whether the reference can tell how much such a number differs by itself. What several columns or a vector do
    together wanders without any drift, and the number of rows says nothing of that: without hours it is only shown."""
    return compared is None or all(profile.hours is not None for profile, _ in compared.profile.parts)


def _by_segment(frame: Frame, task: Task, measure: Measure) -> Iterator[Reading]:
    for segment, part in segment_windows(frame, task):
        alpha = segment_level(frame, task.check, task.length, 1, segment)
        rows = {version: one.rows for version, one in part.versions.items()}
        compared = reference_of(frame, task, rows, segment, part.versions)
        for one in measure(frame, task, part.pooled, compared, alpha, "segment"):
            brief = replace(one, details={name: value for name, value in one.details.items() if name != "edges"})
            yield as_reading(frame, task, brief, compared, None, judged=True, alpha=alpha, segment=segment)


def segment_windows(frame: Frame, task: Task) -> Iterator[tuple[str, Window]]:
    """The judged segments of a check on a window with their counts, in order of their names."""
    segments = segments_of(frame) if task.length in segment_lengths(task.check) else {}
    windows = frame.segment_windows(task.start, task.end) if segments else {}
    nothing = summary.window(summary.empty(frame.binning), task.start, task.end) if segments else None
    for segment in segments:
        if segment in windows:
            yield segment, windows[segment]
        elif nothing is not None:
            yield segment, Window(task.start, task.end, nothing, {})


def reference_of(
    frame: Frame,
    task: Task,
    rows: Mapping[str, int],
    segment: str | None = None,
    windows: Mapping[str, WindowCounts] | None = None,
) -> Compared | None:
    """What rows of these versions (of one segment) are compared with in this check; None without a reference.
    ``windows``: their counts, for checks that look at the hours of the window."""
    given = task.check.reference
    if isinstance(given, Trailing):
        return trailing.compared_with(frame, given, task.start, task.as_of, segment)
    return frame.compared_with(given, rows, segment, before_hour=task.start, length=task.length, windows=windows)
