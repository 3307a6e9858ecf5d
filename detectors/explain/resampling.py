"""Intervals of means from whole days drawn anew: rows of one day resemble each other, days hardly do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import t_quantile

Array = NDArray[np.float64]

TIMES = 200
SEED = 0


@dataclass(frozen=True)
class Part:
    """A number with its 95 % limits."""

    value: float
    lower: float
    upper: float

    @property
    def sure(self) -> bool:
        """Whether the limits leave out zero."""
        return self.lower > 0 or self.upper < 0


def sums_by_block(place: NDArray[np.int64], terms: Array) -> Array:
    """Sums [D, k] of ``terms`` [k, n] by block (``place`` [n], from 0)."""
    return np.stack([np.bincount(place, weights=term) for term in terms], axis=1)


def drawn(sums: Array, side: int) -> Array:
    """Totals [1 + 200, k] of sums by block [D, k]: first as they are, then of D blocks drawn with replacement
    (Künsch 1989, with days as blocks). ``side``: another one is drawn independently."""
    blocks = len(sums)
    counts = np.random.default_rng((SEED, side)).multinomial(blocks, np.full(blocks, 1 / blocks), size=TIMES)
    return np.concatenate([sums.sum(axis=0, keepdims=True), counts @ sums])


def part(values: Array, blocks: int) -> Part:
    """From a number as it is and drawn anew [1 + 200], of ``blocks`` blocks (the fewer of both sides).

    The spread of the drawn ones is √((D − 1) / D) too small with D blocks, and known from D of them only: Student's
    quantile with D − 1 degrees.
    """
    usable = values[1:][np.isfinite(values[1:])]
    if len(usable) < TIMES // 2 or blocks < 2:
        return Part(float(values[0]), -np.inf, np.inf)
    error = float(np.std(usable, ddof=1)) * np.sqrt(blocks / (blocks - 1))
    reach = float(t_quantile(0.025, blocks - 1)) * error
    return Part(float(values[0]), float(values[0]) - reach, float(values[0]) + reach)
