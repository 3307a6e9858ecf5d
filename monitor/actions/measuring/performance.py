"""Performance of a window whose labels are known, or not yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial, reduce
from operator import add
from typing import Any

import numpy as np

from alerting.bounds import PERFORMANCE, bounds_for
from alerting.reading import Reading
from detectors.estimation.concept import CONCEPT
from detectors.estimation.labelled_mix import new_labels
from detectors.estimation.measure import estimate_performance
from detectors.measurement import Measurement
from detectors.performance.estimate import Estimate
from detectors.performance.hourly import LabelHours
from detectors.performance.measure import Usual, measure_performance
from detectors.performance.scored import WHOLE_SUMS, LabelCounts, no_labels
from detectors.performance.usual import OF_ALL_ROWS, Asked, UsualValue, rows_by_hour, usual_value
from detectors.performance.weighting import ALL_KNOWN, Known
from detectors.profile import Reference
from detectors.quality.unusable_output import without_use
from detectors.rise import ENOUGH_WINDOWS
from detectors.shares.errors import UsualErrors, part_by_hour, usual_errors
from detectors.summary import WindowCounts
from monitor.actions.frame import POOLED, Frame, Window
from monitor.actions.label_arrivals import known_of
from monitor.actions.label_feed import too_late
from monitor.actions.levels import judged_metrics, judges_concept, level, level_of_more, segment_level
from monitor.actions.measuring.as_reading import as_reading
from monitor.actions.measuring.concept import Labelled, asked_concept, judged_concept
from monitor.actions.measuring.expected_loss import expected_losses
from monitor.actions.measuring.task import Task
from monitor.actions.measuring.whole import reference_of, segment_windows
from monitor.actions.pinned_labels import compared_by_labels
from monitor.config.inventory import Check

_DAY = 24  # hours


def performance(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """Each version on its own, and in each segment, judged; all together when there are several, shown."""
    labels = frame.label_hours(task.start, task.end, task.as_of)
    versions = list(window.versions) or [""]
    alpha = level(frame, task.check, task.length, len(versions))
    more = level_of_more(frame, task.check, task.length, len(versions)) if judges_concept(frame, task.check) else None
    found = []
    for version in versions:
        counts = window.versions.get(version)
        rows = {version: window.pooled.rows if counts is None else counts.rows}
        whole = counts or window.pooled
        found += _performance_of(
            frame, task, version, rows, whole, labels.get(version), alpha, judged=True, of_concept=more
        )
    if len(versions) > 1:
        together = reduce(add, labels.values()) if labels else None
        rows = {version: counts.rows for version, counts in window.versions.items()}
        found += _performance_of(frame, task, None, rows, window.pooled, together, alpha, judged=False)
    return [*found, *_by_segment(frame, task)]


def _by_segment(frame: Frame, task: Task) -> Iterator[Reading]:
    """What is judged, of each version in each segment that has rows. There may be many: their hours are not drawn
    anew, and intervals rest on rows and on the reference's windows."""
    labels: Mapping[str, Mapping[str, LabelCounts]] | None = None
    for segment, part in segment_windows(frame, task):
        labels = frame.segment_labels(task.start, task.end, task.as_of) if labels is None else labels
        alpha = segment_level(frame, task.check, task.length, len(part.versions), segment)
        for version, counts in part.versions.items():
            known = labels.get(segment, {}).get(version)
            made = _performance_of(
                frame, task, version, {version: counts.rows}, counts, known, alpha, judged=True, segment=segment
            )
            yield from (one for one in made if one.metric == task.check.metric or one.metric in judged_metrics(frame))


def _performance_of(
    frame: Frame,
    task: Task,
    version: str | None,
    rows: Mapping[str, int],
    counts: WindowCounts,
    labels: LabelHours | LabelCounts | None,
    alpha: float,
    *,
    judged: bool,
    segment: str | None = None,
    of_concept: float | None = None,
) -> list[Reading]:
    """``of_concept``: the level at which concept drift is judged, None where it is only shown."""
    compared = compared_by_labels(frame, reference_of(frame, task, rows, segment), task.as_of)
    profile = None if compared is None else compared.profile
    windows = [] if profile is None else profile.label_windows(task.length, task.end % task.length)
    shorter = [] if profile is None or task.length <= _DAY else profile.label_windows(_DAY, task.end % _DAY)
    hours = labels if isinstance(labels, LabelHours) else None
    current = labels.total if isinstance(labels, LabelHours) else labels or no_labels(frame.binning.scores)
    predictions = _with_prediction(frame, counts.counts)
    known = _known(frame, task, rows, current.rows, predictions, segment)
    measured = measure_performance(
        frame.binning.scores,
        current,
        predictions,
        reference=None if profile is None else profile.labels,
        reference_predictions=0 if profile is None else _with_prediction(frame, profile.total),
        reference_windows=windows,
        alpha=alpha,
        tolerances=tolerated_losses(task.check, short=len(windows) < ENOUGH_WINDOWS),
        mature=(POOLED if version is None else version) in task.due.mature
        and (segment is None or has_enough_labels(frame, counts, current)),
        known=known,
        usual=_usual(frame, task, counts, profile, hours),
        hours=hours,
        shorter_windows=shorter,
        shorter_part=min(1.0, _DAY / task.length),
    )
    measured = _with_new_labels(frame, measured, current, profile)
    if segment is None:
        measured = _with_too_late(frame, task, measured)
    looked = Labelled(current, profile, windows, known, measured[-1].details)
    shown: list[Measurement] = []
    if task.check.metric in CONCEPT.get(frame.meaning.task, ()):
        measured = [asked_concept(frame, task.check.metric, looked), measured[-1]]
    elif task.check.metric is not None:
        measured = [one for one in measured if one.metric in (task.check.metric, "label_coverage")]
    elif profile is not None and segment is None:
        if not task.due.same_rows:
            shown = _estimated(frame, task, rows, counts, profile, looked.shared)
        shown += judged_concept(frame, task, looked, rows, counts, of_concept)
    if known.delay is not None and task.check.metric is None:
        shown.append(known.delay)
    reading = partial(as_reading, compared=compared, version=version, segment=segment)
    return [
        *(reading(frame, task, one, judged=judged, alpha=alpha) for one in measured),
        *(reading(frame, task, one, judged=one.alpha is not None, alpha=one.alpha) for one in shown),
    ]


def _known(
    frame: Frame, task: Task, rows: Mapping[str, int], labelled: int, predictions: int, segment: str | None
) -> Known:
    """What may be said of the labels; of a segment not whether they come as they did, which is known of all rows."""
    if labelled >= predictions or (segment is not None and not labelled):
        return ALL_KNOWN
    found = known_of(frame, task.start, task.end, task.as_of, rows, any_labels=labelled > 0)
    return found if segment is None else replace(found, delay=None)


def _with_new_labels(
    frame: Frame, measured: list[Measurement], current: LabelCounts, profile: Reference | None
) -> list[Measurement]:
    """Accuracy with ``details.new_labels``, where labels are none of the model's classes, and were in the reference."""
    if profile is None or frame.meaning.task == "regression" or current.rows == 0:
        return measured
    share = new_labels(frame.binning.scores, current, profile.labels)
    if share is None:
        return measured
    told = {"new_labels": share}
    return [replace(one, details={**one.details, **told}) if one.metric == "accuracy" else one for one in measured]


def _with_too_late(frame: Frame, task: Task, measured: list[Measurement]) -> list[Measurement]:
    """Coverage, and what waits for labels, with ``details.too_late``: many come after nobody waits for them."""
    told = too_late(frame, task.as_of)
    if told is None:
        return measured
    return [
        replace(one, details={**one.details, "too_late": told})
        if one.metric == "label_coverage" or not one.details.get("mature", True)
        else one
        for one in measured
    ]


def _usual(
    frame: Frame, task: Task, counts: WindowCounts, profile: Reference | None, hours: LabelHours | None
) -> Usual | None:
    """How metrics behave in the reference at the window's hours. Rows that have a label are spread over these as
    ``hours`` says; without them, where a metric rests on all rows, as predictions are."""
    if profile is None:
        return None
    layout, end = frame.binning.scores, task.end

    def usual(
        metric: str, labels: LabelCounts, then: Estimate, tolerance: float, alpha: float
    ) -> UsualErrors | UsualValue | None:
        if metric == "accuracy":
            return usual_errors(
                layout, profile, counts, labels, length_hours=task.length, tolerance=tolerance, alpha=alpha
            )
        if hours is not None:
            by_hour = rows_by_hour(layout, metric, *hours.arrays(np.arange(len(labels.counts)), WHOLE_SUMS))
        elif metric in OF_ALL_ROWS:
            by_hour = part_by_hour(counts, task.length)
        else:
            return None
        return usual_value(Asked(layout, metric, end, labels, by_hour, tolerance, alpha), profile, then)

    return usual


def _estimated(
    frame: Frame,
    task: Task,
    rows: Mapping[str, int],
    counts: WindowCounts,
    reference: Reference,
    shared: Mapping[str, Any],
) -> list[Measurement]:
    """What the reference's labels let expect of all predictions; labels of the window's own change nothing here."""
    from_rows = expected_losses(frame, task, rows)
    return estimate_performance(frame.binning, counts, reference, shared, from_rows)


def has_enough_labels(frame: Frame, counts: WindowCounts, labels: Any) -> bool:
    """Whether enough of a segment's predictions have a label."""
    known = 0 if labels is None else labels.rows
    return bool(known > 0 and known >= frame.settings.min_label_coverage * _with_prediction(frame, counts.counts))


_LIKE = {"rmse": "mae"}  # what is tolerated of a metric that is not judged by default; of others as of accuracy


def tolerated_losses(check: Check, *, short: bool) -> dict[str, float]:
    """What is tested is what is judged: the loss of each metric above which it is a warning. Beyond those that are
    judged by default, of the one that a check asks it of."""
    drop = None if check.threshold is None else check.threshold.drop
    given = None if drop is None else {"drop": drop}
    asked = check.threshold is not None and check.threshold.warning is None and check.metric is not None
    found = {}
    for metric in dict.fromkeys((*PERFORMANCE, check.metric or "") if asked else PERFORMANCE):
        usual = metric if metric in PERFORMANCE else _LIKE.get(metric, "accuracy")
        bounds = bounds_for("performance", usual, short_reference=short, threshold=given)
        found[metric] = 0.0 if bounds is None else bounds.warning
    return found


def _with_prediction(frame: Frame, counts: Any) -> int:
    """Rows that have a prediction of use: the others can never be right or wrong."""
    return round(float(counts[0] - without_use(frame.binning, "prediction", counts)))
