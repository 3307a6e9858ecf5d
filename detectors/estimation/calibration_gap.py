"""Whether a score still means what it meant: positives that came against positives that were expected, by decile.

Inputs may move as they like; if rows of one and the same score turn out otherwise than they did in the reference, then
what is to be predicted has changed: concept drift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.estimation.bins import SharedBins
from detectors.estimation.calibration import Calibration
from detectors.estimation.judging import Judging, beyond_range, less_sure
from detectors.estimation.prior import Prior
from detectors.estimation.wandering import Wandering, wandering_of
from detectors.intervals import difference_lower, difference_p_value, normal_quantile
from detectors.measurement import MINIMUM_ROWS, Measurement
from detectors.performance.scored import LabelCounts, LabelWindows, score_bins
from detectors.performance.weighting import Weighting
from detectors.rise import Z_POWER, Rise, Spread, spread_of, widened, widened_by

Array = NDArray[np.float64]

NAME = "calibration_gap"
DECILES = 10
TOLERANCE = 0.02
ALPHA = 0.05
RIGHT = "predicted right"  # what hits are where there are several classes


@dataclass(frozen=True)
class _Gap:
    """By decile [D]: shares of positives ``observed`` and ``expected``, and the effective numbers of rows they rest on:
    ``rows`` of the window and ``known`` of the reference, whose binomial variance is that of the calibration."""

    observed: Array
    expected: Array
    rows: Array
    known: Array

    @property
    def difference(self) -> Array:
        """Observed less expected."""
        return self.observed - self.expected


@dataclass(frozen=True)
class _Given:
    """What a gap is measured on; ``decile`` int64 [B] of each bin of the scores, ``end`` bool [B]: bins whose rows may
    lie beyond those of the reference, which are left out."""

    binning: Binning
    bins: SharedBins
    decile: NDArray[np.int64]
    current: LabelCounts
    reference: LabelCounts
    weighting: Weighting | None
    end: NDArray[np.bool_]
    spread: tuple[Spread, Wandering]


def measure_gap(
    binning: Binning,
    bins: SharedBins,
    calibration: Calibration,
    current: LabelCounts,
    reference: LabelCounts,
    reference_windows: Sequence[LabelCounts],
    weighting: Weighting | None,
    shared: Mapping[str, Any],
    judging: Judging | None = None,
    prior: Callable[[], Prior | None] = lambda: None,
) -> Measurement | None:
    """The surest difference of a decile of the reference's scores, the largest where none is sure: with its limits at
    95 % over all deciles and both signs (Bonferroni), and where the lower one is above zero the p-value of H0: none is
    above the tolerance, 0.02. None where no decile has 30 labelled rows.

    As everywhere the limits are the wider ones of those that the rows allow and those that the reference's own windows
    show, be it the decile's own or, where it has few rows in each, those of all deciles (``wandering``).
    ``details.concept_drift``: whether the lower limit is above the tolerance. ``judging``: then the limits of
    ``effect`` are at its level, over all deciles and signs, too, and the tolerance is its own.

    Under label shift scores lose their meaning although no concept changed. Where a gap is sure, at either level, and
    the window's ``prior`` explains its scores, the gap is measured from the calibration at that base rate as well; what
    is told is the less sure of the two (an intersection-union test, Berger 1982: both must be beyond the tolerance),
    with ``details.label_shift``.
    """
    labelled = bins.labelled(np.stack(score_bins(binning.scores, reference.counts))).sum(axis=0)
    decile = _deciles(labelled)
    now = bins.labelled(np.stack(score_bins(binning.scores, current.counts))).sum(axis=0)
    spread = _spread(binning, bins, calibration, decile, reference_windows)
    given = _Given(binning, bins, decile, current, reference, weighting, beyond_range(now, labelled), spread)
    found = _measured(given, calibration, 0.0, shared, judging)
    if found is None or not (_is_sure(found) or found.details["concept_drift"]):
        return found
    other = prior()
    if other is None:
        return found
    shifted = _measured(given, other.calibration, other.odds_error, shared, judging) if other.holds else None
    told = less_sure(found, shifted)
    left = _is_sure(told) if _is_sure(found) else told.details["concept_drift"]
    return replace(told, details={**told.details, "label_shift": {**other.told, "explains": not left}})


def _is_sure(one: Measurement) -> bool:
    lower = one.lower if one.effect_lower is None else one.effect_lower
    return lower is not None and lower > one.details["tolerance"]


def _measured(
    given: _Given,
    calibration: Calibration,
    odds_error: float | Array,
    shared: Mapping[str, Any],
    judging: Judging | None,
) -> Measurement | None:
    """From one calibration."""
    gap = _gap(
        given.binning, given.bins, calibration, given.decile, given.current, given.weighting, given.end, odds_error
    )
    usable = np.tile(gap.rows >= MINIMUM_ROWS, 2)
    if not usable.any():
        return None
    tests, tolerance = np.count_nonzero(usable), TOLERANCE if judging is None else judging.tolerance
    rise = _rise(gap, given.spread, tolerance, ALPHA / tests)
    level = rise if judging is None else _rise(gap, given.spread, tolerance, judging.alpha / tests)
    sure, large = (np.where(usable, part, -np.inf) for part in (level.lower, rise.effect))
    if sure.max() <= 0:
        sure = np.where(usable, rise.lower, -np.inf)
    worst = int(np.argmax(sure if sure.max() > 0 else large))
    lower = max(float(rise.lower[worst]), 0.0)
    details = {**shared, **_told(given.bins, given.decile, gap, worst % DECILES), "tolerance": tolerance}
    details["positive"] = given.binning.scores.classes[1] if given.binning.scores.task == "binary" else RIGHT
    found = Measurement(
        NAME,
        float(rise.effect[worst]),
        given.reference.rows,
        given.current.rows,
        lower=lower,
        upper=float(rise.upper[worst]),
        p_value=min(1.0, float(rise.p_value[worst] * tests)) if lower > 0 else None,
        details={**details, "concept_drift": lower > tolerance},
    )
    return found if judging is None else judging.told(found, level, worst)


def _rise(gap: _Gap, spread: tuple[Spread, Wandering], tolerance: float, alpha: float) -> Rise:
    """Of observed over expected positives by decile, then of observed over expected negatives, [2 D]; p-values only
    where some lower limit is above zero, for they take most of the time."""
    share = np.concatenate([gap.observed, 1 - gap.observed])
    before = np.concatenate([gap.expected, 1 - gap.expected])
    rows, known = np.tile(gap.rows, 2), np.tile(gap.known, 2)
    counts, z = (share * rows, rows, before * known, known), float(normal_quantile(alpha))
    lower = difference_lower(*counts, z)
    upper = -difference_lower(*counts[2:], *counts[:2], z)
    p_value = difference_p_value(*counts, tolerance) if (lower > 0).any() else np.full(len(rows), np.nan)
    error = np.sqrt(np.minimum(before + tolerance, 0.25) * (1 / np.maximum(rows, 1) + 1 / np.maximum(known, 1)))
    mde = tolerance + (z + Z_POWER) * error
    own, wandering = spread
    rise = widened(Rise(share - before, lower, upper, p_value, mde), own, tolerance, alpha)
    if wandering.enough:
        # Halfway: a change of the log odds times p (1 - p) there is the gap to second order, also near 0 and 1.
        of_one = _cautious((gap.observed + gap.expected) / 2, gap.rows)
        deviation = wandering.deviation(of_one * (1 / np.maximum(gap.rows, 1) + 1 / np.maximum(gap.known, 1)), of_one)
        rise = widened_by(rise, np.tile(deviation, 2), np.tile(wandering.degrees, 2), tolerance, alpha)
    # No gap between two shares is beyond 1.
    limits = {"lower": np.maximum(rise.lower, -1.0), "upper": np.minimum(rise.upper, 1.0)}
    return replace(rise, **limits, mde=np.minimum(rise.mde, 1.0))


def _deciles(rows: Array) -> NDArray[np.int64]:
    """The decile of each bin's middle, [B], of labelled rows by bin [B]."""
    middle = (np.cumsum(rows) - rows / 2) / max(rows.sum(), 1)
    found: NDArray[np.int64] = np.minimum((middle * DECILES).astype(np.int64), DECILES - 1)
    return found


def _gap(
    binning: Binning,
    bins: SharedBins,
    calibration: Calibration,
    decile: NDArray[np.int64],
    labels: LabelCounts,
    weighting: Weighting | None,
    left_out: NDArray[np.bool_] | None = None,
    odds_error: float | Array = 0.0,
) -> _Gap:
    """Without the bins ``left_out``; ``odds_error``: of the log odds that expected shares have in common, by bin or of
    all."""
    counted = np.stack(score_bins(binning.scores, labels.counts)).astype(np.float64)
    weight, doubt = np.ones_like(counted), np.zeros_like(counted)
    if weighting is not None:
        weight, doubt = weighting.weight[weighting.strata.scores], weighting.error[weighting.strata.scores]
    mass, squared = bins.labelled(counted * weight), bins.labelled(counted * weight**2)
    if left_out is not None:
        mass, squared = np.where(left_out, 0.0, mass), np.where(left_out, 0.0, squared)
    total, square = mass.sum(axis=0), squared.sum(axis=0)
    rows, squares = _by(decile, total), _by(decile, square)
    safe = np.maximum(rows, np.finfo(float).tiny)
    observed, expected = _by(decile, mass[1]) / safe, _by(decile, total * calibration.share) / safe
    effective = np.divide(rows**2, squares, out=np.zeros_like(rows), where=squares > 0)
    chance = _cautious(expected, effective) / np.maximum(effective, 1)
    # Weights are off by one factor per class and quarter: to first order a shift of the log odds.
    odds = _by(decile, bins.labelled(counted * weight * doubt**2).sum(axis=0)) / safe
    effective /= 1 + 2 * (observed * (1 - observed)) ** 2 * odds / np.maximum(chance, np.finfo(float).tiny)
    fitted = _by(decile, (total / safe[decile]) ** 2 * calibration.variance)
    fitted += (_by(decile, total * calibration.share * (1 - calibration.share) * odds_error) / safe) ** 2
    known = _cautious(expected, effective) / np.maximum(fitted, np.finfo(float).tiny)
    return _Gap(observed, expected, effective, np.where(rows > 0, known, 0.0))


def _cautious(share: Array, rows: Array) -> Array:
    """Variance of one row, never quite zero: with one hit and one miss more than expected."""
    shrunk = (share * rows + 1) / (rows + 2)
    return shrunk * (1 - shrunk)


def _by(decile: NDArray[np.int64], values: Array) -> Array:
    found: Array = np.bincount(decile, weights=values, minlength=DECILES).astype(np.float64)
    return found


def _spread(
    binning: Binning,
    bins: SharedBins,
    calibration: Calibration,
    decile: NDArray[np.int64],
    windows: Sequence[LabelCounts],
) -> tuple[Spread, Wandering]:
    """Of the gaps of the reference's own windows: of each decile, for both signs, and of all deciles."""
    memo = windows.memo if isinstance(windows, LabelWindows) else {}
    if NAME not in memo:
        each = [_gap(binning, bins, calibration, decile, one, None) for one in windows]
        values = np.array([one.difference for one in each]).reshape(-1, DECILES)
        usable = np.array([one.rows >= MINIMUM_ROWS for one in each], dtype=bool).reshape(-1, DECILES)
        found = spread_of(values, usable)
        expected, rows = (np.array([getattr(one, name) for one in each]) for name in ("expected", "rows"))
        wandering = wandering_of(values, expected.reshape(values.shape), rows.reshape(values.shape))
        memo[NAME] = Spread(np.tile(found.deviation, 2), np.tile(found.windows, 2)), wandering
    known: tuple[Spread, Wandering] = memo[NAME]
    return known


def _told(bins: SharedBins, decile: NDArray[np.int64], gap: _Gap, worst: int) -> dict[str, Any]:
    inside = np.flatnonzero(decile == worst)
    edges = np.concatenate([[0.0], bins.cuts, [1.0]])
    return {
        "from": float(edges[inside[0]]),
        "to": float(edges[inside[-1] + 1]),
        "expected": float(gap.expected[worst]),
        "observed": float(gap.observed[worst]),
        "deciles": [
            {"rows": float(rows), "expected": float(expected), "observed": float(observed)}
            for rows, expected, observed in zip(gap.rows, gap.expected, gap.observed, strict=True)
        ],
    }
