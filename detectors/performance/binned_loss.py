"""What a row's log loss and Brier loss are by its class and score bin: they are stored of all rows together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.scored import CLIP

Array = NDArray[np.float64]

LOG_LOSS, BRIER = 0, 2  # places of a loss among the sums of two classes; its square is the next
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(4)


def losses_of_bins(layout: ScoreLayout) -> Array:
    """Mean of each of the sums (log loss, its square, Brier loss, its square) over each score bin of the negative and
    the positive class, [4, 2, B], as if scores were spread evenly within a bin (Gauss-Legendre quadrature).

    Bins of a model's own cuts are at most 1/512 wide: only the log loss of the outermost ones depends on that.
    """
    edges = np.clip(np.concatenate([[0.0], layout.score_cuts, [1.0]]), 0.0, 1.0)
    middle, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    positive = np.clip(middle[:, None] + half[:, None] * _POINTS, CLIP, 1 - CLIP)
    of_truth = np.stack([1 - positive, positive])
    loss, brier = -np.log(of_truth), (1 - of_truth) ** 2
    found: Array = np.stack([loss, loss**2, brier, brier**2]) @ (_WEIGHTS / 2)
    return found
