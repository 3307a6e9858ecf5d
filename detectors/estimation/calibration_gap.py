"""Whether a score still means what it meant: positives that came against positives that were expected, by decile.

Inputs may move as they like; if rows of one and the same score turn out otherwise than they did in the reference, then
what is to be predicted has changed: concept drift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.estimation.bins import SharedBins
from detectors.estimation.calibration import Calibration
from detectors.intervals import difference_lower, difference_p_value, normal_quantile
from detectors.measurement import MINIMUM_ROWS, Measurement
from detectors.performance.scored import LabelCounts, LabelWindows, score_bins
from detectors.performance.weighting import Weighting
from detectors.rise import Rise, Spread, spread_of, widened

Array = NDArray[np.float64]

NAME = "calibration_gap"
DECILES = 10
TOLERANCE = 0.02
ALPHA = 0.05


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


def measure_gap(
    binning: Binning,
    bins: SharedBins,
    calibration: Calibration,
    current: LabelCounts,
    reference: LabelCounts,
    reference_windows: Sequence[LabelCounts],
    weighting: Weighting | None,
    shared: Mapping[str, Any],
) -> Measurement | None:
    """The surest difference of a decile of the reference's scores, the largest where none is sure: with its limits at
    95 % over all deciles and both signs (Bonferroni), and where the lower one is above zero the p-value of H0: none is
    above 0.02. None where no decile has 30 labelled rows, or with weights for several classes, of which the scores know
    nothing.

    As everywhere the limits are the wider ones of those that the rows allow and those that the reference's own windows
    show. ``details.concept_drift``: whether the lower limit is above 0.02.
    """
    if weighting is not None and not weighting.strata.scores.size:
        return None
    decile = _deciles(bins.labelled(np.stack(score_bins(binning.scores, reference.counts))).sum(axis=0))
    gap = _gap(binning, bins, calibration, decile, current, weighting)
    usable = gap.rows >= MINIMUM_ROWS
    if not usable.any():
        return None
    tests = 2 * np.count_nonzero(usable)
    spread = _spread(binning, bins, calibration, decile, reference_windows)
    rise = _rise(gap, spread, ALPHA / tests)
    sure, large = (np.where(np.tile(usable, 2), part, -np.inf) for part in (rise.lower, rise.effect))
    worst = int(np.argmax(sure if sure.max() > 0 else large))
    lower = max(float(rise.lower[worst]), 0.0)
    details = {**shared, **_told(bins, decile, gap, worst % DECILES), "tolerance": TOLERANCE}
    return Measurement(
        NAME,
        float(rise.effect[worst]),
        reference.rows,
        current.rows,
        lower=lower,
        upper=float(rise.upper[worst]),
        p_value=min(1.0, float(rise.p_value[worst] * tests)) if lower > 0 else None,
        details={**details, "concept_drift": lower > TOLERANCE},
    )


def _rise(gap: _Gap, spread: Spread, alpha: float) -> Rise:
    """Of observed over expected positives by decile, then of observed over expected negatives, [2 D]; p-values only
    where some lower limit is above zero, for they take most of the time."""
    share = np.concatenate([gap.observed, 1 - gap.observed])
    before = np.concatenate([gap.expected, 1 - gap.expected])
    rows, known = np.tile(gap.rows, 2), np.tile(gap.known, 2)
    counts, z = (share * rows, rows, before * known, known), float(normal_quantile(alpha))
    lower = difference_lower(*counts, z)
    upper = -difference_lower(*counts[2:], *counts[:2], z)
    p_value = difference_p_value(*counts, TOLERANCE) if (lower > 0).any() else np.full(len(rows), np.nan)
    return widened(Rise(share - before, lower, upper, p_value, np.full(len(rows), np.nan)), spread, TOLERANCE, alpha)


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
) -> _Gap:
    counted = np.stack(score_bins(binning.scores, labels.counts)).astype(np.float64)
    weight, doubt = np.ones_like(counted), np.zeros_like(counted)
    if weighting is not None:
        weight, doubt = weighting.weight[weighting.strata.scores], weighting.error[weighting.strata.scores]
    mass = bins.labelled(counted * weight)
    total, square = mass.sum(axis=0), bins.labelled(counted * weight**2).sum(axis=0)
    rows, squares = _by(decile, total), _by(decile, square)
    safe = np.maximum(rows, np.finfo(float).tiny)
    observed, expected = _by(decile, mass[1]) / safe, _by(decile, total * calibration.share) / safe
    effective = np.divide(rows**2, squares, out=np.zeros_like(rows), where=squares > 0)
    chance = _cautious(expected, effective) / np.maximum(effective, 1)
    # Weights are off by one factor per class and quarter: to first order a shift of the log odds.
    odds = _by(decile, bins.labelled(counted * weight * doubt**2).sum(axis=0)) / safe
    effective /= 1 + 2 * (observed * (1 - observed)) ** 2 * odds / np.maximum(chance, np.finfo(float).tiny)
    fitted = _by(decile, (total / safe[decile]) ** 2 * calibration.variance)
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
) -> Spread:
    """Of the gaps of the reference's own windows, for both signs."""
    memo = windows.memo if isinstance(windows, LabelWindows) else {}
    if NAME not in memo:
        each = [_gap(binning, bins, calibration, decile, one, None) for one in windows]
        values = np.array([one.difference for one in each]).reshape(-1, DECILES)
        usable = np.array([one.rows >= MINIMUM_ROWS for one in each], dtype=bool).reshape(-1, DECILES)
        found = spread_of(values, usable)
        memo[NAME] = Spread(np.tile(found.deviation, 2), np.tile(found.windows, 2))
    known: Spread = memo[NAME]
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
