"""Trees that tell two sides apart, fitted on one half of the time of each side and judged on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed
from numpy.typing import NDArray

from detectors.boosted import fit_trees

FOLDS = 2
TREES = 25
RATE = 0.2
LEAST_IN_HALF = 20  # rows of a side: of fewer, an area and its error say nothing
MOST_DEALT = 4_000  # rows on which features are tried
SEED = 0

Array = NDArray[np.float64]
Places = NDArray[np.int64]


def halves(blocks: Places) -> Places:
    """The half that each row is in, [n]: the earlier blocks and the later ones. Days that are neighbours resemble each
    other; dealt in turn, they would tell the trees what the other half looks like."""
    distinct, place = np.unique(blocks, return_inverse=True)
    found: Places = place * FOLDS // max(len(distinct), 1)
    return found


def can_halve(blocks: Places) -> bool:
    """Whether both halves of a side have rows enough."""
    return len(np.unique(blocks)) >= FOLDS and int(np.bincount(halves(blocks)).min()) >= LEAST_IN_HALF


def in_turn(blocks: Places) -> Places:
    """The half that each row is dealt to, [n]: its blocks in turn. For weights and what is expected of a row: they are
    about the very days that are there, what their neighbours teach included."""
    _, place = np.unique(blocks, return_inverse=True)
    found: Places = place % FOLDS
    return found


def cross_fit(matrix: Array, categorical: NDArray[np.bool_], of_window: Places, blocks: Sequence[Places]) -> list[Try]:
    """One try per half; ``matrix`` [n + m, columns] are the reference's rows and then the window's (``of_window`` 0 and
    1), ``blocks`` those of both sides. A side needs two blocks."""
    fold = np.concatenate([halves(side) for side in blocks])
    return [Try.of(matrix, of_window, fold == place, categorical) for place in range(FOLDS)]


@dataclass(frozen=True)
class Try:
    """Trees fitted on one half, and how they do on the other: ``score`` [n] of its rows, of which ``truth`` [n] says
    the side, ``held`` [n + m] which they are."""

    trees: Any
    matrix: Array
    truth: Places
    score: Array
    held: NDArray[np.bool_]
    area: float
    error: float

    @classmethod
    def of(cls, matrix: Array, of_window: Places, held: NDArray[np.bool_], categorical: NDArray[np.bool_]) -> Try:
        """Fitted on what is not held."""
        from threadpoolctl import threadpool_limits

        trees = fit_trees(matrix[~held], of_window[~held], categorical, classes=True, trees=TREES, rate=RATE)
        with threadpool_limits(1):
            score = trees.decision_function(matrix[held])
        return cls(trees, matrix[held], of_window[held], score, held, *area_under_curve(of_window[held], score))

    @property
    def null_variance(self) -> float:
        """Variance of the area where both sides are alike (Mann and Whitney 1947, without ties)."""
        m = float(self.truth.sum())
        n = len(self.truth) - m
        return (n + m + 1) / (12 * n * m)

    def losses(self, owner: Places, features: int) -> Array:
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


def area_under_curve(truth: Places, score: Array) -> tuple[float, float]:
    """Area under the ROC curve of ``score`` [n] for ``truth`` [n] (0 or 1), ties counting half, and DeLong's (1988)
    standard error."""
    above, below = placements(truth, score)
    error = np.sqrt(np.var(above, ddof=1) / len(above) + np.var(below, ddof=1) / len(below))
    return float(above.mean()), float(error)


def placements(truth: Places, score: Array) -> tuple[Array, Array]:
    """Of each row with truth 1 the share of the others that are below it, and of each of these the share of those that
    are above, ties counting half: the means of both are the area (DeLong 1988)."""
    positive, negative = score[truth == 1], score[truth == 0]
    m, n = len(positive), len(negative)
    ranks = scipy.stats.rankdata(np.concatenate([positive, negative]))
    above = (ranks[:m] - scipy.stats.rankdata(positive)) / n
    below = 1 - (ranks[m:] - scipy.stats.rankdata(negative)) / m
    return above, below
