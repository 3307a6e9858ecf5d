"""Would a model trained on the newest labels do better? Two small models, each on both sides (reverse concept drift).

One is fitted on the newest labelled rows, one on as many of the reference, by the same recipe. If the new one does
better on new rows than the old one, the relation of features to labels changed in a way that can be learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.boosted import fit_trees
from detectors.density_ratio import coarse_matrix
from detectors.domain.cross_fit import FOLDS, in_turn
from detectors.explain.labelled import Labelled
from detectors.explain.resampling import Part, drawn, part, sums_by_block
from detectors.multivariate.domain_classifier import LEAST_ROWS

Array = NDArray[np.float64]

TREES = 50
RATE = 0.1
IN_LEAF = 30
MOST_CLASSES = 20  # the trees of each class are trees of their own


@dataclass(frozen=True)
class Retraining:
    """``gain``: mean loss on new rows of the small model fitted on the reference, less that of the one fitted on the
    newest labels. ``table`` [2, 2]: mean loss of the one fitted on the reference, and on the newest labels (rows), on
    rows of the reference, and on new ones (columns). ``rows`` of each side that they were fitted on."""

    gain: Part
    table: Array
    rows: int


def retraining(features: Sequence[str], reference: Labelled, current: Labelled, *, classes: bool) -> Retraining | None:
    """Cross-fitted by blocks of days: each row is judged by models that did not see its half. The loss is the share of
    wrong classes, else the mean absolute error. None with fewer than 200 rows or two blocks on a side, one class only,
    or more than 20.
    """
    folds = [in_turn(side.rows.blocks) for side in (reference, current)]
    if min(len(reference), len(current)) < LEAST_ROWS or any(len(np.unique(fold)) < FOLDS for fold in folds):
        return None
    sides = [reference, current]
    if not features or (classes and not all(_learnable(*each) for each in zip(sides, folds, strict=True))):
        return None
    matrix, categorical = coarse_matrix(features, reference.rows, current.rows)
    if matrix.shape[1] == 0:
        return None
    parts = np.split(matrix, [len(reference)])
    losses = [np.empty((2, len(side))) for side in sides]
    fitted_on = []
    for place in range(FOLDS):
        seen = [np.flatnonzero(fold != place) for fold in folds]
        rows = min(map(len, seen))
        fitted_on.append(rows)
        for one, (side, part_, some) in enumerate(zip(sides, parts, seen, strict=True)):
            some = _thinned(some, rows)
            model = _fit(part_[some], side.truth[some], side.weight[some], categorical, classes=classes)
            for other, fold in enumerate(folds):
                held = fold == place
                losses[other][one, held] = _loss(model, parts[other][held], sides[other].truth[held], classes=classes)
    return _compared(sides, losses, min(fitted_on))


def _compared(sides: Sequence[Labelled], losses: Sequence[Array], rows: int) -> Retraining:
    on_reference, on_current = (_means(*each, draw) for draw, each in enumerate(zip(sides, losses, strict=True)))
    gain = part(on_current[0] - on_current[1], sides[1].blocks)
    return Retraining(gain, np.stack([on_reference[:, 0], on_current[:, 0]], axis=1), rows)


def _learnable(side: Labelled, fold: NDArray[np.int64]) -> bool:
    """At least two classes in each half, and not too many."""
    each = [len(np.unique(side.truth[fold == place])) for place in range(FOLDS)]
    return min(each) >= 2 and max(each) <= MOST_CLASSES


def _thinned(places: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """So many of them, spread evenly over time."""
    found: NDArray[np.int64] = places[np.arange(rows) * len(places) // rows]
    return found


def _fit(matrix: Array, truth: Array, weight: Array, categorical: NDArray[np.bool_], *, classes: bool) -> Any:
    target = truth.astype(np.int64) if classes else truth
    return fit_trees(
        matrix, target, categorical, classes=classes, trees=TREES, rate=RATE, in_leaf=IN_LEAF, weight=weight
    )


def _loss(model: Any, matrix: Array, truth: Array, *, classes: bool) -> Array:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        said = model.predict(matrix)
    found: Array = (said != truth).astype(np.float64) if classes else np.abs(said - truth)
    return found


def _means(side: Labelled, losses: Array, draw: int) -> Array:
    """Mean loss of both models, [2, 1 + 200]."""
    totals = drawn(sums_by_block(side.place, np.stack([side.weight, *(side.weight * losses)])), draw)
    return totals[:, 1:].T / totals[:, 0]
