"""Concept drift of a window: whether its labels keep to what the reference's labels let expect of such rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from alerting.bounds import bounds_for
from detectors.estimation.concept import Otherwise, gap_of, measure_concept
from detectors.estimation.judging import Judging
from detectors.measurement import IMMATURE_LABELS, NO_REFERENCE, TOO_FEW_ROWS, Measurement
from detectors.performance.estimate import Estimate
from detectors.performance.scored import LabelCounts
from detectors.performance.weighting import Known
from detectors.profile import Reference
from detectors.rise import ENOUGH_WINDOWS
from detectors.summary import WindowCounts
from monitor.actions.frame import Frame
from monitor.actions.measuring.class_rows import class_table
from monitor.actions.measuring.expected_loss import expected_losses
from monitor.actions.measuring.task import Task

SHARED = ("coverage", "labelled", "predictions", "mature")  # details of the window that all its measurements have


@dataclass(frozen=True)
class Labelled:
    """Labelled rows of a version of a window, the ``windows`` of its reference, what is ``known`` of the labels, and
    the ``details`` that all its measurements have."""

    labels: LabelCounts
    reference: Reference | None
    windows: Sequence[LabelCounts]
    known: Known
    details: Mapping[str, Any]

    @property
    def is_one_sided(self) -> bool:
        """Whether labels are missing that may be unlike those that are there, and nothing makes up for that: what comes
        late then looks like what no longer comes."""
        return self.known.unlike and self.known.weighting is None

    @property
    def shared(self) -> dict[str, Any]:
        """Of the details, those that every number has."""
        return {name: self.details[name] for name in SHARED}


def judged_concept(
    frame: Frame, task: Task, looked: Labelled, rows: Mapping[str, int], counts: WindowCounts, alpha: float | None
) -> list[Measurement]:
    """What the check of every model says of it; a gap has ``alpha`` and is judged, if that is given and labels are not
    missing from one side. ``counts`` of all rows, of these versions."""
    of_rows = partial(_mae_of_rows, frame, task, rows)
    sound = frame.meaning.task == "regression" or not looked.is_one_sided
    judging = _judging(frame, task, alpha, len(looked.windows)) if sound else None
    classes = partial(class_table, frame, task, rows, of_performance=True)
    found = _measured(frame, looked, Otherwise(judging, counts, of_rows, classes))
    return found if sound else [replace(one, details={**one.details, "uncorrected": True}) for one in found]


def asked_concept(frame: Frame, metric: str, looked: Labelled) -> Measurement:
    """The number that a check asks for, with a p-value to judge it by; or why there is none."""
    for one in _measured(frame, looked, Otherwise()):
        if one.metric == metric:
            return replace(one, p_value=1.0 if one.p_value is None else one.p_value)
    reason = NO_REFERENCE if looked.reference is None else TOO_FEW_ROWS
    if looked.reference is not None and not looked.details["mature"]:
        reason = IMMATURE_LABELS
    rows = 0 if looked.reference is None else looked.reference.labels.rows
    return Measurement(metric, None, rows, looked.labels.rows, reason=reason, details=looked.shared)


def _measured(frame: Frame, looked: Labelled, otherwise: Otherwise) -> list[Measurement]:
    if looked.reference is None or not looked.details["mature"]:
        return []
    given = frame.binning, looked.labels, looked.reference, looked.windows, looked.known, looked.shared
    return measure_concept(*given, otherwise)


def _judging(frame: Frame, task: Task, alpha: float | None, windows: int) -> Judging | None:
    metric = gap_of(frame.binning)
    bounds = None if metric is None else bounds_for(task.check.kind, metric, short_reference=windows < ENOUGH_WINDOWS)
    return None if bounds is None or alpha is None else Judging(alpha, bounds.warning, windows)


def _mae_of_rows(frame: Frame, task: Task, rows: Mapping[str, int]) -> Estimate | None:
    """What features and predictions of the window let expect, worked out where it is asked for."""
    return expected_losses(frame, task, rows).get("mae")
