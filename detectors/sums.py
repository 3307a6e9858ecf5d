"""Sums of floats that do not depend on the order of the rows.

Floating-point addition is not associative, and a reading must be the same to the bit in whichever order its rows were
posted. Within a group, values are therefore rounded to a common binary grid that depends on the group's set of values
alone, and added as integers. Where the grid is known, a group may be added up part by part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.grid import ROUNDER

BLOCK = 32768
FARTHEST = 970  # places, so that ROUNDER steps are a number
MANY = 4096  # rows, from which on the grid leaves room for ROUNDER: at most 62 - 12 bits


Floats = NDArray[np.float64]


def extremes(values: Floats, sizes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Smallest and largest value of consecutive runs; as ``group_sums``. Zeros have no sign: which one came first must
    not tell."""
    if len(sizes) == 1:  # reduceat is several times slower than these; in blocks, values come from memory once
        ends = np.array([(part.min(), part.max()) for part in _blocks(values)]) + 0.0
        return ends[:, 0].min(keepdims=True), ends[:, 1].max(keepdims=True)
    starts = np.cumsum(sizes) - sizes
    return np.minimum.reduceat(values, starts) + 0.0, np.maximum.reduceat(values, starts) + 0.0


def group_sums(values: Floats, sizes: NDArray[np.int64]) -> Floats:
    """Sums [G] of consecutive runs of ``values`` (float64 [n]); ``sizes`` int64 [G], all at least 1, add up to n.

    The grid has 62 - log2(size) bits below the largest magnitude of the group: an error of at most size · 2^-(62 -
    log2 size) of it, far below that of the measurements. A group that holds an infinity sums to inf.
    """
    found: Floats = _sums(values, sizes, (1,), None)[:, 0]
    return found


def moments(values: Floats, sizes: NDArray[np.int64], known: tuple[Floats, Floats]) -> Floats:
    """Sums and sums of squares [G, 2] of consecutive runs, as ``group_sums``; ``known``: their ``extremes``."""
    return _sums(values, sizes, (1, 2), known)


def _sums(
    values: Floats, sizes: NDArray[np.int64], powers: tuple[int, ...], known: tuple[Floats, Floats] | None
) -> Floats:
    if len(values) == 0:
        return np.zeros((len(sizes), len(powers)))
    low, high = known or extremes(values, sizes)
    steps = Steps.of(low, high, sizes, powers)
    return steps.floats(steps.total(values, sizes))


@dataclass(frozen=True)
class Steps:
    """The grids of G groups of ``sizes`` int64 [G] values for each of P ``powers``: steps of 2^-shift, ``shifts`` int32
    [G, P], and where that power overflows, bool [G, P]."""

    sizes: NDArray[np.int64]
    powers: tuple[int, ...]
    shifts: NDArray[np.int32]
    overflow: NDArray[np.bool_]

    @classmethod
    def of(cls, low: Floats, high: Floats, sizes: NDArray[np.int64], powers: tuple[int, ...]) -> Steps:
        """Of groups of so many values, at least 1, between ``low`` and ``high`` (all [G])."""
        with np.errstate(over="ignore"):
            largest = np.maximum(high, -low)[:, None] ** np.array(powers)
        overflow = ~np.isfinite(largest)
        _, exponents = np.frexp(np.where(overflow, 0.0, largest))
        shifts = 62 - np.ceil(np.log2(sizes)).astype(np.int32)[:, None] - exponents
        return cls(sizes, powers, shifts, overflow)

    def some(self, places: NDArray[np.int64]) -> Steps:
        """Those of some groups."""
        return Steps(self.sizes[places], self.powers, self.shifts[places], self.overflow[places])

    def total(self, values: Floats, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many steps consecutive runs of values (sizes int64 [G], all at least 1) add up to, int64 [G, P]: of whole
        groups, or of parts of them, whose steps add up to those of the whole."""
        alone = len(sizes) == 1 and self.sizes[0] >= MANY and not self.overflow.any()
        if alone and np.abs(self.shifts).max() < FARTHEST:
            return np.array([_one_group(values, np.ldexp(ROUNDER, -self.shifts[0]), self.powers)], dtype=np.int64)
        places = enumerate(self.powers)
        each = [_many_groups(values, sizes, power, self.shifts[:, at], self.overflow[:, at]) for at, power in places]
        return np.stack(each, axis=1)

    def floats(self, totals: NDArray[np.int64]) -> Floats:
        """The sums that so many steps [G, P] are."""
        with np.errstate(over="ignore"):
            sums: Floats = np.ldexp(totals.astype(np.float64), -self.shifts)
        sums[self.overflow] = np.inf
        return sums


def _many_groups(
    values: Floats, sizes: NDArray[np.int64], power: int, shifts: NDArray[np.int32], overflow: NDArray[np.bool_]
) -> NDArray[np.int64]:
    with np.errstate(over="ignore"):
        powers = values if power == 1 else values * values
    if overflow.any():
        powers = np.where(np.repeat(overflow, sizes), 0.0, powers)
    within = bool((np.abs(shifts) < 1000).all())  # a power of two is a number, and multiplying is quicker
    scaled = powers * np.repeat(2.0**shifts, sizes) if within else np.ldexp(powers, np.repeat(shifts, sizes))
    steps = np.rint(scaled, out=scaled).astype(np.int64)
    totals: NDArray[np.int64] = np.add.reduceat(steps, np.cumsum(sizes) - sizes)
    return totals


def _one_group(values: Floats, rounders: Floats, powers: tuple[int, ...]) -> list[int]:
    """The sum of each power of the values in steps of its grid, ``ROUNDER`` steps being ``rounders`` [powers].

    A sum with the rounder is rounded to the grid, and has the number of steps in its lowest bits: the sum of the steps,
    modulo 2^64, is that of the bits. In blocks that stay in the processor's cache.
    """
    room, bits = np.empty(min(BLOCK, len(values))), rounders.view(np.int64).tolist()
    totals = [-len(values) * one for one in bits]
    for part in _blocks(values):
        grid = room[: len(part)]
        for place, power in enumerate(powers):
            raised = part if power == 1 else np.multiply(part, part, out=grid)
            totals[place] += int(np.add(raised, rounders[place], out=grid).view(np.int64).sum())
    return [(total + 2**63) % 2**64 - 2**63 for total in totals]


def _blocks(values: Floats) -> Iterator[Floats]:
    return (values[start : start + BLOCK] for start in range(0, len(values), BLOCK))
