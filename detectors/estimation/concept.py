"""Concept drift of a mature window: whether its labels keep to what the reference's labels let expect of such rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from detectors.cuts import Binning
from detectors.estimation import calibration_gap, calibration_slope, error_gap
from detectors.estimation.bins import SharedBins
from detectors.estimation.calibration import Calibration
from detectors.estimation.calibration_gap import measure_gap
from detectors.estimation.calibration_slope import measure_slope
from detectors.estimation.class_table import ClassTable
from detectors.estimation.cohort import Cohort, accuracy_of_binary, accuracy_of_several, spread_of_cohorts
from detectors.estimation.error_gap import measure_error_gap
from detectors.estimation.judging import Judging
from detectors.estimation.label_shift import GATE
from detectors.estimation.labelled_mix import new_labels
from detectors.estimation.measure import calibration_of
from detectors.estimation.prior import Prior, prior_of, prior_of_classes
from detectors.estimation.threshold import is_threshold
from detectors.measurement import Measurement
from detectors.performance.estimate import Estimate
from detectors.performance.scored import LabelCounts, score_bins
from detectors.performance.weighting import Known, Weighting
from detectors.profile import Reference
from detectors.summary import WindowCounts

CONCEPT: Mapping[str, tuple[str, ...]] = {
    "binary": (calibration_gap.NAME, calibration_slope.NAME),
    "multiclass": (calibration_gap.NAME,),
    "regression": (error_gap.NAME,),
}
GAPS = (calibration_gap.NAME, error_gap.NAME)


@dataclass(frozen=True)
class Otherwise:
    """What else may explain a gap, and how it is judged: ``predictions``, all rows of the window, by which another base
    rate of two classes is known; ``of_rows``, the mean absolute error that features and prediction let expect of them;
    ``classes``, of several classes, the reference's labelled rows of each. The last two are worked out where they are
    asked for."""

    judging: Judging | None = None
    predictions: WindowCounts | None = None
    of_rows: Callable[[], Estimate | None] = lambda: None
    classes: Callable[[], ClassTable | None] = lambda: None


NOTHING_ELSE = Otherwise()


def gap_of(binning: Binning) -> str | None:
    """The metric that is judged of every model that has such scores (a regression: predictions); None without."""
    if SharedBins.of(binning) is None:
        return None
    return error_gap.NAME if binning.scores.task == "regression" else calibration_gap.NAME


def measure_concept(
    binning: Binning,
    current: LabelCounts,
    reference: Reference,
    reference_windows: Sequence[LabelCounts],
    known: Known,
    shared: Mapping[str, Any],
    otherwise: Otherwise = NOTHING_ELSE,
) -> list[Measurement]:
    """``calibration_gap`` and, of two classes, ``calibration_slope`` of a mature window's labelled rows, of a
    regression ``error_gap``; nothing where they cannot be had.

    ``details.cohort`` of a gap: ``expected`` and ``realised`` accuracy (regression: mean absolute error) of these rows,
    with the 95 % interval of the difference; accuracy of two classes where one threshold on the score makes them.
    ``details.new_labels``: share of the labels that are none of several classes, where the reference has none such.
    """
    bins = SharedBins.of(binning)
    if bins is None or not known.overlap:
        return []
    if binning.scores.task == "regression":
        data = binning, bins, current, reference.labels, reference_windows, shared
        error = measure_error_gap(*data, otherwise.judging, otherwise.of_rows)
        return [] if error is None else [error]
    calibration = calibration_of(binning, bins, reference)
    if calibration is None:
        return []
    given = binning, bins, calibration, current, reference.labels, reference_windows, known.weighting, shared
    prior = partial(_prior, binning, bins, reference, calibration, current, known.weighting, otherwise)
    gap = measure_gap(*given, otherwise.judging, prior)
    if gap is not None:
        told = _cohort(binning, bins, calibration, current, reference, reference_windows, known.weighting)
        gap = replace(gap, details={**gap.details, **told, **_new_labels(binning, current, reference)})
    found = [gap, measure_slope(*given) if binning.scores.task == "binary" else None]
    return [one for one in found if one is not None]


def _prior(
    binning: Binning,
    bins: SharedBins,
    reference: Reference,
    calibration: Calibration,
    current: LabelCounts,
    weighting: Weighting | None,
    otherwise: Otherwise,
) -> Prior | None:
    rows, judging = otherwise.predictions, otherwise.judging
    level = GATE if judging is None else min(GATE, judging.alpha)  # another base rate is ruled out no more lightly
    if binning.scores.task == "binary":
        return None if rows is None else prior_of(binning, rows, reference, calibration, level)
    table = otherwise.classes()
    if table is None:
        return None
    return prior_of_classes(binning, current, reference.labels, table, bins, calibration, weighting, level)


def _new_labels(binning: Binning, current: LabelCounts, reference: Reference) -> dict[str, float]:
    if binning.scores.task == "binary":
        return {}
    share = new_labels(binning.scores, current, reference.labels)
    return {} if share is None else {"new_labels": share}


def _cohort(
    binning: Binning,
    bins: SharedBins,
    calibration: Calibration,
    current: LabelCounts,
    reference: Reference,
    windows: Sequence[LabelCounts],
    weighting: Weighting | None,
) -> dict[str, Any]:
    two = binning.scores.task == "binary"
    if two and not is_threshold(binning, reference):
        return {}

    def cohort(labels: LabelCounts, weighting: Weighting | None = None) -> Cohort | None:
        counted = np.stack(score_bins(binning.scores, labels.counts)).astype(np.float64)
        if weighting is not None:
            counted = counted * weighting.weight[weighting.strata.scores]
        other, right = bins.labelled(counted)
        if not two:
            return accuracy_of_several(right, other + right, calibration)
        return accuracy_of_binary(binning.scores, labels, other + right, weighting, calibration)

    found = cohort(current, weighting)
    return {} if found is None else {"cohort": found.told(spread_of_cohorts(windows, cohort))}
