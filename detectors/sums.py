"""Sums of floats that do not depend on the order of the rows.

Floating-point addition is not associative, and a reading must be the same to the bit in whichever order its rows were
posted. Within a group, values are therefore rounded to a common binary grid that depends on the group's set of values
alone, and added as integers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 32768


Floats = NDArray[np.float64]


def extremes(values: Floats, sizes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Smallest and largest value of consecutive runs; as ``group_sums``."""
    if len(sizes) == 1:  # reduceat is several times slower than these
        return np.array([values.min()]), np.array([values.max()])
    starts = np.cumsum(sizes) - sizes
    return np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)


def group_sums(
    values: Floats, sizes: NDArray[np.int64], power: int = 1, known: tuple[Floats, Floats] | None = None
) -> Floats:
    """Sum the first or second powers of consecutive runs of ``values`` (float64 [n]); ``sizes`` int64 [G], all at least
    1, add up to n; ``known``: their ``extremes``, where the caller has them.

    The grid has 62 - log2(size) bits below the largest magnitude of the group: an error of at most size · 2^-(62 -
    log2 size) of it, far below that of the measurements. A group that holds an infinity sums to inf.
    """
    if len(values) == 0:
        return np.zeros(len(sizes))
    low, high = known or extremes(values, sizes)
    with np.errstate(over="ignore"):
        largest = np.maximum(high, -low) ** power
    overflow = ~np.isfinite(largest)
    _, exponents = np.frexp(np.where(overflow, 0.0, largest))
    shifts = 62 - np.ceil(np.log2(sizes)).astype(np.int32) - exponents
    if len(sizes) == 1 and not overflow[0] and abs(shifts[0]) < 1000:
        one: Floats = np.ldexp(np.array([_one_group(values, 2.0 ** float(shifts[0]), power)]), -shifts)
        return one
    return _many_groups(values, sizes, power, shifts, overflow)


def _many_groups(
    values: Floats, sizes: NDArray[np.int64], power: int, shifts: NDArray[np.int32], overflow: NDArray[np.bool_]
) -> Floats:
    with np.errstate(over="ignore"):
        powers = values if power == 1 else values * values
    scaled = np.ldexp(np.where(np.isfinite(powers), powers, 0.0), np.repeat(shifts, sizes))
    scaled[np.repeat(overflow, sizes)] = 0.0
    totals = np.add.reduceat(np.rint(scaled).astype(np.int64), np.cumsum(sizes) - sizes)
    sums: Floats = np.ldexp(totals.astype(np.float64), -shifts)
    sums[overflow] = np.inf
    return sums


def _one_group(values: Floats, scale: float, power: int) -> float:
    """The sum of the first or second powers on the grid of ``1 / scale`` (a power of two), in blocks that stay in the
    processor's cache."""
    floats, whole, total = np.empty(BLOCK), np.empty(BLOCK, dtype=np.int64), 0
    for start in range(0, len(values), BLOCK):
        part = values[start : start + BLOCK]
        scaled, grid = floats[: len(part)], whole[: len(part)]
        if power == 2:
            np.multiply(part, part, out=scaled)
            np.multiply(scaled, scale, out=scaled)
        else:
            np.multiply(part, scale, out=scaled)
        np.rint(scaled, out=scaled)
        np.copyto(grid, scaled, casting="unsafe")
        total += int(grid.sum())
    return float(total)
