"""Whether a regression is as far off as predictions of such a size were: realised against expected mean absolute error.

Inputs may move as they like; if predictions of one and the same size are farther from the truth than they were in the
reference, then what is to be predicted has changed: concept drift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.estimation import dle
from detectors.estimation.bins import SharedBins
from detectors.estimation.cohort import Cohort, spread_of_cohorts
from detectors.estimation.judging import Judging, beyond_range, less_sure
from detectors.measurement import MINIMUM_ROWS, Measurement
from detectors.performance.estimate import Estimate
from detectors.performance.mae import mae
from detectors.performance.scored import LabelCounts, LabelWindows, errors_by_bin
from detectors.rise import Rise, Spread, rise_of_estimate, spread_of

Array = NDArray[np.float64]

NAME = "error_gap"
TOLERANCE = 0.05
ALPHA = 0.05
_LARGEST = 1e150  # sum of errors that can be squared


@dataclass(frozen=True)
class _Usual:
    """Of the reference's labelled rows by bin of the prediction, [B]: how many ``rows``, the mean and the variance of
    their absolute error."""

    rows: Array
    mean: Array
    variance: Array

    @classmethod
    def of(cls, rows: Array, sums: Array) -> _Usual:
        """From ``sums`` of |e| and e², [2, B]."""
        mean, square = sums / np.maximum(rows, 1)
        with np.errstate(over="ignore", invalid="ignore"):  # a bin with an error too large to square is left out
            variance = np.maximum(square - mean**2, 0.0) * rows / np.maximum(rows - 1, 1)
        return cls(rows, mean, variance)


@dataclass(frozen=True)
class _Gap:
    """``realised`` and ``expected`` mean absolute error of the same ``rows``, and the standard error of each."""

    realised: float
    expected: float
    of_realised: float
    of_expected: float
    rows: float

    @property
    def logarithm(self) -> float:
        """Of realised over expected."""
        return float(np.log(self.realised / self.expected))

    @property
    def error(self) -> float:
        """Its standard error, by the delta method."""
        return float(np.hypot(self.of_realised / self.realised, self.of_expected / self.expected))

    @property
    def cohort(self) -> Cohort:
        """The two beside each other."""
        return Cohort("mae", self.expected, self.realised, float(np.hypot(self.of_realised, self.of_expected)))


def measure_error_gap(
    binning: Binning,
    bins: SharedBins,
    current: LabelCounts,
    reference: LabelCounts,
    reference_windows: Sequence[LabelCounts],
    shared: Mapping[str, Any],
    judging: Judging | None = None,
    of_rows: Callable[[], Estimate | None] = lambda: None,
) -> Measurement | None:
    """Realised mean absolute error over that which the same rows are expected to have (``dle``: that of the reference's
    rows of such a prediction) - 1, with limits at 95 % and the p-value of H0: at most the tolerance, 0.05. None with
    fewer than 30 labelled rows of such a size as the reference has; others are left out.

    On the logarithm's scale (delta method). The limits hold the rows' own chance and the error of the reference, and
    are never narrower than the like numbers of the reference's own windows make them. ``judging``: then the limits of
    ``effect`` are at its level, and the tolerance is its own.

    Where other inputs have larger errors, too, predictions alone may not tell. So a rise that is sure is also measured
    from what is expected of features and prediction, ``of_rows``, where that can be had; what is told is the less sure
    of the two (an intersection-union test, Berger 1982). ``details.estimator`` says which.
    """
    labelled, sums = errors_by_bin(binning.scores, reference)
    usual = _Usual.of(bins.labelled(labelled), bins.labelled(sums)[:2])
    gap = _gap(binning, bins, usual, current, cut=True)
    if gap is None:
        return None
    spread = _spread(binning, bins, usual, reference_windows)
    found = _measured(gap, spread, current, reference, {**shared, **dle.DETAILS}, judging)
    if _is_sure(found):
        known = of_rows()
        other = None if known is None else _beside(known, current, binning)
        if known is not None and other is not None:
            found = less_sure(found, _measured(other, spread, current, reference, {**shared, **known.details}, judging))

    def cohort(labels: LabelCounts) -> Cohort | None:
        one = _gap(binning, bins, usual, labels)
        return None if one is None else one.cohort

    told = gap.cohort.told(spread_of_cohorts(reference_windows, cohort))
    return replace(found, details={**found.details, "cohort": told})


def _is_sure(one: Measurement) -> bool:
    lower = one.lower if one.effect_lower is None else one.effect_lower
    return lower is not None and lower > one.details["tolerance"]


def _measured(
    gap: _Gap,
    spread: Spread,
    current: LabelCounts,
    reference: LabelCounts,
    details: Mapping[str, Any],
    judging: Judging | None,
) -> Measurement:
    tolerance = TOLERANCE if judging is None else judging.tolerance
    rise = _rise(gap, spread, tolerance, ALPHA / 2)
    lower = float(rise.lower[0])
    found = Measurement(
        NAME,
        float(rise.effect[0]),
        reference.rows,
        current.rows,
        lower=lower,
        upper=float(rise.upper[0]),
        p_value=float(rise.p_value[0]),
        details={
            **details,
            "expected": gap.expected,
            "realised": gap.realised,
            "tolerance": tolerance,
            "concept_drift": lower > tolerance,
        },
    )
    return found if judging is None else judging.told(found, _rise(gap, spread, tolerance, judging.alpha), 0)


def _rise(gap: _Gap, spread: Spread, tolerance: float, alpha: float) -> Rise:
    effect, error = np.array([gap.logarithm]), np.array([gap.error])
    rise = rise_of_estimate(effect, error, spread, float(np.log1p(tolerance)), alpha)
    low, high = np.expm1(rise.lower), np.expm1(rise.upper)
    return Rise(np.expm1(rise.effect), low, high, rise.p_value, np.expm1(rise.mde))


def _gap(binning: Binning, bins: SharedBins, usual: _Usual, labels: LabelCounts, *, cut: bool = False) -> _Gap | None:
    """Of the rows whose bin the reference has at least two of; ``cut``: without rows beyond those of the reference."""
    counted, sums = errors_by_bin(binning.scores, labels)
    rows, (total, square) = bins.labelled(counted), bins.labelled(sums)[:2]
    kept = (usual.rows > 1) & np.isfinite(usual.mean) & np.isfinite(usual.variance)
    if cut:
        kept &= ~beyond_range(rows, usual.rows)
    rows, total, square = (np.where(kept, one, 0.0) for one in (rows, total, square))
    mean, variance = (np.where(kept, one, 0.0) for one in (usual.mean, usual.variance))
    count = float(rows.sum())
    if count < MINIMUM_ROWS or not (np.isfinite(square).all() and (total < _LARGEST).all()):
        return None
    weight = rows / count
    realised, expected = float(total.sum()) / count, float(weight @ mean)
    if min(realised, expected) <= 0:
        return None
    # Of a row around what is expected of it; few rows may show too little of it, so not less than the reference's.
    around = float((square - 2 * mean * total + rows * mean**2).sum()) / count - (realised - expected) ** 2
    of_row = max(around, float(weight @ variance))
    of_mean = float(weight**2 @ (variance / np.maximum(usual.rows, 1)))
    return _Gap(realised, expected, float(np.sqrt(of_row / count)), float(np.sqrt(of_mean)), count)


def _beside(known: Estimate, labels: LabelCounts, binning: Binning) -> _Gap | None:
    """All labelled rows beside what is expected of them otherwise."""
    realised = mae(binning.scores, labels)
    if realised is None or min(realised.value, known.value) <= 0:
        return None
    return _Gap(realised.value, known.value, realised.error or 0.0, known.error or 0.0, labels.weight)


def _spread(binning: Binning, bins: SharedBins, usual: _Usual, windows: Sequence[LabelCounts]) -> Spread:
    """Of the logarithm in the reference's own windows."""
    memo = windows.memo if isinstance(windows, LabelWindows) else {}
    if NAME not in memo:
        each = [_gap(binning, bins, usual, one) for one in windows]
        values = np.array([one.logarithm for one in each if one is not None]).reshape(-1, 1)
        memo[NAME] = spread_of(values, np.ones(values.shape, dtype=bool))
    known: Spread = memo[NAME]
    return known
