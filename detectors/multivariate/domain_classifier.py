"""Can window and reference be told apart? A classifier tries; how well it does is the distance.

Boosted trees see what no test on single columns can: a correlation that changed while every column stayed as it was
(Lopez-Paz and Oquab 2017, classifier two-sample tests).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy  # loads scipy.stats, 50 MB, where it is first needed
from numpy.typing import NDArray

from detectors.boosted import fit_trees
from detectors.embedding.components import components
from detectors.intervals import Z95
from detectors.levels import dictionary
from detectors.measurement import NO_REFERENCE, TOO_FEW_ROWS, Measurement

METRIC = "domain_classifier"
MOST_ROWS = 20_000  # of either side
LEAST_ROWS = 200
FOLDS = 2
TREES = 25
RATE = 0.2
MOST_LEVELS = 200  # the trees take at most 255
TOLD = 5  # features named
MOST_DEALT = 4_000  # rows on which features are tried
SEED = 0

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Rows of one side, in order of time: ``columns`` pyarrow arrays (float64, string, or binary: vectors) [n] by
    feature, and ``blocks`` int64 [n]: rows of one block (a day) are never apart."""

    columns: Mapping[str, Any]
    blocks: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.blocks)


def time_blocks(hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Blocks of rows by their hours, int64 [n]: days, or where they span fewer than four, quarters of that span."""
    if len(hours) == 0:
        return hours
    first = int(hours.min())
    span = int(hours.max()) - first + 1
    return (hours - first) // min(24, max(1, -(-span // 4)))


def measure_domain(features: Sequence[str], reference: Rows, current: Rows) -> Measurement:
    """``domain_classifier``: area under the ROC curve of window against reference, 1/2 where they are alike.

    Blocks of time are dealt to two halves in turn; trees fitted on each half are judged on the other, since rows of one
    day resemble each other. ``value`` is the mean of both areas; its 95 % interval is DeLong's (1988), or what the two
    areas differ by, if that is more. ``p_value`` of H0: alike (Mann and Whitney 1947), as if rows were independent.
    ``details.features``: what the area loses when one feature is shuffled, the most telling first. Vectors are their
    principal components, shuffled together. The same rows in the same order give the same numbers. Reasons:
    ``no_reference``, ``too_few_rows`` (under 200 on a side, or one block).
    """
    sizes = len(reference), len(current)
    if sizes[0] == 0 or not features:
        return Measurement(METRIC, None, *sizes, reason=NO_REFERENCE)
    folds = [fold_of(side) for side in (reference, current)]
    if min(sizes) < LEAST_ROWS or any(len(np.unique(fold)) < FOLDS for fold in folds):
        return Measurement(METRIC, None, *sizes, reason=TOO_FEW_ROWS, details={"needed": LEAST_ROWS})
    matrix, categorical, owner = matrix_of(features, reference, current)
    if matrix.shape[1] == 0:
        return Measurement(METRIC, None, *sizes, reason=NO_REFERENCE)
    of_window = np.repeat([0, 1], sizes)
    fold = np.concatenate(folds)
    tries = [_Try.of(matrix, of_window, fold == place, categorical) for place in range(FOLDS)]
    area = float(np.mean([one.area for one in tries]))
    apart = float(np.std([one.area for one in tries], ddof=1)) / np.sqrt(FOLDS)
    error = max(float(np.mean([one.error for one in tries])), apart)  # the two areas are not independent
    null = float(np.mean([np.sqrt(one.null_variance) for one in tries]))
    telling = np.mean([one.losses(owner, len(features)) for one in tries], axis=0)
    order = np.argsort(-telling, kind="stable")[:TOLD]
    return Measurement(
        METRIC,
        area,
        *sizes,
        lower=max(0.0, area - Z95 * error),
        upper=min(1.0, area + Z95 * error),
        p_value=float(scipy.stats.norm.sf((area - 0.5) / null)),
        details={
            "features": {features[place]: float(telling[place]) for place in order if telling[place] > 0},
            "blocks": [len(np.unique(side.blocks)) for side in (reference, current)],
        },
    )


def fold_of(side: Rows) -> NDArray[np.int64]:
    """The half that each row is dealt to, [n]: its blocks in turn."""
    _, place = np.unique(side.blocks, return_inverse=True)
    return place % FOLDS


def matrix_of(
    features: Sequence[str], reference: Rows, current: Rows
) -> tuple[Array, NDArray[np.bool_], NDArray[np.int64]]:
    """float64 [rows of both, columns], NaN where there is no value; which columns are categories, and of which feature
    each is (a vector has several)."""
    columns: list[Array] = []
    categorical, owner = [], []
    for place, name in enumerate(features):
        found, are_codes = _columns(reference.columns[name], current.columns[name])
        columns.append(found)
        categorical += [are_codes] * found.shape[1]
        owner += [place] * found.shape[1]
    return np.concatenate(columns, axis=1), np.array(categorical, dtype=bool), np.array(owner, dtype=np.int64)


def _columns(reference: Any, current: Any) -> tuple[Array, bool]:
    """One feature as columns of numbers, and whether they are codes of categories."""
    if pa.types.is_binary(reference.type):
        return np.concatenate(components(reference, current)), False
    both = pa.chunked_array([reference, current]).combine_chunks()
    if pa.types.is_floating(both.type):
        return both.to_numpy(zero_copy_only=False)[:, None], False
    return _codes(both)[:, None], True


def _codes(values: Any) -> Array:
    """Categories by how common they are; the rare ones share a code, null is NaN."""
    codes, distinct = dictionary(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    order = np.lexsort((pc.fill_null(distinct, "").to_numpy(zero_copy_only=False).astype(str), -counts))
    rank = np.empty(len(distinct) + 1)
    rank[order] = np.minimum(np.arange(len(distinct)), MOST_LEVELS)
    rank[-1] = np.nan
    return rank[codes]


@dataclass(frozen=True)
class _Try:
    """Trees fitted on one half, and how they do on the other."""

    trees: Any
    matrix: Array
    truth: NDArray[np.int64]
    area: float
    error: float

    @classmethod
    def of(
        cls, matrix: Array, of_window: NDArray[np.int64], held: NDArray[np.bool_], categorical: NDArray[np.bool_]
    ) -> _Try:
        from threadpoolctl import threadpool_limits

        trees = fit_trees(matrix[~held], of_window[~held], categorical, classes=True, trees=TREES, rate=RATE)
        with threadpool_limits(1):
            area, error = area_under_curve(of_window[held], trees.decision_function(matrix[held]))
        return cls(trees, matrix[held], of_window[held], area, error)

    @property
    def null_variance(self) -> float:
        """Variance of the area where both sides are alike (Mann and Whitney 1947, without ties)."""
        m = float(self.truth.sum())
        n = len(self.truth) - m
        return (n + m + 1) / (12 * n * m)

    def losses(self, owner: NDArray[np.int64], features: int) -> Array:
        """What the area loses when one feature's values are dealt anew, for each feature (Breiman 2001)."""
        from threadpoolctl import threadpool_limits

        some = slice(None, None, -(-len(self.truth) // MOST_DEALT))
        matrix, truth = self.matrix[some], self.truth[some]
        order = np.random.default_rng(SEED).permutation(len(truth))
        found = np.zeros(features)
        with threadpool_limits(1):
            whole, _ = area_under_curve(truth, self.trees.decision_function(matrix))
            for place in np.unique(owner):
                mine = owner == place
                dealt = matrix.copy()
                dealt[:, mine] = matrix[order][:, mine]
                found[place] = whole - area_under_curve(truth, self.trees.decision_function(dealt))[0]
        return found


def area_under_curve(truth: NDArray[np.int64], score: Array) -> tuple[float, float]:
    """Area under the ROC curve of ``score`` [n] for ``truth`` [n] (0 or 1), ties counting half, and DeLong's (1988)
    standard error."""
    positive, negative = score[truth == 1], score[truth == 0]
    m, n = len(positive), len(negative)
    ranks = scipy.stats.rankdata(np.concatenate([positive, negative]))
    above = (ranks[:m] - scipy.stats.rankdata(positive)) / n
    below = 1 - (ranks[m:] - scipy.stats.rankdata(negative)) / m
    error = np.sqrt(np.var(above, ddof=1) / m + np.var(below, ddof=1) / n)
    return float(above.mean()), float(error)
