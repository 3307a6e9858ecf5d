"""Errors of labelled rows one after the other, in the order in which their labels became known: a check with a method.

The stream of a window is the labels that became known within it, of predictions up to ``label_horizon`` before it. A
detector starts anew with each window, so a reading is a function of the store and as_of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import exp

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alerting.reading import Reading
from detectors.measurement import MINIMUM_ROWS, MISSING_EXTRA, NO_REFERENCE, NOT_CLASSES, TOO_FEW_ROWS, Measurement
from detectors.performance.accuracy import accuracy
from detectors.performance.scored import LabelCounts
from detectors.registry import SEQUENTIAL
from detectors.streams import START, Usual, has_river
from monitor import clock
from monitor.actions.frame import Frame, Window
from monitor.actions.from_probabilities import with_prediction
from monitor.actions.labelled_rows import standing
from monitor.actions.measuring.as_reading import as_reading
from monitor.actions.measuring.task import Task
from monitor.actions.measuring.whole import reference_of
from monitor.actions.pinned_labels import compared_by_labels
from monitor.config.inventory import Check
from monitor.store import summaries
from monitor.store.observations.base import ScoredRows


@dataclass(frozen=True)
class Stream:
    """``errors`` float64 [n], 1 where the prediction was wrong, and the hour at which each label became known."""

    errors: NDArray[np.float64]
    known_hours: NDArray[np.int64]


def stream(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """One reading per version that has predictions in the window, or labels that became known in it."""
    found = dict(_streams(frame, task))
    versions = sorted({*found, *window.versions}) or [""]
    empty = Stream(np.empty(0), np.empty(0, np.int64))
    readings = []
    for version in versions:
        compared = compared_by_labels(frame, reference_of(frame, task, {version: 1}), task.as_of)
        before = None if compared is None else compared.profile.labels
        measured = _measure(frame, task.check, found.get(version, empty), before)
        readings.append(as_reading(frame, task, measured, compared, version, judged=True))
    return readings


def _measure(frame: Frame, check: Check, seen: Stream, before: LabelCounts | None) -> Measurement:
    detector = SEQUENTIAL[check.method]
    errors, known_hours = seen.errors[-detector.most_rows :], seen.known_hours[-detector.most_rows :]
    usual = None if before is None or before.rows < MINIMUM_ROWS else accuracy(frame.binning.scores, before)
    reason = _reason(frame, check, len(errors), usual is not None)
    rows = 0 if usual is None else usual.rows
    if reason is not None or usual is None:
        return Measurement(check.method, None, rows, len(errors), reason=reason, details={"labelled": len(errors)})
    bound = exp(min((check.bound or {}).get("warning", 0.0), 700.0))
    expected = Usual.of((1 - usual.value) * usual.rows, usual.rows, frame.settings.tolerance, bound)
    _, measured = detector.step(START, errors, expected)
    first = measured.details["first_alarm_row"]
    at = None if first is None else clock.render(int(known_hours[first]) * clock.HOUR)
    shares = {"usual": 1 - usual.value, "error_rate": float(errors.mean())}
    more = {"labelled": len(errors), "first_alarm": at, **shares}
    return replace(measured, n_reference=rows, details={**measured.details, **more})


def _reason(frame: Frame, check: Check, rows: int, has_reference: bool) -> str | None:
    if frame.meaning.task == "regression":
        return NOT_CLASSES
    if not (SEQUENTIAL[check.method].guaranteed or has_river()):
        return MISSING_EXTRA
    if rows < MINIMUM_ROWS:
        return TOO_FEW_ROWS
    return None if has_reference else NO_REFERENCE


def _streams(frame: Frame, task: Task) -> Iterator[tuple[str, Stream]]:
    horizon = clock.parse_duration(frame.settings.label_horizon) // clock.HOUR
    hours = summaries.hours_labelled(
        frame.connection, frame.model.id, task.start - horizon, task.end, task.start, task.end
    )
    rows = frame.service.observations.scored(frame.connection, frame.model.stored, hours)
    rows = with_prediction(frame.meaning, rows)
    chosen = _standing(rows, task.start, task.end)
    versions = rows.version.take(pa.array(chosen))
    wrong = pc.not_equal(rows.prediction, rows.label).take(pa.array(chosen))
    for version in sorted(pc.unique(versions).to_pylist()):
        mine = pc.equal(versions, version).to_numpy(zero_copy_only=False)
        errors = wrong.filter(pa.array(mine)).cast(pa.float64()).to_numpy(zero_copy_only=False)
        yield version, Stream(errors, rows.known_hour[chosen[mine]])


def _standing(rows: ScoredRows, start: int, end: int) -> NDArray[np.int64]:
    """Row numbers of the revisions that stand at hour ``end`` and became known after ``start``, with a prediction, in
    order of the hour at which they did, then of the prediction's hour and id."""
    chosen = standing(rows, end)
    chosen = chosen[rows.known_hour[chosen] > start]
    in_order: NDArray[np.int64] = chosen[np.argsort(rows.known_hour[chosen], kind="stable")]
    return in_order
