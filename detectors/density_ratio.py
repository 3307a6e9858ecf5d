"""How much likelier each row is in the window than in the reference: weights that make one look like the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.boosted import fit_trees
from detectors.domain.cross_fit import FOLDS, area_under_curve, in_turn
from detectors.multivariate.domain_classifier import LEAST_ROWS, Rows, matrix_of

Array = NDArray[np.float64]

TREES = 50
RATE = 0.1
BINS = 200  # trees have at most 255
MISSING = -1.0
IN_LEAF = 100  # rows: odds, not only their order, are wanted of a leaf
COVERED = 0.5  # of the window's rows: below it, weights say nothing of most of them
LEAST, MOST = 0.05, 20.0  # odds beyond are taken as these: single rows must not stand for thousands


@dataclass(frozen=True)
class DensityRatio:
    """P(x in the window) / P(x in the reference) of the rows of both sides: ``reference`` [n], ``current`` [m];
    ``area`` under the ROC curve of telling them apart, on rows that the trees were not fitted on."""

    reference: Array
    current: Array
    area: float

    @property
    def weights(self) -> Array:
        """Of the reference's rows, so that together they look like the window, [n]; between 0.05 and 20."""
        return np.clip(self.reference, LEAST, MOST)

    @property
    def effective(self) -> float:
        """Share of the reference's rows that the weights leave, (Σw)² / (n Σw²) (Kish 1965)."""
        weights = self.weights
        return float(weights.sum() ** 2 / (len(weights) * (weights**2).sum()))

    @property
    def covered(self) -> float:
        """About what share of the window's rows has its like in the reference: the mean of P(x in the window) / P(x in
        the reference) over the reference is 1 where all have, and 0 where none has, however alike the weights are."""
        return float(self.weights.mean())


def density_ratio(
    features: Sequence[str], reference: Rows, current: Rows, weight: Array | None = None
) -> DensityRatio | None:
    """Odds of a domain classifier, cross-fitted: blocks of time are dealt to two halves in turn, and trees fitted on
    each half give the odds of the other's rows (Sugiyama, Suzuki and Kanamori 2012, ch. 4; Cai, Namkoong and Yadlowsky
    2023). ``weight`` [m] of the window's rows. None with fewer than 200 rows or two blocks on a side, or no feature.
    """
    folds = [in_turn(side.blocks) for side in (reference, current)]
    if min(len(reference), len(current)) < LEAST_ROWS or any(len(np.unique(fold)) < FOLDS for fold in folds):
        return None
    if not features:
        return None
    matrix, categorical = coarse_matrix(features, reference, current)
    if matrix.shape[1] == 0:  # vectors of which the reference has none
        return None
    sizes = len(reference), len(current)
    of_window, fold = np.repeat([0, 1], sizes), np.concatenate(folds)
    rows = np.concatenate([np.ones(sizes[0]), np.ones(sizes[1]) if weight is None else weight])
    log_odds, areas = np.empty(len(fold)), []
    for place in range(FOLDS):
        held = fold == place
        trees = _fit(matrix[~held], of_window[~held], rows[~held], categorical)
        log_odds[held] = trees.decision_function(matrix[held])
        areas.append(area_under_curve(of_window[held], log_odds[held])[0])
    odds = np.exp(log_odds)
    return DensityRatio(odds[: sizes[0]], odds[sizes[0] :], float(np.mean(areas)))


def coarse_matrix(features: Sequence[str], reference: Rows, current: Rows) -> tuple[Array, NDArray[np.bool_]]:
    """As ``matrix_of``, numbers by which of 200 equally common bins of both sides they are in: all that trees look at.
    Theirs take ten times as long to find where rows have weights."""
    matrix, categorical, _ = matrix_of(features, reference, current)
    for place in np.flatnonzero(~categorical):
        column = matrix[:, place]
        known = np.isfinite(column)
        if known.any():
            cuts = np.unique(np.quantile(column[known], np.arange(1, BINS) / BINS))
            column[known] = np.searchsorted(cuts, column[known])
        column[~known] = MISSING  # a bin of its own: trees cannot be fitted on a half in which all is missing
    return matrix, categorical


def _fit(matrix: Array, of_window: NDArray[np.int64], rows: Array, categorical: NDArray[np.bool_]) -> Any:
    """Trees whose odds are those of sides of equal size."""
    totals = np.bincount(of_window, weights=rows, minlength=2)
    weight = rows * (len(rows) / 2 / totals)[of_window]
    return fit_trees(
        matrix, of_window, categorical, classes=True, trees=TREES, rate=RATE, in_leaf=IN_LEAF, weight=weight
    )
