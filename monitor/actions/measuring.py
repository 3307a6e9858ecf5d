"""One check on one window: fetch the counts, call the detectors, judge, and put it into readings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerting.bounds import PERFORMANCE, Bounds, bounds_for
from alerting.judge import Judged, judge
from alerting.reading import Reading
from alerting.sentence import sentence
from alerting.words import finite
from detectors.measurement import MINIMUM_ROWS, NO_REFERENCE, TOO_FEW_ROWS, Measurement
from detectors.performance.measure import measure_performance
from detectors.performance.scored import no_labels
from detectors.quality.measure import measure_quality
from detectors.registry import TWO_SAMPLE
from detectors.rise import ENOUGH_WINDOWS
from detectors.sample import sample_of
from detectors.serving.measure import measure_serving
from detectors.shares.auto import measure_drift
from detectors.shares.prediction import measure_prediction_drift
from detectors.summary import WindowCounts
from monitor import clock
from monitor.actions import trailing
from monitor.actions.frame import POOLED, Compared, Frame, Window
from monitor.actions.levels import features_of, is_numeric, judged_metrics, level
from monitor.actions.run_windows import Due
from monitor.config.document import Trailing
from monitor.config.inventory import Check
from monitor.store import summaries

WEEK = 168
SERVING_WEEKS = 4


@dataclass(frozen=True)
class Task:
    """One check on one window as of a moment; ``start`` and ``end`` in hours since 1970."""

    check: Check
    length: int
    due: Due
    as_of: int

    @property
    def end(self) -> int:
        """End hour of the window."""
        return self.due.end // clock.HOUR

    @property
    def start(self) -> int:
        """First hour of the window."""
        return self.end - self.length


def readings_of(frame: Frame, task: Task) -> list[Reading]:
    """Every reading of the check on the window, judged ones and those that are only shown."""
    window = frame.window(task.start, task.end)
    return _KINDS[task.check.kind](frame, task, window)


def _drift(frame: Frame, task: Task, window: Window) -> list[Reading]:
    return _whole_and_versions(frame, task, window, _measure_drift)


def _prediction(frame: Frame, task: Task, window: Window) -> list[Reading]:
    return _whole_and_versions(frame, task, window, _measure_prediction)


def _quality(frame: Frame, task: Task, window: Window) -> list[Reading]:
    return _whole_and_versions(frame, task, window, _measure_quality)


Measure = Callable[[Frame, Task, WindowCounts, Compared | None, float, bool], list[Measurement]]


def _whole_and_versions(frame: Frame, task: Task, window: Window, measure: Measure) -> list[Reading]:
    """The whole window, judged; and each version when it holds several, shown."""
    rows = {version: counts.rows for version, counts in window.versions.items()}
    alpha = level(frame, task.check, task.length, 1)
    compared = _reference(frame, task, rows)
    measured = measure(frame, task, window.pooled, compared, alpha, True)
    found = [_reading(frame, task, one, compared, None, judged=True, alpha=alpha) for one in measured]
    if len(rows) > 1:
        for version, counts in window.versions.items():
            own = _reference(frame, task, {version: counts.rows})
            measured = measure(frame, task, counts, own, alpha, False)
            found += [_reading(frame, task, one, own, version, judged=False) for one in measured]
    return found


def _reference(frame: Frame, task: Task, rows: Mapping[str, int]) -> Compared | None:
    given = task.check.reference
    if isinstance(given, Trailing):
        return trailing.compared_with(frame, given, task.start, task.as_of)
    return frame.compared_with(given, rows)


def _measure_drift(
    frame: Frame, task: Task, counts: WindowCounts, compared: Compared | None, alpha: float, _whole: bool
) -> list[Measurement]:
    names = [f"feature.{name}" for name in features_of(frame, task.check)]
    if compared is None:
        return [_no_reference("ks" if is_numeric(frame, n) else "l_infinity", n, counts.rows) for n in names]
    if task.check.method != "auto":
        names = _fitting(frame, task.check.method, names)
        return [_two_sample(frame, task.check.method, n, counts, compared) for n in names]
    return measure_drift(
        frame.binning,
        names,
        counts,
        compared.profile,
        length_hours=task.length,
        tolerance=frame.settings.tolerance,
        alpha=alpha,
    )


def _measure_prediction(
    frame: Frame, task: Task, counts: WindowCounts, compared: Compared | None, alpha: float, _whole: bool
) -> list[Measurement]:
    if "prediction" not in frame.binning.by_name:
        return []
    if compared is None:
        metric = "prediction_ks" if frame.meaning.task == "regression" else "class_share"
        return [_no_reference(metric, None, counts.rows)]
    if task.check.method != "auto":
        names = _fitting(frame, task.check.method, [n for n in ("prediction", "score") if n in frame.binning.by_name])
        return [replace(_two_sample(frame, task.check.method, n, counts, compared), feature=None) for n in names[:1]]
    return measure_prediction_drift(
        frame.binning,
        frame.meaning.task,
        counts,
        compared.profile,
        length_hours=task.length,
        tolerance=frame.settings.tolerance,
        alpha=alpha,
    )


def _fitting(frame: Frame, method: str, names: Sequence[str]) -> list[str]:
    """The columns that a registered test is for."""
    fits = TWO_SAMPLE[method].kinds
    return [name for name in names if ("numeric" if is_numeric(frame, name) else "categorical") in fits]


def _two_sample(frame: Frame, method: str, name: str, counts: WindowCounts, compared: Compared) -> Measurement:
    """A registered test on the counts of one column."""
    reference = sample_of(frame.binning, name, compared.profile.total, compared.profile.moments)
    current = sample_of(frame.binning, name, counts.counts, counts.moments)
    feature = name.removeprefix("feature.")
    n_reference, n_current = round(reference.rows), round(current.rows)
    if n_reference == 0 or n_current < MINIMUM_ROWS:
        reason = NO_REFERENCE if n_reference == 0 else TOO_FEW_ROWS
        return Measurement(method, None, n_reference, n_current, feature=feature, reason=reason)
    result = TWO_SAMPLE[method].compare(reference, current)
    value = None if result.reason else result.value
    return Measurement(
        metric=method,
        value=value,
        n_reference=n_reference,
        n_current=n_current,
        feature=feature,
        lower=result.lower,
        upper=result.upper,
        p_value=result.p_value,
        effect=value,
        effect_lower=result.lower,
        effect_upper=result.upper,
        reason=result.reason,
        details=result.details,
    )


def _measure_quality(
    frame: Frame, task: Task, counts: WindowCounts, compared: Compared | None, alpha: float, whole: bool
) -> list[Measurement]:
    names = [f"feature.{name}" for name in features_of(frame, task.check)]
    if compared is None:
        return [_no_reference("missing_share", name, counts.rows) for name in names]
    rejected, conflicting = summaries.rejects(frame.connection, frame.model.id, task.start, task.end)
    measured = measure_quality(
        frame.binning,
        counts,
        compared.profile,
        length_hours=task.length,
        alpha=alpha,
        duplicates=(conflicting, counts.rows + conflicting),
        rejected=(rejected, counts.rows + rejected),
    )
    wanted = {*features_of(frame, task.check), *([None] if whole else [])}
    return [one for one in measured if one.feature in wanted]


def _performance(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """Each version on its own, judged; all together when there are several, shown."""
    labels = frame.labels(task.start, task.end, task.as_of)
    versions = list(window.versions) or [""]
    alpha = level(frame, task.check, task.length, len(versions))
    found = []
    for version in versions:
        counts = window.versions.get(version)
        rows = {version: window.pooled.rows if counts is None else counts.rows}
        found += _performance_of(
            frame, task, version, rows, counts or window.pooled, labels.get(version), alpha, judged=True
        )
    if len(versions) > 1:
        together = sum(labels.values(), no_labels(frame.binning.scores))
        rows = {version: counts.rows for version, counts in window.versions.items()}
        found += _performance_of(frame, task, None, rows, window.pooled, together, alpha, judged=False)
    return found


def _performance_of(
    frame: Frame,
    task: Task,
    version: str | None,
    rows: Mapping[str, int],
    counts: WindowCounts,
    labels: Any,
    alpha: float,
    *,
    judged: bool,
) -> list[Reading]:
    compared = _reference(frame, task, rows)
    profile = None if compared is None else compared.profile
    windows = [] if profile is None else profile.label_windows(task.length, task.end % task.length)
    measured = measure_performance(
        frame.binning.scores,
        no_labels(frame.binning.scores) if labels is None else labels,
        predictions=_with_prediction(frame, counts.counts),
        reference=None if profile is None else profile.labels,
        reference_predictions=0 if profile is None else _with_prediction(frame, profile.total),
        reference_windows=windows,
        alpha=alpha,
        tolerances=tolerated_losses(task.check, short=len(windows) < ENOUGH_WINDOWS),
        mature=(POOLED if version is None else version) in task.due.mature,
    )
    if task.check.metric is not None:
        measured = [one for one in measured if one.metric in (task.check.metric, "label_coverage")]
    return [_reading(frame, task, one, compared, version, judged=judged, alpha=alpha) for one in measured]


def tolerated_losses(check: Check, *, short: bool) -> dict[str, float]:
    """What is tested is what is judged: the loss of each metric above which it is a warning."""
    drop = None if check.threshold is None else check.threshold.drop
    given = None if drop is None else {"drop": drop}
    found = {}
    for metric in PERFORMANCE:
        bounds = bounds_for("performance", metric, short_reference=short, threshold=given)
        found[metric] = 0.0 if bounds is None else bounds.warning
    return found


def _with_prediction(frame: Frame, counts: Any) -> int:
    """Rows that have a prediction: the others can never be right or wrong."""
    if "prediction" not in frame.binning.by_name:
        return int(counts[0])
    return round(float(counts[0] - counts[frame.binning.extra("prediction", "missing")]))


def _serving(frame: Frame, task: Task, window: Window) -> list[Reading]:
    history = []
    oldest = frame.model.oldest_prediction
    for week in range(1, SERVING_WEEKS + 1):
        start = task.start - week * WEEK
        if oldest is not None and start * clock.HOUR >= oldest - oldest % clock.HOUR:
            history.append(frame.window(start, start + task.length).pooled)
    measured = measure_serving(frame.binning, window.pooled, history, minutes_since_newest=_silence(frame, task))
    found = [_reading(frame, task, one, None, None, judged=True) for one in measured]
    if len(window.versions) > 1:
        for version, counts in window.versions.items():
            shown = measure_serving(frame.binning, counts, [], minutes_since_newest=None)
            found += [
                _reading(frame, task, replace(one, reason=None), None, version, judged=False)
                for one in shown
                if one.metric != "freshness_minutes"
            ]
    return found


def _silence(frame: Frame, task: Task) -> float | None:
    """Minutes from the newest prediction before the window's end to that end."""
    newest = summaries.newest_prediction(frame.connection, frame.model.id, task.end)
    return None if newest is None else (task.due.end - newest) / clock.MINUTE


def _no_reference(metric: str, name: str | None, rows: int) -> Measurement:
    feature = None if name is None else name.removeprefix("feature.")
    return Measurement(metric, None, 0, rows, feature=feature, reason=NO_REFERENCE)


def _bounds(frame: Frame, task: Task, measured: Measurement) -> Bounds | None:
    check = task.check
    if check.kind == "performance" and check.threshold is not None:
        wanted = (check.metric,) if check.metric else judged_metrics(frame)
        if measured.metric not in wanted:
            return None
    if check.metric is not None and measured.metric != check.metric:
        return None
    threshold = None if check.threshold is None else check.threshold.model_dump(exclude_none=True)
    return bounds_for(
        check.kind,
        measured.metric,
        tolerance=frame.settings.tolerance,
        short_reference=bool(measured.details.get("short_reference")),
        threshold=threshold,
    )


def _reading(
    frame: Frame,
    task: Task,
    measured: Measurement,
    compared: Compared | None,
    version: str | None,
    *,
    judged: bool,
    alpha: float | None = None,
) -> Reading:
    """``alpha``: the ledger's level, which a judged reading carries also where it cannot tell."""
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
    reading = Reading(
        check=task.check.name,
        kind=task.check.kind,
        metric=measured.metric,
        feature=measured.feature,
        segment=None,
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
    return replace(reading, details=finite({**details, "summary": sentence(reading)}))


def _number(value: float | None) -> float | None:
    """NaN is nothing: it would never be equal to what is stored."""
    return None if value is None or math.isnan(value) else value


_KINDS: dict[str, Callable[[Frame, Task, Window], list[Reading]]] = {
    "data_drift": _drift,
    "prediction_drift": _prediction,
    "data_quality": _quality,
    "performance": _performance,
    "serving": _serving,
}


def judged_readings(found: Sequence[Reading]) -> list[Reading]:
    """Those with a verdict: what rules look at."""
    return [reading for reading in found if reading.verdict is not None]
