"""Performance of a window whose labels are not all known, when how long a label takes depends on what it says.

Each labelled row stands for 1 / G rows, G being the share of the labels of its kind that are known by now (inverse
probability weights, Horvitz and Thompson 1952), relative to the sum of the weights (Hájek 1971). Weights are the same
within a window for every row of a kind. Assumed: labels take as long as they took of late, given the truth and the
prediction, and those that never come are like the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.measurement import Measurement
from detectors.performance.binned_loss import BRIER, LOG_LOSS, losses_of_bins
from detectors.performance.maturity import Arrivals
from detectors.performance.others import others_right
from detectors.performance.scored import LabelCounts, confusion, score_bins
from detectors.performance.strata import Strata

Array = NDArray[np.float64]

LEAST_KNOWN = 0.02  # share of a class's labels: fewer say nothing of the others
COMPLETE = 0.999
UNLIKE = 1.05  # how many times as much of one kind as of another is known, before it matters
CLOSE = 0.05  # of the loss of all rows: where score bins tell it less well, they cannot tell that of some
ENOUGH = 200  # effective rows from which a weighted number is believed
ASSUMPTION = "labels take as long as they took before, given the truth and the prediction"


@dataclass(frozen=True)
class Weighting:
    """``weight`` [S] and standard error [S] of its logarithm, by stratum."""

    layout: ScoreLayout
    strata: Strata
    weight: Array
    error: Array

    def of(self, metric: str, labels: LabelCounts) -> tuple[LabelCounts, float] | None:
        """Labelled rows as the window would have them, in the number of rows that this metric's interval can rest on,
        and that number; None where the metric cannot be weighted.

        The number is Kish's (1965) effective one, (Σw)² / Σw², less what the error of the weights takes.
        """
        if metric == "roc_auc":
            return self._scores(labels)
        if self.layout.task == "binary" and metric in _LOSSES:
            return self._losses(labels, _LOSSES[metric])
        cells = _CELLS[self.layout.task].get(metric)
        return None if cells is None else self._cells(labels, *cells(len(self.layout.classes) + 1))

    def mean(self, labels: LabelCounts, each: Array) -> tuple[float, float, float] | None:
        """Of labelled rows that say ``each`` [2, bins] by class and score bin: the mean that the window would have, its
        standard error, with that of the weights, and Kish's number of rows; None where there are none."""
        if not self.strata.scores.size:
            return None
        rows, weight = np.stack(score_bins(self.layout, labels.counts)), self.weight[self.strata.scores]
        mass = rows * weight
        total = float(mass.sum())
        if total <= 0:
            return None
        value = float((mass * each).sum()) / total
        off = mass * (each - value) / total
        pull = np.bincount(self.strata.scores.ravel(), off.ravel(), len(self.error))
        variance = float((off * weight * (each - value)).sum()) / total + float((pull**2 * self.error**2).sum())
        return value, float(np.sqrt(variance)), total**2 / float((mass * weight).sum())

    def on(self, layout: ScoreLayout) -> Weighting:
        """The same weights for rows counted in other score bins."""
        return Weighting(layout, Strata.of(layout), self.weight, self.error)

    def of_counts(self, counts: Array) -> Array:
        """Counts [..., Lc] with every row's weight: their ratios are those of all rows."""
        found = np.array(counts, np.float64)
        lacking = others_right(self.layout, found) * self.weight[self.strata.others]
        confusion(self.layout, found)[...] *= self.weight[self.strata.cells]
        found[..., 0] = confusion(self.layout, found).sum(axis=(-2, -1)) + lacking
        if self.strata.scores.size:
            for into, strata in zip(score_bins(self.layout, found), self.strata.scores, strict=True):
                into *= self.weight[strata]
        return found

    def of_sums(self, counts: Array, sums: Array) -> Array:
        """Sums [..., S] of rows with these counts [..., Lc], with every row's weight: the losses of two classes, by
        what those of their score bins are. Of anything else as they are."""
        if not self.strata.scores.size or self.layout.task != "binary":
            return sums
        rows, each = np.stack(score_bins(self.layout, counts), axis=-2), losses_of_bins(self.layout)
        plain = np.einsum("...cb,scb->...s", rows, each)
        weighted = np.einsum("...cb,scb->...s", rows * self.weight[self.strata.scores], each)
        found: Array = sums * np.divide(weighted, plain, out=np.ones_like(plain), where=plain > 0)
        return found

    def of_rows(self, truth: NDArray[np.int64], predicted: NDArray[np.int64], right: NDArray[np.bool_]) -> Array:
        """Weights [n] of labelled rows by the places of their classes [n] (one more than there are: any other), and
        whether they are right."""
        other = right & (truth == len(self.layout.classes))
        found: Array = self.weight[np.where(other, self.strata.others, self.strata.cells[truth, predicted])]
        return found

    def _cells(self, labels: LabelCounts, hit: Array, asked: Array) -> tuple[LabelCounts, float] | None:
        """Of rows by cell, and last those that are in none."""
        rows = np.append(confusion(self.layout, labels.counts), others_right(self.layout, labels.counts))
        strata = np.append(self.strata.cells, self.strata.others)
        hit, asked = np.append(hit, asked[-1, -1]), np.append(asked, asked[-1, -1])
        weight = self.weight[strata]
        mass = rows * weight
        total = float((mass * asked).sum())
        if total <= 0:
            return None
        value = float((mass * asked * hit).sum()) / total
        kish = total**2 / float((mass * weight * asked).sum())
        pull = asked * (hit - value) * mass / total
        of_stratum = np.bincount(strata, weights=pull, minlength=len(self.error))
        variance = float((of_stratum**2 * self.error**2).sum())
        spread = value * (1 - value)
        effective = kish / (1 + kish * variance / spread) if spread > 0 else kish
        counts = np.zeros(len(labels.counts))
        cells = confusion(self.layout, counts)
        cells[...] = (mass[:-1] * effective / total).reshape(cells.shape)
        counts[0] = mass.sum() * effective / total
        return LabelCounts(counts, labels.sums), effective

    def _scores(self, labels: LabelCounts) -> tuple[LabelCounts, float] | None:
        if not self.strata.scores.size:
            return None
        rows = np.stack(score_bins(self.layout, labels.counts)).astype(np.float64)
        weight = self.weight[self.strata.scores]
        mass = rows * weight
        totals = mass.sum(axis=1, keepdims=True)
        if (totals <= 0).any():
            return None
        shares = mass / totals
        kish = totals[:, 0] ** 2 / (mass * weight).sum(axis=1)
        kish /= 1 + kish * self._doubt(shares)
        counts = np.zeros(len(labels.counts))
        for into, share, effective in zip(score_bins(self.layout, counts), shares, kish, strict=True):
            into[...] = share * effective
        counts[0] = kish.sum()
        return LabelCounts(counts, labels.sums), float(kish.sum())

    def _losses(self, labels: LabelCounts, place: int) -> tuple[LabelCounts, float] | None:
        """Of a mean loss, whose sum is at ``place``; what rows of the weighted kinds differ by counts, too."""
        if not self.strata.scores.size:
            return None
        rows, weight = np.stack(score_bins(self.layout, labels.counts)), self.weight[self.strata.scores]
        mass, of_all = rows * weight, labels.sums[place : place + 2]
        loss, square = losses_of_bins(self.layout)[place : place + 2]
        total, told = float(mass.sum()), np.array([(rows * loss).sum(), (rows * square).sum()])
        if total <= 0 or (told <= 0).any() or not np.isfinite(of_all).all() or abs(of_all[0] / told[0] - 1) > CLOSE:
            return None
        loss, square = loss * of_all[0] / told[0], square * of_all[1] / told[1]
        value, second = float((mass * loss).sum()) / total, float((mass * square).sum()) / total
        spread = max(second - value**2, 0.0)
        kish = total**2 / float((mass * weight).sum())
        variance = float((mass * weight * (square - 2 * value * loss + value**2)).sum()) / total**2
        pull = np.bincount(self.strata.scores.ravel(), (mass * (loss - value)).ravel() / total, len(self.error))
        doubt = float((pull**2 * self.error**2).sum())
        effective = spread / (max(variance, spread / kish) + doubt) if spread > 0 else kish
        counts, sums = np.zeros(len(labels.counts)), np.zeros(len(labels.sums))
        for into, share in zip(score_bins(self.layout, counts), mass / total, strict=True):
            into[...] = share * effective
        counts[0] = effective
        sums[place : place + 2] = value * effective, second * effective
        return LabelCounts(counts, sums), effective

    def _doubt(self, shares: Array) -> Array:
        """Variance that the error of the weights brings to each class's part of the area, as a multiple of that of one
        row, [2]."""
        other = shares[::-1]
        placement = np.cumsum(other, axis=1) - other / 2
        centred = placement - (shares * placement).sum(axis=1, keepdims=True)
        spread = (shares * centred**2).sum(axis=1)
        found = np.zeros(2)
        for side in range(2):
            pull = np.bincount(
                self.strata.scores[side], weights=shares[side] * centred[side], minlength=len(self.error)
            )
            found[side] = (pull**2 * self.error**2).sum() / max(spread[side], np.finfo(float).tiny)
        return found


@dataclass(frozen=True)
class Known:
    """What is known of a window's labels: ``weighting`` where weights matter and can be had; ``overlap`` false where a
    class is known to 2 % or less, so that nothing can be said of it; ``expected`` how labels usually come: of which
    share of predictions they ever do (``plateau``), and after how many hours (``after_hours``; None: never) they are
    known for the share ``coverage``; ``delay`` whether they come as fast as they did; ``unlike`` whether labels that
    are missing may be unlike those that are there, as their delay depends on what they say, or nobody knows."""

    weighting: Weighting | None = None
    overlap: bool = True
    expected: Mapping[str, Any] | None = None
    delay: Measurement | None = None
    unlike: bool = False


ALL_KNOWN = Known()


def weigh(
    layout: ScoreLayout, strata: Strata, curve: Arrivals, ages: NDArray[np.int64], predictions: NDArray[np.int64]
) -> Known:
    """Weights of a window whose hours are ``ages`` [T] hours old and have so many ``predictions`` [T].

    No weighting where every label that comes is there (all weights are one), or where a class with 2 % of the labels
    has too few rows to know how long they take.
    """
    share, error = curve.complete(ages, predictions)
    classes = np.arange(len(layout.classes) + 1)
    matter = classes[curve.mass[classes] >= LEAST_KNOWN]
    if (share[matter][curve.usable[matter]] < LEAST_KNOWN).any():
        return Known(overlap=False)
    if (share[curve.usable] >= COMPLETE).all():
        return Known()
    if not curve.usable[matter].all():
        return Known(unlike=True)
    told = share[curve.usable & (curve.mass >= LEAST_KNOWN)]
    unlike = bool(told.max() > UNLIKE * told.min())
    usual = float(curve.mass[matter] @ share[matter] / curve.mass[matter].sum())
    weight = 1 / np.maximum(np.where(curve.usable, share, usual), LEAST_KNOWN)
    return Known(Weighting(layout, strata, weight, np.where(curve.usable, error, 0.0)), unlike=unlike)


def _everything(size: int) -> tuple[Array, Array]:
    right = np.eye(size)
    right[-1, -1] = 0  # in this cell are only rows that are wrong
    return right, np.ones((size, size))


def _column(size: int) -> tuple[Array, Array]:
    hit, asked = np.zeros((size, size)), np.zeros((size, size))
    hit[1, 1] = 1
    asked[:, 1] = 1
    return hit, asked


def _row(size: int) -> tuple[Array, Array]:
    hit, asked = _column(size)
    return hit, asked.T


def _false_row(size: int) -> tuple[Array, Array]:
    hit, asked = np.zeros((size, size)), np.zeros((size, size))
    hit[0, 1] = 1
    asked[0] = 1
    return hit, asked


def _either(size: int) -> tuple[Array, Array]:
    hit, asked = _column(size)
    return hit, np.maximum(asked, asked.T)


# Truth x predicted: which cells a metric's proportion counts, and of which.
_CELLS: Mapping[str, Mapping[str, Callable[[int], tuple[Array, Array]]]] = {
    "binary": {
        "accuracy": _everything,
        "precision": _column,
        "recall": _row,
        "f1": _either,
        "false_positive_rate": _false_row,  # of fairness
    },
    "multiclass": {"accuracy": _everything},
    "regression": {},
}
_LOSSES = {"log_loss": LOG_LOSS, "brier": BRIER}
