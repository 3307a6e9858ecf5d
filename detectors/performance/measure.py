"""All performance measurements of a window, and which of them are judged against the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from detectors.cuts import ScoreLayout
from detectors.measurement import (
    IMMATURE_LABELS,
    MINIMUM_ROWS,
    NO_ERRORS,
    NO_REFERENCE,
    NO_VARIATION,
    TOO_FEW_ROWS,
    TOO_LARGE,
    Measurement,
)
from detectors.performance.accuracy import accuracy
from detectors.performance.bias import bias
from detectors.performance.brier import brier
from detectors.performance.estimate import Estimate, Score
from detectors.performance.f1 import f1
from detectors.performance.hourly import LabelHours
from detectors.performance.label_coverage import label_coverage
from detectors.performance.label_delay import SLOWER
from detectors.performance.log_loss import log_loss
from detectors.performance.loss import (
    Compared,
    Loss,
    fall_of,
    loss_of_accuracy,
    loss_of_mae,
    loss_of_precision,
    loss_of_recall,
    loss_of_rmse,
    loss_of_roc_auc,
    rise_of,
)
from detectors.performance.macro import macro_f1, macro_precision, macro_recall
from detectors.performance.mae import mae
from detectors.performance.precision import precision
from detectors.performance.r2 import r2
from detectors.performance.reach import Unrest
from detectors.performance.recall import recall
from detectors.performance.rmse import rmse
from detectors.performance.roc_auc import roc_auc
from detectors.performance.scored import LabelCounts
from detectors.performance.usual import UsualValue
from detectors.performance.weighting import ALL_KNOWN, ASSUMPTION, ENOUGH, Known
from detectors.rise import ENOUGH_WINDOWS
from detectors.shares.errors import UsualErrors


class Usual(Protocol):
    """What a metric usually is at the hours of a window."""

    def __call__(
        self, metric: str, labels: LabelCounts, then: Estimate, tolerance: float, alpha: float
    ) -> UsualErrors | UsualValue | None:
        """Of a window with these labelled rows, beside the metric of all of the reference; None: nobody knows."""


METRICS: Mapping[str, Mapping[str, Score]] = {
    "binary": {
        "accuracy": accuracy,
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "roc_auc": roc_auc,
        "log_loss": log_loss,
        "brier": brier,
    },
    "multiclass": {
        "accuracy": accuracy,
        "macro_precision": macro_precision,
        "macro_recall": macro_recall,
        "macro_f1": macro_f1,
        "log_loss": log_loss,
    },
    "regression": {"mae": mae, "rmse": rmse, "bias": bias, "r2": r2},
}
JUDGED: Mapping[str, Mapping[str, Loss]] = {
    "binary": {"accuracy": loss_of_accuracy, "roc_auc": loss_of_roc_auc},
    "multiclass": {"accuracy": loss_of_accuracy},
    "regression": {"mae": loss_of_mae},
}
# What a check may ask a drop of. Not macro metrics: with a few rows of a rare class normal limits are crossed by chance
# twice as often as they say. Bias is good in the middle, and r2 falls where labels vary less.
TESTED: Mapping[str, Mapping[str, Loss]] = {
    "binary": {
        "accuracy": loss_of_accuracy,
        "precision": loss_of_precision,
        "recall": loss_of_recall,
        "f1": fall_of(f1),
        "roc_auc": loss_of_roc_auc,
        "log_loss": rise_of(log_loss),
        "brier": rise_of(brier),
    },
    "multiclass": {
        "accuracy": loss_of_accuracy,
        "log_loss": rise_of(log_loss),
    },
    "regression": {"mae": loss_of_mae, "rmse": loss_of_rmse},
}
OF_SCORES = {"roc_auc", "log_loss", "brier"}  # left out altogether where rows have no probabilities
FEW_MISSING = 0.05  # of the labels: where nobody knows how they come, so few may be those that never do
MATTERS = 0.005  # a mature window's number is corrected for labels that come late when that moves it by more


def measure_performance(
    layout: ScoreLayout,
    current: LabelCounts,
    predictions: int,
    reference: LabelCounts | None,
    reference_predictions: int,
    reference_windows: Sequence[LabelCounts],
    *,
    alpha: float,
    tolerances: Mapping[str, float],
    mature: bool,
    known: Known = ALL_KNOWN,
    usual: Usual | None = None,
    min_rows: int = MINIMUM_ROWS,
    hours: LabelHours | None = None,
    shorter_windows: Sequence[LabelCounts] = (),
    shorter_part: float = 1.0,
) -> list[Measurement]:
    """Every metric of the task, with its 95 % interval, then ``label_coverage``.

    ``predictions``: rows of the window, labelled or not. ``reference_windows``: disjoint windows of this length of the
    reference. ``tolerances``: of each metric that is judged against it. Those carry ``effect``, the loss against it
    (``mae``, ``rmse``: relative rise), with one-sided limits at ``alpha``, and ``p_value`` of H0: loss <= tolerance. A
    reason stands where a metric may not be judged, or has no value: ``too_few_rows``, ``immature_labels`` (not
    ``mature``, or a class of which next to nothing is ``known``), ``no_reference`` (none, or under ``min_rows``
    labelled), of judged metrics alone: a bound on the value of another one needs no reference. ``usual``: what is usual
    at the window's hours; without it the reference's own value, and the spread of its windows.

    Intervals are as wide as rows that go together need: as the reference's windows of this length show, or else
    ``shorter_windows`` of it, each of ``shorter_part`` of the window's hours, or else the window's ``hours`` (of the
    same rows as ``current``); never less than what independent rows have. ``details.widened`` says by how much. Effects
    and their limits do not depend on that: a change within the window is no unrest.

    Where the window's labels can be weighted, ``details.weighted`` has the weighted value. A ``mature`` window's number
    is that one if it rests on 200 effective rows and differs by more than half a point; ``details.unweighted`` then has
    the plain one. ``details.uncorrected`` is true of a mature window's number that stays the plain one although labels
    are missing that may be unlike those that are there. ``details.overdue`` of a window that is not mature: where
    labels come slower than usual, how many ``came`` of those that are usually there by now, ``due``.
    """
    usable = reference if reference is not None and reference.rows >= min_rows else None
    unrest = Unrest(hours, reference_windows, shorter_windows, shorter_part)
    given = layout, current, predictions, usable, reference_windows, alpha, tolerances, mature, known, usual
    window = _Window(*given, min_rows, unrest)
    coverage = _coverage(window, reference, reference_predictions)
    rows = {"labelled": current.rows, "predictions": predictions}
    shared: dict[str, Any] = {"coverage": coverage.value, **rows, "mature": mature}
    if known.delay is not None and known.delay.details["pace"] == SLOWER and not mature:
        shared["overdue"] = {name: known.delay.details[name] for name in ("came", "due")}
    found = [_one(window, metric, score, shared) for metric, score in METRICS[layout.task].items()]
    kept = [one for one in found if one.value is not None or one.metric not in OF_SCORES or _has_scores(layout, usable)]
    return [*kept, replace(coverage, details={**shared, **coverage.details})]


@dataclass(frozen=True)
class _Window:
    layout: ScoreLayout
    current: LabelCounts
    predictions: int
    reference: LabelCounts | None
    windows: Sequence[LabelCounts]
    alpha: float
    tolerances: Mapping[str, float]
    mature: bool
    known: Known
    usual: Usual | None
    min_rows: int
    unrest: Unrest

    @property
    def reason(self) -> str | None:
        """Why nothing here may be judged against the reference."""
        return self.unsure or (NO_REFERENCE if self.reference is None else None)

    @property
    def unsure(self) -> str | None:
        """Why no number here may be believed, whatever it is held against."""
        if self.predictions < self.min_rows:
            return TOO_FEW_ROWS
        if not (self.mature and self.known.overlap):  # said first: more labels will come, and the number with them
            return IMMATURE_LABELS
        return TOO_FEW_ROWS if self.current.rows < self.min_rows else None

    @property
    def uncorrected(self) -> Mapping[str, Any]:
        """What details say of a number that is not corrected for labels that are missing."""
        known = self.known.weighting is not None or self.current.rows < (1 - FEW_MISSING) * self.predictions
        return {"uncorrected": True} if self.mature and self.known.unlike and known else {}


def _one(window: _Window, metric: str, score: Score, shared: Mapping[str, Any]) -> Measurement:
    now = window.unrest.limits(window.layout, metric, score, window.current)
    then = score(window.layout, window.reference) if window.reference is not None else None
    rows = then.rows if then else 0
    details = {**shared, "reference_value": then.value if then else None}
    if now is None:
        alike = NO_VARIATION if metric == "r2" and window.current.rows >= window.min_rows else None
        reason = window.reason or _too_large(window.current) or alike or TOO_FEW_ROWS
        return Measurement(metric, None, rows, 0, reason=reason, details=details)
    window, now, more = _weighted(window, metric, score, now)
    one = _measurement(metric, now, rows, {**details, **now.details, **more})
    loss = TESTED[window.layout.task].get(metric) if metric in window.tolerances else None
    return replace(one, reason=window.unsure) if loss is None else _judged(window, one, loss, then)


def _weighted(
    window: _Window, metric: str, score: Score, plain: Estimate
) -> tuple[_Window, Estimate, Mapping[str, Any]]:
    """The window's rows and the metric as they are to be judged, and what details say of the other number."""
    weighting = window.known.weighting
    found = None if weighting is None else weighting.of(metric, window.current)
    estimate = None if found is None else window.unrest.limits(window.layout, metric, score, found[0], weighting)
    if found is None or estimate is None or found[1] < window.min_rows:
        return window, plain, window.uncorrected
    more: dict[str, Any] = {"weighted": {**_limits(estimate), "n_effective": found[1], "assumption": ASSUMPTION}}
    if not window.mature or abs(estimate.value - plain.value) <= MATTERS:
        return window, plain, more
    if found[1] < ENOUGH:
        return window, plain, {**more, **window.uncorrected}
    more["unweighted"] = _limits(plain)
    return replace(window, current=found[0]), replace(estimate, rows=plain.rows), more


def _limits(found: Estimate) -> dict[str, float]:
    return {"value": found.value, "lower": found.lower, "upper": found.upper}


def _measurement(metric: str, now: Estimate, reference_rows: int, details: Mapping[str, Any]) -> Measurement:
    return Measurement(metric, now.value, reference_rows, now.rows, lower=now.lower, upper=now.upper, details=details)


def _judged(window: _Window, one: Measurement, loss: Loss, then: Estimate | None) -> Measurement:
    tolerance = window.tolerances[one.metric]
    details = {**one.details, "tolerance": tolerance, "reference_windows": len(window.windows)}
    if len(window.windows) < ENOUGH_WINDOWS:
        details["short_reference"] = True
    one = replace(one, reason=window.reason, alpha=window.alpha, details=details)
    if window.reference is None:
        return one
    usual = None
    if window.usual is not None and then is not None:
        usual = window.usual(one.metric, window.current, then, tolerance, window.alpha)
        if usual is not None and usual.seasonal:
            one = replace(one, details={**one.details, "usual_value": usual.value})
    compared = Compared(window.layout, window.current, window.reference, window.windows, usual)
    rise = loss(compared, tolerance, window.alpha)
    if rise is None:
        why = _too_large(window.current) or _too_large(window.reference) or _exact(one)
        return replace(one, reason=window.reason or why or (TOO_FEW_ROWS if one.n_reference else NO_REFERENCE))
    effect, lower, upper, p_value, mde = (
        float(part[0]) for part in (rise.effect, rise.lower, rise.upper, rise.p_value, rise.mde)
    )
    return replace(one, effect=effect, effect_lower=lower, effect_upper=upper, p_value=p_value, mde=mde)


def _too_large(labels: LabelCounts) -> str | None:
    """Errors whose squares are beyond all numbers leave nothing to be told."""
    return None if np.isfinite(labels.sums).all() else TOO_LARGE


def _exact(one: Measurement) -> str | None:
    """A relative rise from no error at all, or to none, has no size."""
    zero = 0.0 in (one.value, one.details["reference_value"])
    return NO_ERRORS if zero and one.metric in ("mae", "rmse") else None


def _coverage(window: _Window, reference: LabelCounts | None, reference_predictions: int) -> Measurement:
    now = label_coverage(window.current.rows, window.predictions)
    then = label_coverage(reference.rows if reference else 0, reference_predictions)
    details: dict[str, Any] = {"reference_value": then.value if then else None}
    if window.known.expected is not None:
        details["expected"] = window.known.expected
    if now is None:
        return Measurement("label_coverage", None, reference_predictions, 0, reason=TOO_FEW_ROWS, details=details)
    return _measurement("label_coverage", now, reference_predictions, details)


def _has_scores(layout: ScoreLayout, reference: LabelCounts | None) -> bool:
    """Whether the reference has probabilities, so that their absence now is worth a reading."""
    if layout.task == "binary" and not len(layout.score_cuts):
        return False
    return reference is not None and log_loss(layout, reference) is not None
