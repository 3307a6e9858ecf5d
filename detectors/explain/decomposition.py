"""A loss that rose: how much of it is because other rows come, and how much because the same rows turn out otherwise.

With w the density ratio of a domain classifier,

    E_cur[l] − E_ref[l] = {E_ref[w l] − E_ref[l]} + {E_cur[l] − E_ref[w l]}

the first part is covariate shift, the second concept shift (Cai, Namkoong and Yadlowsky 2023). Both sides' losses are
taken less what m(x) = E_ref[l | x] expects of them, which changes nothing in the mean but makes E_ref[w l] right if
either w or m is (Robins, Rotnitzky and Zhao 1994), and gives it the error of the rows that w was fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.boosted import fit_trees
from detectors.density_ratio import COVERED, IN_LEAF, RATE, TREES, DensityRatio, coarse_matrix
from detectors.domain.cross_fit import FOLDS, in_turn
from detectors.explain.labelled import Labelled
from detectors.explain.resampling import Part, drawn, part, sums_by_block

Array = NDArray[np.float64]

LEAST_EFFECTIVE = 0.10  # of the reference's rows: below it the weighted mean is that of a few


@dataclass(frozen=True)
class Decomposition:
    """Rise of the mean loss and its two parts. ``shared``: compared on the rows that both sides have, as too few rows
    of the reference look like the window's; ``effective``: share of the reference's rows that do; ``area`` of the
    domain classifier. ``reference`` and ``current``: the mean losses."""

    rise: Part
    covariate: Part
    concept: Part
    reference: float
    current: float
    shared: bool
    effective: float
    area: float


def decompose(features: Sequence[str], reference: Labelled, current: Labelled, ratio: DensityRatio) -> Decomposition:
    """The parts with 95 % limits from days drawn anew; the weights and m stay as they were fitted.

    Where the weights leave under 10 % of the reference's rows, or it has the like of under half of the window's, both
    sides are weighted to what they share, the density p q / (p + q): the concept part is the difference there, the
    covariate part the rest.
    """
    shared = ratio.effective < LEAST_EFFECTIVE or ratio.covered < COVERED
    before = ratio.reference / (1 + ratio.reference) if shared else ratio.weights
    now = 1 / (1 + ratio.current) if shared else np.ones(len(current))
    expected = _expected(features, reference, current)
    then, today = _means(reference, before, expected[0], 0), _means(current, now, expected[1], 1)
    rise, concept = today[0] - then[0], today[1] - then[1]
    blocks = min(reference.blocks, current.blocks)
    return Decomposition(
        part(rise, blocks),
        part(rise - concept, blocks),
        part(concept, blocks),
        float(then[0, 0]),
        float(today[0, 0]),
        shared,
        ratio.effective,
        ratio.area,
    )


def _expected(features: Sequence[str], reference: Labelled, current: Labelled) -> tuple[Array, Array]:
    """m(x) of both sides' rows, [n] and [m]: of a row of the reference from the half that it is not in, of others the
    mean of both."""
    matrix, categorical = coarse_matrix(features, reference.rows, current.rows)
    before, now = np.split(matrix, [len(reference)])
    fold = in_turn(reference.rows.blocks)
    of_reference, of_current = np.empty(len(reference)), np.zeros(len(current))
    for place in range(FOLDS):
        held = fold == place
        said = _fitted(before[~held], reference.loss[~held], categorical, [before[held], now])
        of_reference[held] = said[0]
        of_current += said[1] / FOLDS
    return of_reference, of_current


def _fitted(matrix: Array, loss: Array, categorical: NDArray[np.bool_], others: Sequence[Array]) -> list[Any]:
    """What trees fitted on those rows expect of others."""
    from threadpoolctl import threadpool_limits

    trees = fit_trees(matrix, loss, categorical, classes=False, trees=TREES, rate=RATE, in_leaf=IN_LEAF)
    with threadpool_limits(1):
        return [trees.predict(one) for one in others]


def _means(side: Labelled, weights: Array, expected: Array, draw: int) -> Array:
    """Mean loss, and weighted mean of the loss less what is expected, [2, 1 + 200]: as they are, then of days drawn
    anew."""
    weighted = side.weight * weights
    terms = np.stack([side.weight, side.weight * side.loss, weighted, weighted * (side.loss - expected)])
    totals = drawn(sums_by_block(side.place, terms), draw)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.stack([totals[:, 1] / totals[:, 0], totals[:, 3] / totals[:, 2]])
    return found
