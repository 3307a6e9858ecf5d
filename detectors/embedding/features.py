"""Random Fourier features of vectors: their mean is all that is kept of an hour's vectors.

The kernel exp(-|x - y|² / (2 b²)) is the expectation of cos(w·(x - y)) over normal w / b (Bochner; Rahimi and Recht
2007). So the mean of (cos w·x, sin w·x) over a few w stands for the mean embedding of a distribution in the kernel's
space, and adds up over hours. Pairs of cos and sin have less variance than cosines with random phases, and every vector
has length 1 (Sutherland and Schneider 2015).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.cuts import FREQUENCIES, EmbeddingColumn

Array = NDArray[np.float64]

SCALE = 16_384  # features are whole numbers of this part: their sums are exact
MOST_SAMPLED = 2_000  # vectors by which the bandwidth is chosen
_AT_ONCE = 8_192
_BLOCK = 256  # vectors that are multiplied at once, always so many


def make_column(name: str, values: pa.Array | None, seed: int) -> EmbeddingColumn:
    """The column of vectors (pa.binary, float32 after float32, null where there is none); bandwidth by the median of
    the distances in a sample (Gretton et al. 2012). Without two different vectors there is nothing to compare."""
    vectors = np.empty((0, 0), np.float32) if values is None else matrix_of(values)
    step = max(1, -(-len(vectors) // MOST_SAMPLED))
    sample = vectors[::step].astype(np.float64)
    if len(sample) < 2:
        return EmbeddingColumn(name, (), dimension=vectors.shape[1], seed=seed)
    squares = (sample**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * sample @ sample.T
    apart = distances[np.triu_indices(len(sample), 1)]
    median = float(np.median(apart)) if np.median(apart) > 0 else float(apart.max())
    if median <= 0:
        return EmbeddingColumn(name, (), dimension=vectors.shape[1], seed=seed)
    made = EmbeddingColumn(name, (PRESENT,), frozenset(), vectors.shape[1], float(np.sqrt(median / 2)), seed)
    return replace(made, concentration=concentration(features_of(made, sample.astype(np.float32))))


PRESENT = "vector"


def concentration(features: Array) -> float:
    """λ₁ / tr(Σ) of the features' covariance Σ: 1 over the number of equal directions whose sum of squares has the mean
    of theirs and, far out, the heavier tail (tail probabilities are Schur-convex there; Marshall and Olkin 1979)."""
    centred = features - features.mean(axis=0)
    covariance = centred.T @ centred / max(len(centred) - 1, 1)
    return float(np.linalg.eigvalsh(covariance)[-1] / max(np.trace(covariance), 1e-300))


@lru_cache(maxsize=64)
def _frequencies(dimension: int, bandwidth: float, seed: int) -> NDArray[np.float32]:
    """float32 [dimension, 128], the same for equal arguments."""
    normal = np.random.default_rng([seed, dimension]).standard_normal((dimension, FREQUENCIES))
    return (normal / bandwidth).astype(np.float32)


def features_of(column: EmbeddingColumn, vectors: NDArray[np.float32]) -> Array:
    """float64 [n, 256], each row of length 1."""
    found: Array = _whole(column, vectors) / (SCALE * np.sqrt(FREQUENCIES))
    return found


def _whole(column: EmbeddingColumn, vectors: NDArray[np.float32]) -> Array:
    angles = _products(vectors, _frequencies(column.dimension, column.bandwidth, column.seed))
    found: Array = np.rint(SCALE * np.concatenate([np.cos(angles), np.sin(angles)], axis=1)).astype(np.float64)
    return found


def _products(vectors: NDArray[np.float32], frequencies: NDArray[np.float32]) -> NDArray[np.float32]:
    """Their product, of which no row depends on how many others there are: a BLAS adds up in another order where there
    are few, so it always gets as many, filled up with zeros."""
    found = np.empty((len(vectors), frequencies.shape[1]), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK]
        rows = len(block)
        if rows < _BLOCK:
            block = np.concatenate([block, np.zeros((_BLOCK - rows, block.shape[1]), np.float32)])
        found[start : start + rows] = (block @ frequencies)[:rows]
    return found


def matrix_of(values: pa.Array) -> NDArray[np.float32]:
    """The vectors that are there, float32 [m, dimension]; all have one length."""
    there = values.drop_null()
    if len(there) == 0:
        return np.empty((0, 0), np.float32)
    width = len(there[0].as_py())
    fixed = there.cast(pa.binary(width))
    numbers = np.frombuffer(fixed.buffers()[1], "<f4", len(fixed) * width // 4, fixed.offset * width)
    return numbers.reshape(len(fixed), width // 4)


def sums(
    column: EmbeddingColumn, values: pa.Array, starts: NDArray[np.int64], order: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """Sums of the features in each run of rows, int64 [T, 256], in units of 1 / (16384 √128); runs begin at ``starts``
    [T] of the rows in ``order`` (None: as they are)."""
    vectors = matrix_of(values)
    there = values.is_valid().to_numpy(zero_copy_only=False)
    found = np.zeros((len(starts), 2 * FREQUENCIES), dtype=np.int64)
    if vectors.shape[1] != column.dimension or not column.levels:
        return found
    places = np.cumsum(there) - 1
    rows = np.arange(len(there)) if order is None else order
    ends = np.append(starts, len(rows))[1:]
    for run, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        mine = rows[start:end]
        mine = places[mine[there[mine]]]
        for some in range(0, len(mine), _AT_ONCE):
            part = _whole(column, vectors[mine[some : some + _AT_ONCE]])
            found[run] += part.sum(axis=0).astype(np.int64)
    return found
