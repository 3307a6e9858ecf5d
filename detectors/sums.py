"""Sums of floats that do not depend on the order of the rows.

Floating-point addition is not associative, and a reading must be the same to the bit in whichever order its rows were
posted. Within a group, values are therefore rounded to a common binary grid that depends on the group's set of values
alone, and added as integers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def group_sums(values: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum consecutive runs of ``values`` (float64 [n]); ``sizes`` int64 [G], all at least 1, add up to n.

    The grid has 62 - log2(size) bits below the largest magnitude of the group: an error of at most size · 2^-(62 -
    log2 size) of it, far below that of the measurements. A group that holds an infinity sums to inf.
    """
    if len(values) == 0:
        return np.zeros(len(sizes))
    starts = np.cumsum(sizes) - sizes
    largest = np.maximum.reduceat(np.abs(values), starts)
    _, exponents = np.frexp(np.where(np.isfinite(largest), largest, 0.0))
    shifts = 62 - np.ceil(np.log2(sizes)).astype(np.int32) - exponents
    scaled = np.ldexp(np.where(np.isfinite(values), values, 0.0), np.repeat(shifts, sizes))
    overflow = ~np.isfinite(largest)
    scaled[np.repeat(overflow, sizes)] = 0.0
    totals = np.add.reduceat(np.rint(scaled).astype(np.int64), starts)
    sums: NDArray[np.float64] = np.ldexp(totals.astype(np.float64), -shifts)
    sums[overflow] = np.inf
    return sums
