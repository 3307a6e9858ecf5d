"""Gradient-boosted trees as detectors fit them: the same rows give the same trees to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SEED = 0


def fit_trees(
    matrix: Array,
    target: NDArray[Any],
    categorical: NDArray[np.bool_],
    *,
    classes: bool,
    trees: int,
    rate: float,
    in_leaf: int = 20,
    weight: Array | None = None,
) -> Any:
    """scikit-learn's histogram trees for classes or numbers ``target`` [n] from ``matrix`` [n, columns], NaN where
    there is no value; ``categorical`` columns hold codes. One thread: threads that wait for each other on a busy
    machine cost more than they bring."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor  # large, so not above
    from threadpoolctl import threadpool_limits  # behind it: the limit holds for libraries that are loaded

    there = np.isfinite(matrix).any(axis=0)  # trees cannot be fitted on a column in which all is missing
    made = (HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor)(
        max_iter=trees,
        learning_rate=rate,
        min_samples_leaf=in_leaf,
        early_stopping=False,
        categorical_features=categorical,
        random_state=SEED,
    )
    with threadpool_limits(1):
        return made.fit(np.where(there, matrix, 0.0), target, sample_weight=weight)
