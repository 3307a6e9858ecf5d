"""Whether labels still follow the scores as strongly as they did: one number of all rows, sure after some hundred.

A relation of inputs to labels that fades or turns makes high scores less right and low ones less wrong. The gap of a
decile needs a thousand labels to show that, the slope over all scores two hundred (Cox 1958).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.cuts import Binning
from detectors.estimation.bins import SharedBins
from detectors.estimation.calibration import Calibration
from detectors.measurement import MINIMUM_ROWS, NO_VARIATION, Measurement
from detectors.performance.scored import LabelCounts, LabelWindows, score_bins
from detectors.performance.weighting import Weighting
from detectors.rise import Spread, rise_of_estimate, spread_of

Array = NDArray[np.float64]

NAME = "calibration_slope"
TOLERANCE = 0.10
ALPHA = 0.05
_STEPS = 30
_RIDGE = 1e-3  # of a row: a fit that cannot be told stays where it was
_FARTHEST = 20.0


@dataclass(frozen=True)
class _Slope:
    """``value`` with its standard ``error``, from ``rows``."""

    value: float
    error: float
    rows: float

    @property
    def is_known(self) -> bool:
        """Whether rows say more than the ridge does: where all have one score nothing follows it."""
        return self.error**2 * _RIDGE < 0.5


def measure_slope(
    binning: Binning,
    bins: SharedBins,
    calibration: Calibration,
    current: LabelCounts,
    reference: LabelCounts,
    reference_windows: Sequence[LabelCounts],
    weighting: Weighting | None,
    shared: Mapping[str, Any],
) -> Measurement | None:
    """b of the logistic regression log odds = a + b · (calibrated log odds): 1 where labels follow the scores as in the
    reference, 0 where they no longer do, negative where they turned. With its limits at 95 %, the wider ones of those
    of the rows and those that the reference's own windows show; ``p_value`` of H0: at most 0.10 from 1.

    None with fewer than 30 labelled rows or of one class only, or with weights for several classes; ``no_variation``
    where scores of window or reference are all worth the same.
    ``details.concept_drift``: whether the whole interval is farther than 0.10 from 1.
    """
    if weighting is not None and not weighting.strata.scores.size:
        return None
    now, then = (_slope(binning, bins, calibration, *each) for each in ((current, weighting), (reference, None)))
    if now is None or then is None:
        return None
    if not (now.is_known and then.is_known):
        return Measurement(NAME, None, reference.rows, current.rows, reason=NO_VARIATION, details=shared)
    change = now.value - then.value
    error = np.full(2, np.hypot(now.error, then.error))
    spread = _spread(binning, bins, calibration, reference_windows)
    rise = rise_of_estimate(np.array([change, -change]), error, spread, TOLERANCE, ALPHA / 2)
    lower, upper = 1 + float(rise.lower[0]), 1 - float(rise.lower[1])
    return Measurement(
        NAME,
        1 + change,
        reference.rows,
        current.rows,
        lower=lower,
        upper=upper,
        p_value=min(1.0, 2 * float(rise.p_value.min())),
        details={
            **shared,
            "reference_value": 1.0,
            "tolerance": TOLERANCE,
            "concept_drift": lower > 1 + TOLERANCE or upper < 1 - TOLERANCE,
        },
    )


def _slope(
    binning: Binning, bins: SharedBins, calibration: Calibration, labels: LabelCounts, weighting: Weighting | None
) -> _Slope | None:
    counted = np.stack(score_bins(binning.scores, labels.counts)).astype(np.float64)
    weight, doubt = np.ones_like(counted), np.zeros_like(counted)
    if weighting is not None:
        weight, doubt = weighting.weight[weighting.strata.scores], weighting.error[weighting.strata.scores]
    mass = bins.labelled(counted * weight)
    total = float(mass.sum())
    effective = total**2 / max(float((counted * weight**2).sum()), np.finfo(float).tiny)
    if effective < MINIMUM_ROWS or (mass.sum(axis=1) <= 0).any():
        return None
    misses, hits = mass * effective / total
    rows = misses + hits
    odds = special.logit((calibration.share * calibration.rows + 1) / (calibration.rows + 2))
    value, error, pull = _fit(odds, rows, hits)
    # Weights are off by one factor per class and quarter: a shift of the log odds of their bins.
    shifted = bins.labelled(counted * weight * doubt**2).sum(axis=0) / np.maximum(mass.sum(axis=0), 1e-12)
    return _Slope(value, float(np.hypot(error, np.abs(pull) @ np.sqrt(2 * shifted))), effective)


def _fit(x: Array, rows: Array, hits: Array) -> tuple[float, float, Array]:
    """Slope and standard error of the logistic regression of ``hits`` among ``rows`` [B] on ``x`` [B], and what a shift
    of the log odds of each bin moves the slope by, [B]. Newton's method from (0, 1)."""
    design = np.stack([np.ones(len(x)), x], axis=1)
    start = beta = np.array([0.0, 1.0])
    information = np.eye(2)
    for _ in range(_STEPS):
        share = special.expit(design @ beta)
        information = (design.T * (rows * share * (1 - share))) @ design + _RIDGE * np.eye(2)
        step = np.linalg.solve(information, design.T @ (hits - rows * share) - _RIDGE * (beta - start))
        beta = np.clip(beta + np.clip(step, -1, 1), -_FARTHEST, _FARTHEST)
        if np.abs(step).max() < 1e-9:
            break
    inverse = np.linalg.inv(information)
    share = special.expit(design @ beta)
    pull: Array = (inverse @ (design.T * (rows * share * (1 - share))))[1]
    return float(beta[1]), float(np.sqrt(inverse[1, 1])), pull


def _spread(binning: Binning, bins: SharedBins, calibration: Calibration, windows: Sequence[LabelCounts]) -> Spread:
    """Of the slopes of the reference's own windows, for both directions."""
    memo = windows.memo if isinstance(windows, LabelWindows) else {}
    if NAME not in memo:
        each = [_slope(binning, bins, calibration, one, None) for one in windows]
        values = np.array([[one.value] for one in each if one is not None and one.is_known]).reshape(-1, 1)
        found = spread_of(values, np.ones(values.shape, dtype=bool))
        memo[NAME] = Spread(np.tile(found.deviation, 2), np.tile(found.windows, 2))
    known: Spread = memo[NAME]
    return known
