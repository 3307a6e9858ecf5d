"""How common the positive class is now, without labels: if only its share changed (label shift).

Label shift means that the scores of each class stay distributed as they were, P(score | class) fixed, and only the
classes' shares move. Then a window's scores are a mixture of the reference's two score histograms, and the share that
explains them best is the new base rate. Whether that story holds is tested by the gate; if not, no number is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed
from numpy.typing import NDArray

from detectors.cuts import Binning, NumericColumn
from detectors.estimation.threshold import predicted_rows
from detectors.intervals import Z95
from detectors.measurement import MINIMUM_ROWS
from detectors.performance.scored import LabelCounts, confusion, score_bins
from detectors.profile import Reference
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

METRIC = "estimated_base_rate"
BY_CLASSES = "estimated_base_rate_bbse"
LABEL_SHIFT_REJECTED = "label_shift_rejected"
GATE = 0.001  # p below which the window's scores are no mixture of the reference's two histograms
LEAST_OF_EACH = 10  # labelled rows of either class
LEAST_IN_BIN = 5.0
_PER_CLASS = 10.0  # rows of the rarer class that two joined bins hold on average
_STEPS = 60  # halvings


@dataclass(frozen=True)
class BaseRate:
    """An estimate with its 95 % interval and its standard ``error``; ``gate_p_value`` None where there are too few bins
    for the test."""

    value: float
    lower: float
    upper: float
    gate_p_value: float | None
    error: float = 0.0

    @property
    def says_nothing(self) -> bool:
        """Whether any share may be."""
        return self.lower <= 0 and self.upper >= 1

    def widened(self, times: float) -> BaseRate:
        """With an interval so many times as wide."""
        off = times * Z95 * self.error
        return replace(self, lower=max(0.0, self.value - off), upper=min(1.0, self.value + off))


@dataclass(frozen=True)
class Shift:
    """The base rate ``found`` in a window whose scores it explains, and that of the reference's labels ``before``."""

    found: BaseRate
    before: float


def shift_of(binning: Binning, current: WindowCounts, reference: Reference, gate: float = GATE) -> Shift | None:
    """Of a binary model with scores; None where there are too few rows, any base rate may be, or the p-value of that a
    base rate explains the window's scores is below ``gate``."""
    column = binning.by_name.get("score")
    layout = binning.scores
    if layout.task != "binary" or not isinstance(column, NumericColumn) or not len(layout.score_cuts):
        return None
    window, negative, positive = histograms(binning, column, current, reference.labels)
    if min(negative.sum(), positive.sum()) < LEAST_OF_EACH or window.sum() < MINIMUM_ROWS:
        return None
    found = maximum_likelihood(window, negative, positive)
    if found.says_nothing or (found.gate_p_value is not None and found.gate_p_value < gate):
        return None
    return Shift(found, float(positive.sum() / (negative.sum() + positive.sum())))


def maximum_likelihood(window: Array, negative: Array, positive: Array) -> BaseRate:
    """The base rate under which a mixture of the two classes' score histograms is likeliest; counts float64 [B] each.

    It is where the EM iterations of Saerens, Latinne and Decaestecker (2002) end, π ← Σ_b h_b π f₁ / (π f₁ + (1 - π)
    f₀), f₁ / f₀ being the calibrated odds of a bin over those of the reference: the root of the likelihood's derivative
    in π, which only falls, and so is found by halving. Interval by the delta method, from the sampling of all three
    histograms. Rows count as independent. Bins are joined until there is one for 5 labelled rows of the rarer class:
    with more the histogram of that class fits its own noise, which draws the estimate towards the reference's rate.
    """
    n0, n1 = max(float(negative.sum()), 1.0), max(float(positive.sum()), 1.0)
    pooled = _joined(negative / n0 + positive / n1, _PER_CLASS / min(n0, n1))
    h, f0, f1 = (_sums(pooled, part) for part in (window, negative, positive))
    rows, n0, n1 = (float(part.sum()) for part in (h, f0, f1))
    shape = (f0 + f1) / (n0 + n1)  # one row's worth of it, so that no share is zero
    h, f0, f1 = h / rows, (f0 + shape) / (n0 + 1), (f1 + shape) / (n1 + 1)
    rate = _root(h, f0, f1)
    error = _error(rate, (h, f0, f1), (rows, n0, n1))
    lower, upper = max(0.0, rate - Z95 * error), min(1.0, rate + Z95 * error)
    return BaseRate(rate, lower, upper, _gate(rate, (h, f0, f1), (rows, n0, n1)), error)


def black_box(predicted: float, rows: float, table: Array) -> tuple[float, float, float] | None:
    """Black box shift estimation (Lipton, Wang and Smola 2018) with its 95 % interval, from predicted classes alone:
    (q - FPR) / (TPR - FPR), q the share predicted positive, clipped to [0, 1].

    ``predicted`` of ``rows`` were predicted positive; ``table`` float64 [2, 2] truth x predicted of the reference. None
    where the two rates are equal: then the predictions say nothing.
    """
    sizes = table.sum(axis=1)
    false_rate, true_rate = table[:, 1] / np.maximum(sizes, 1)
    power = true_rate - false_rate
    if power == 0 or rows == 0:
        return None
    share = predicted / rows
    value = (share - false_rate) / power
    terms = np.array([share, false_rate, true_rate])
    weights = np.array([1.0, value - 1, -value]) / power
    error = np.sqrt(np.sum(weights**2 * terms * (1 - terms) / np.maximum([rows, *sizes], 1)))
    middle, low, high = np.clip([value, value - Z95 * error, value + Z95 * error], 0, 1).tolist()
    return middle, low, high


def histograms(
    binning: Binning, column: NumericColumn, current: WindowCounts, labels: LabelCounts
) -> tuple[Array, Array, Array]:
    """Scores of the window, and of the reference's negatives and positives, on the cuts that both kinds of count
    have."""
    common = np.intersect1d(column.cuts, binning.scores.score_cuts)
    coarse = np.append(np.searchsorted(common, column.cuts), len(common))
    return _sums(coarse, current.counts[binning.slots("score")]), *joined_scores(binning, column, labels)


def joined_scores(binning: Binning, column: NumericColumn, labels: LabelCounts) -> tuple[Array, Array]:
    """Scores of labelled negatives and positives, on the cuts that both kinds of count have."""
    common = np.intersect1d(column.cuts, binning.scores.score_cuts)
    fine = np.append(np.searchsorted(common, binning.scores.score_cuts), len(common))
    negative, positive = (_sums(fine, part) for part in score_bins(binning.scores, labels.counts))
    return negative, positive


def _sums(places: NDArray[np.int64], values: NDArray[Any]) -> Array:
    """Sums of values that share a place."""
    found: Array = np.bincount(places, weights=values).astype(np.float64)
    return found


def confusion_of(binning: Binning, labels: LabelCounts) -> Array:
    """Labelled rows by truth and predicted class, float64 [2, 2]."""
    table: Array = confusion(binning.scores, labels.counts)[:2, :2].astype(np.float64)
    return table


def said_positive(binning: Binning, current: WindowCounts) -> tuple[float, float] | None:
    """How many rows were predicted positive, of how many that were predicted either; None without such a column."""
    negative, positive = (predicted_rows(binning, current, name) for name in binning.scores.classes)
    if negative is None or positive is None:
        return None
    return positive, positive + negative


def _joined(rows: Array, least: float) -> NDArray[np.int64]:
    """Which pooled bin each bin belongs to: neighbours are joined until each has ``least`` rows."""
    place, held, places = 0, 0.0, []
    for count in rows.tolist():
        if held >= least:
            place, held = place + 1, 0.0
        places.append(place)
        held += count
    if held < least and place > 0:
        places = [min(one, place - 1) for one in places]
    return np.array(places, dtype=np.int64)


def _root(h: Array, f0: Array, f1: Array) -> float:
    """Where Σ h (f₁ - f₀) / (π f₁ + (1 - π) f₀) crosses zero in [0, 1]."""
    low, high = 0.0, 1.0
    if _slope(low, h, f0, f1) <= 0:
        return low
    if _slope(high, h, f0, f1) >= 0:
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _slope(middle, h, f0, f1) > 0 else (low, middle)
    return (low + high) / 2


def _slope(rate: float, h: Array, f0: Array, f1: Array) -> float:
    return float(np.sum(h * (f1 - f0) / (rate * f1 + (1 - rate) * f0)))


def _error(rate: float, shares: tuple[Array, Array, Array], rows: tuple[float, float, float]) -> float:
    """Standard error of the root, from the multinomial errors of the window and of both reference histograms."""
    h, f0, f1 = shares
    mixed = rate * f1 + (1 - rate) * f0
    slopes = (f1 - f0) / mixed, -h * f1 / mixed**2, h * f0 / mixed**2
    variance = sum(
        float(np.sum(share * slope**2) - np.sum(share * slope) ** 2) / n
        for share, slope, n in zip(shares, slopes, rows, strict=True)
    )
    information = float(np.sum(h * ((f1 - f0) / mixed) ** 2))
    return float(np.sqrt(max(variance, 0.0)) / information) if information > 0 else float("inf")


def _gate(rate: float, shares: tuple[Array, Array, Array], rows: tuple[float, float, float]) -> float | None:
    """p-value of X² of the window's histogram against the mixture, whose own sampling error counts too."""
    h, f0, f1 = shares
    n, n0, n1 = rows
    mixed = rate * f1 + (1 - rate) * f0
    pooled = _joined(n * mixed, LEAST_IN_BIN)
    seen, expected, reference = (
        _sums(pooled, part) for part in (n * h, n * mixed, n**2 * (rate**2 * f1 / n1 + (1 - rate) ** 2 * f0 / n0))
    )
    degrees = len(seen) - 2  # the total and the rate are fitted
    if degrees < 1:
        return None
    return float(scipy.stats.chi2.sf(np.sum((seen - expected) ** 2 / (expected + reference)), degrees))
