"""Performance of a window estimated without its labels, beside what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from detectors.cuts import Binning
from detectors.estimation.base_rate import unrest_of
from detectors.estimation.bins import SharedBins
from detectors.estimation.calibration import Calibration, calibrate
from detectors.estimation.cbpe import BINARY, OF_POSITIVES, Expected, estimate_accuracy, estimate_binary, split
from detectors.estimation.dle import estimate_mae, estimate_rmse
from detectors.estimation.label_shift import shift_of
from detectors.estimation.prior import Prior, prior_of
from detectors.estimation.threshold import Parted, is_threshold, parted, positive_share
from detectors.measurement import MINIMUM_ROWS, NO_POSITIVES, Measurement
from detectors.performance.estimate import Estimate
from detectors.performance.measure import METRICS
from detectors.performance.scored import errors_by_bin, score_bins
from detectors.profile import Reference
from detectors.summary import WindowCounts

PREFIX = "estimated_"
ESTIMATED: Mapping[str, tuple[str, ...]] = {
    "binary": tuple(BINARY),
    "multiclass": ("accuracy",),
    "regression": ("mae", "rmse"),
}
_SURELY = 3.29  # standard errors: one window in a thousand without any change
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

    Scores are taken to mean what they did. Of a binary model whose scores look like those of another base rate
    ``details.if_base_rate_moved`` has what would be then: ``value``, ``lower``, ``upper``, ``base_rate``.

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
    return shown_estimates(binning, found, reference, shared, round(float(rows.sum())))


def shown_estimates(
    binning: Binning, found: Mapping[str, Estimate | None], reference: Reference, shared: Mapping[str, Any], rows: int
) -> list[Measurement]:
    """All of a window of so many rows. ``no_positives`` stands where a metric is none because no row is predicted
    positive; others that are None are left out."""
    made = []
    for metric, one in found.items():
        if one is not None:
            made.append(shown_estimate(binning, metric, one, reference, shared))
        elif metric in OF_POSITIVES:
            empty = shown_estimate(binning, metric, Estimate(0.0, 0.0, 1.0, rows), reference, shared)
            made.append(replace(empty, value=None, lower=None, upper=None, reason=NO_POSITIVES))
    return made


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
    if calibration is None:
        return {}
    apart = parted(binning, bins, reference) if is_threshold(binning, reference) else None
    if apart is not None:
        if "parted calibration" not in reference.memo:
            reference.memo["parted calibration"] = calibrate(*apart.labelled)
        calibration = reference.memo["parted calibration"] or calibration
    found = estimates_of_binary(binning, bins, current, reference, calibration, apart)
    other = _if_base_rate_moved(binning, current, reference, calibration)
    if other is None:
        return found
    also = estimates_of_binary(binning, bins, current, reference, other.calibration, apart)
    return {metric: _beside(one, also.get(metric), other.told) for metric, one in found.items()}


def _if_base_rate_moved(
    binning: Binning, current: WindowCounts, reference: Reference, calibration: Calibration
) -> Prior | None:
    """What scores are worth if only the base rate changed, where it surely did if so: nothing without labels tells
    that from inputs that moved, under which scores are worth what they were."""
    shift = shift_of(binning, current, reference)
    if shift is None:
        return None
    wider = unrest_of(binning, reference, current.end_hour - current.start_hour, current.end_hour)
    if abs(shift.found.value - shift.before) <= _SURELY * wider.by_scores * shift.found.error:
        return None
    return prior_of(binning, current, reference, calibration)


def _beside(one: Estimate | None, other: Estimate | None, told: Mapping[str, Any]) -> Estimate | None:
    """With the other number in ``details.if_base_rate_moved``, where it is not within the interval."""
    if one is None or other is None or one.lower <= other.value <= one.upper:
        return one
    more = {"value": other.value, "lower": other.lower, "upper": other.upper, "base_rate": told["base_rate"]}
    return replace(one, details={**one.details, "if_base_rate_moved": more})


def estimates_of_binary(
    binning: Binning,
    bins: SharedBins,
    current: WindowCounts,
    reference: Reference,
    calibration: Calibration,
    apart: Parted | None = None,
) -> dict[str, Estimate | None]:
    """By metric, with what a score is worth given, of the bins or of those of ``apart``; None where no row is predicted
    positive of which it would be a share."""
    rows, claimed = bins.rows(current.counts), positive_share(binning, current)
    by_class = split if apart is None else apart.split
    if claimed is None or not is_threshold(binning, reference):
        whole = Expected(by_class(rows, 0.0), calibration.share)
        return {"roc_auc": estimate_binary("roc_auc", whole, calibration)}
    expected = Expected(by_class(rows, claimed), calibration.share)
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
