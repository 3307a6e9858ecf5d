"""Vectors as a few numbers each: their principal components, for detectors that look at columns of numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.embedding.features import matrix_of

Array = NDArray[np.float64]

MOST = 50  # components
SEED = 0


def components(reference: pa.Array, current: pa.Array) -> tuple[Array, Array]:
    """Components [n, k] of the vectors of two samples (pa.binary, see ``features``), k <= 50, NaN where there is none;
    fitted on the reference's (Pearson 1901; by random projections, Halko, Martinsson and Tropp 2011).

    A side without vectors has NaN alone; without any in the reference there are no components.
    """
    from sklearn.decomposition import PCA  # large: imported where it is needed

    then, now = (matrix_of(side) for side in (reference, current))
    count = min(MOST, len(then) - 1, then.shape[1])
    if count < 1:
        return np.empty((len(reference), 0)), np.empty((len(current), 0))
    model = PCA(count, svd_solver="randomized", random_state=SEED).fit(then)
    return _placed(reference, model.transform(then)), _placed(current, model.transform(now) if len(now) else now)


def _placed(side: pa.Array, found: NDArray[np.float32] | Array) -> Array:
    rows = np.full((len(side), found.shape[1]), np.nan)
    rows[side.is_valid().to_numpy(zero_copy_only=False)] = found
    return rows
