"""A measurement, judged, as the reading that is stored."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from alerting.bounds import ESTIMATES, Bounds, bounds_for
from alerting.judge import Judged, judge
from alerting.reading import Reading
from alerting.sentence import sentence
from alerting.words import finite
from detectors.estimation.label_shift import METRIC as BASE_RATE
from detectors.measurement import BEFORE_REFERENCE, NO_REFERENCE, Measurement
from monitor import clock
from monitor.actions.frame import POOLED, Compared, Frame
from monitor.actions.levels import judged_metrics
from monitor.actions.measuring.task import Task
from monitor.actions.pinned_labels import awaited

_OF_TRAFFIC = ("duplicate_share", "rejected_share")  # are compared with none at all
_COMPARES_ROWS = ("data_drift", "prediction_drift", "data_quality")


def as_reading(
    frame: Frame,
    task: Task,
    measured: Measurement,
    compared: Compared | None,
    version: str | None,
    *,
    judged: bool,
    alpha: float | None = None,
    segment: str | None = None,
) -> Reading:
    """``alpha``: the ledger's level, which a judged reading carries also where it cannot tell."""
    if measured.value is not None and measured.metric not in _OF_TRAFFIC and _begins_before(frame, task, compared):
        measured = replace(measured, reason=BEFORE_REFERENCE)
    bounds = _bounds(frame, task, measured) if judged else None
    verdict = judge(measured, bounds) if judged else Judged(None, measured.reason)
    in_ledger = judged and bounds is not None and task.check.in_ledger
    details: dict[str, Any] = {
        **measured.details,
        "effect": measured.effect,
        "effect_lower": measured.effect_lower,
        "effect_upper": measured.effect_upper,
        "critical": verdict.critical,
    }
    if bounds is not None:
        details["judged"] = bounds.quantity
    if version is None:
        details["pooled"] = True
    if measured.reason == NO_REFERENCE:
        details |= _why_none(frame, task, measured, compared)
    reading = Reading(
        check=task.check.name,
        kind=task.check.kind,
        metric=measured.metric,
        feature=measured.feature,
        segment=segment,
        version=version or None,
        start=task.start * clock.HOUR,
        end=task.due.end,
        as_of=task.as_of,
        revision=1,
        value=_number(measured.value),
        lower=_number(measured.lower),
        upper=_number(measured.upper),
        p_value=_number(measured.p_value),
        threshold=verdict.threshold,
        alpha=alpha if in_ledger else None,
        verdict=verdict.verdict,
        reason=verdict.reason,
        n_reference=measured.n_reference,
        n_current=measured.n_current,
        mde=measured.mde,
        reference_name=None if compared is None else compared.name,
        reference_version=None if compared is None else compared.version,
        details=details,
    )
    told = finite({**details, "summary": sentence(reading)})
    details.clear()  # which the reading holds: to make another one for it would take as long as all else here
    details.update(told)
    return reading


def _begins_before(frame: Frame, task: Task, compared: Compared | None) -> bool:
    """Whether a window holds the begin of the stretch of the log that it would be compared with, and the log is older:
    as far as the window is older than what was accepted as the new normal, it is the old one."""
    if compared is None or task.check.kind not in _COMPARES_ROWS:
        return False
    return any(
        one.pinned and one.start is not None and _holds_begin(frame, task, version, one.start)
        for one, version, *_ in compared.chosen
    )


def _holds_begin(frame: Frame, task: Task, version: str, start: int) -> bool:
    if not task.start < start // clock.HOUR < task.due.end // clock.HOUR:
        return False
    first_row, _ = frame.lifetimes.get(version) or frame.lifetimes[POOLED]
    return first_row < start


def _why_none(frame: Frame, task: Task, measured: Measurement, compared: Compared | None) -> dict[str, Any]:
    """What details say where there is no reference: which name is asked for, or that it waits for labels."""
    if compared is None:
        return {} if task.check.reference is None else {"asked_reference": str(task.check.reference)}
    of_labels = task.check.kind in ("performance", "fairness") or measured.metric == BASE_RATE
    waits = awaited(frame, compared, task.as_of) if of_labels and frame.model.n_labels else None
    return {} if waits is None else {"awaited": waits}


def _bounds(frame: Frame, task: Task, measured: Measurement) -> Bounds | None:
    check = task.check
    if check.kind == "performance" and check.threshold is not None and not check.is_stream:
        wanted = (check.metric,) if check.metric else judged_metrics(frame)
        if measured.metric not in wanted:
            return None
    if measured.metric != check.metric and (check.metric is not None or measured.metric in ESTIMATES):
        return None
    return bounds_for(
        check.kind,
        measured.metric,
        own=measured.details.get("limit"),
        tolerance=frame.settings.tolerance,
        short_reference=bool(measured.details.get("short_reference")),
        threshold=check.bound,
    )


def _number(value: float | None) -> float | None:
    """NaN is nothing: it would never be equal to what is stored."""
    return None if value is None or math.isnan(value) else value


def no_reference(metric: str, name: str | None, rows: int) -> Measurement:
    """The measurement of a number that has no reference."""
    feature = None if name is None else name.removeprefix("feature.")
    return Measurement(metric, None, 0, rows, feature=feature, reason=NO_REFERENCE)
