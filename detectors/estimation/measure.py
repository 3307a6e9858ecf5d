"""Performance of a window estimated without its labels, beside what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from detectors.cuts import Binning, CategoricalColumn
from detectors.estimation.bins import SharedBins
from detectors.estimation.calibration import Calibration, calibrate
from detectors.estimation.cbpe import BINARY, Expected, estimate_accuracy, estimate_binary, split
from detectors.estimation.dle import estimate_mae, estimate_rmse
from detectors.measurement import MINIMUM_ROWS, Measurement
from detectors.performance.estimate import Estimate
from detectors.performance.measure import METRICS
from detectors.performance.scored import LabelCounts, confusion, errors_by_bin, score_bins
from detectors.profile import Reference
from detectors.summary import WindowCounts

PREFIX = "estimated_"
ESTIMATED: Mapping[str, tuple[str, ...]] = {
    "binary": tuple(BINARY),
    "multiclass": ("accuracy",),
    "regression": ("mae", "rmse"),
}
OTHER_RULE = 0.01  # of the rows: so far the classes may be from what one threshold on the score would say
BLIND = "cannot see concept drift"


def estimate_performance(
    binning: Binning,
    current: WindowCounts,
    reference: Reference,
    shared: Mapping[str, Any],
    from_rows: Mapping[str, Estimate] | None = None,
) -> list[Measurement]:
    """``estimated_<metric>`` with 95 % intervals of all predictions of a window, from the labelled rows of the
    reference; nothing where it has fewer than 30 labelled rows with a score, or the window fewer than 30.

    ``shared``: details of the window that every performance measurement has. ``from_rows``: what is known better than
    counts can tell.
    """
    bins = SharedBins.of(binning)
    if bins is None:
        return []
    rows = bins.rows(current.counts)
    if rows.sum() < MINIMUM_ROWS:
        return []
    found = {**_ESTIMATES[binning.scores.task](binning, bins, current, reference), **(from_rows or {})}
    return [shown_estimate(binning, metric, one, reference, shared) for metric, one in found.items() if one is not None]


def shown_estimate(
    binning: Binning, metric: str, one: Estimate, reference: Reference, shared: Mapping[str, Any]
) -> Measurement:
    """As every estimate is shown; by CBPE unless ``shared`` or the estimate say otherwise."""
    known = {"reference_value": _value(binning, metric, reference), "blind": BLIND}
    details = {"estimator": "cbpe", **shared, **known, **one.details}
    rows = reference.labels.rows
    return Measurement(PREFIX + metric, one.value, rows, one.rows, lower=one.lower, upper=one.upper, details=details)


def _value(binning: Binning, metric: str, reference: Reference) -> float | None:
    """Of the reference's labels, worked out once."""
    key = ("value", metric)
    if key not in reference.memo:
        found = METRICS[binning.scores.task][metric](binning.scores, reference.labels)
        reference.memo[key] = found.value if found else None
    known: float | None = reference.memo[key]
    return known


def calibration_of(binning: Binning, bins: SharedBins, reference: Reference) -> Calibration | None:
    """Of the reference's labelled rows, worked out once; None with fewer than 30. Not of a regression."""
    if "calibration" not in reference.memo:
        misses, hits = (bins.labelled(part) for part in score_bins(binning.scores, reference.labels.counts))
        found = calibrate(misses, hits) if misses.sum() + hits.sum() >= MINIMUM_ROWS else None
        reference.memo["calibration"] = found
    known: Calibration | None = reference.memo["calibration"]
    return known


def _binary(
    binning: Binning, bins: SharedBins, current: WindowCounts, reference: Reference
) -> dict[str, Estimate | None]:
    calibration = calibration_of(binning, bins, reference)
    return {} if calibration is None else estimates_of_binary(binning, bins, current, reference, calibration)


def estimates_of_binary(
    binning: Binning, bins: SharedBins, current: WindowCounts, reference: Reference, calibration: Calibration
) -> dict[str, Estimate | None]:
    """By metric, with what a score is worth given."""
    rows, claimed = bins.rows(current.counts), _positive_share(binning, current)
    if claimed is None or not is_threshold(binning, bins, reference):
        whole = Expected(split(rows, 0.0), calibration.share)
        return {"roc_auc": estimate_binary("roc_auc", whole, calibration)}
    expected = Expected(split(rows, claimed), calibration.share)
    return {metric: estimate_binary(metric, expected, calibration) for metric in BINARY}


def _multiclass(
    binning: Binning, bins: SharedBins, current: WindowCounts, reference: Reference
) -> dict[str, Estimate | None]:
    calibration = calibration_of(binning, bins, reference)
    return {} if calibration is None else {"accuracy": estimate_accuracy(bins.rows(current.counts), calibration)}


def _regression(
    binning: Binning, bins: SharedBins, current: WindowCounts, reference: Reference
) -> dict[str, Estimate | None]:
    labelled, sums = errors_by_bin(binning.scores, reference.labels)
    if labelled.sum() < MINIMUM_ROWS:
        return {}
    rows, known, errors = bins.rows(current.counts), bins.labelled(labelled), bins.labelled(sums)
    return {"mae": estimate_mae(rows, known, errors), "rmse": estimate_rmse(rows, known, errors)}


_ESTIMATES = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}


def _positive_share(binning: Binning, current: WindowCounts) -> float | None:
    """Share of the two classes' predictions that are positive."""
    column = binning.by_name.get("prediction")
    if not isinstance(column, CategoricalColumn):
        return None
    counts = dict(zip(column.levels, current.counts[binning.slots("prediction")].tolist(), strict=True))
    negative, positive = (counts.get(name, 0) for name in binning.scores.classes)
    return positive / (negative + positive) if negative + positive else None


def is_threshold(binning: Binning, bins: SharedBins, reference: Reference) -> bool:
    """Whether one threshold on the score explains the reference's classes: its true positives and true negatives."""
    if "threshold" not in reference.memo:
        reference.memo["threshold"] = _explains(binning, bins, reference.labels)
    known: bool = reference.memo["threshold"]
    return known


def _explains(binning: Binning, bins: SharedBins, labels: LabelCounts) -> bool:
    layout = binning.scores
    negative, positive = (bins.labelled(part) for part in score_bins(layout, labels.counts))
    table = confusion(layout, labels.counts)[:2, :2].astype(np.float64)
    rows = negative + positive
    claimed = split(rows, float(table[:, 1].sum() / max(table.sum(), 1)))[1]
    share = np.divide(positive, rows, out=np.zeros_like(rows), where=rows > 0)
    by_rule = np.array([((rows - claimed) * (1 - share)).sum(), (claimed * share).sum()]) / max(rows.sum(), 1)
    return bool(np.abs(by_rule - np.diag(table) / max(table.sum(), 1)).max() <= OTHER_RULE)
