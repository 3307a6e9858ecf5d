"""Direct loss estimation of a regression: the error that predictions of such a size had in the reference.

``dle_trees`` learns the loss from features and prediction, as NannyML's DLE does. Where there are no rows for that, the
prediction's ventile is all it is learned from: that sees predictions move to where the model is worse, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import Z95
from detectors.performance.estimate import Estimate, mean

Array = NDArray[np.float64]

DETAILS: Mapping[str, Any] = {"estimator": "dle_of_prediction"}


def estimate_mae(rows: Array, labelled: Array, sums: Array) -> Estimate | None:
    """Mean absolute error from rows of the window [B] and ``labelled`` rows of the reference [B] with their ``sums`` of
    |e|, e^2 and e^4 [3, B]; 95 % normal interval. None where rows lie in bins without labelled ones, or too few."""
    return _expected(rows, labelled, sums[0], sums[1])


def estimate_rmse(rows: Array, labelled: Array, sums: Array) -> Estimate | None:
    """The like of its root mean square, by the delta method on the logarithm's scale."""
    square = _expected(rows, labelled, sums[1], sums[2])
    if square is None or square.error is None or square.value <= 0:
        return None
    root, factor = float(np.sqrt(square.value)), float(np.exp(Z95 * square.error / (2 * square.value)))
    return Estimate(root, root / factor, root * factor, square.rows, square.error / (2 * root), DETAILS)


def _expected(rows: Array, labelled: Array, totals: Array, squares: Array) -> Estimate | None:
    """Mean over the window's rows of what a bin's rows had on average. Its variance is the rows' own, and the error of
    each bin's average, which all rows of the bin share."""
    used = np.flatnonzero(rows > 0)
    each = [mean(totals[bin_], squares[bin_], labelled[bin_]) for bin_ in used]
    found = [one for one in each if one is not None and one.error is not None and one.rows > 1]
    if not len(used) or len(found) < len(used):
        return None
    total, weight = float(rows.sum()), rows[used] / rows.sum()
    value = float(weight @ np.array([one.value for one in found]))
    of_average = np.array([(one.error or 0.0) ** 2 for one in found])
    of_row = of_average * labelled[used]
    error = float(np.sqrt(weight @ of_row / total + weight**2 @ of_average))
    return Estimate(value, max(0.0, value - Z95 * error), value + Z95 * error, round(total), error, DETAILS)
