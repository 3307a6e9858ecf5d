"""Finds the bin of many numbers quickly: a table over equal cells instead of a search per number.

The cell of a number is a non-decreasing function of it, rounding included. A cell without a cut lies in one bin, which
the table knows; only numbers in a cell with a cut are compared with it. So the answer is exactly that of a search.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CELLS = 8192
BLOCK = 32768  # numbers at a time: what is worked on stays in the processor's cache
WORTH_IT = 256  # fewer numbers are searched at once
ROUNDER = 1.5 * 2.0**52  # added to a float64, it leaves the nearest whole number in the lowest bits
ROUNDER_BITS = int(np.float64(ROUNDER).view(np.int64))


@dataclass(frozen=True)
class Inside:
    """What cells hold that hold a cut: ``below`` int64 [CELLS] cuts in the cells before, ``first`` and ``second``
    float64 [CELLS] (inf: none). Two, because a heavy value has a cut at it and one just below."""

    below: NDArray[np.int64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    @classmethod
    def of(cls, cuts: NDArray[np.float64], cells: NDArray[np.int64]) -> Inside | None:
        """``cells`` of the cuts, not decreasing; None where any holds more than two."""
        below = np.searchsorted(cells, np.arange(CELLS)).astype(np.int64)
        if len(cells) > 2 and (cells[2:] == cells[:-2]).any():
            return None
        first, second = np.full(CELLS, np.inf), np.full(CELLS, np.inf)
        follows = np.diff(cells, prepend=-1) == 0
        first[cells[~follows]], second[cells[follows]] = cuts[~follows], cuts[follows]
        return cls(below, first, second)

    def find(self, cells: NDArray[np.int64], numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """The bins of numbers in these cells."""
        found: NDArray[np.int64] = np.take(self.below, cells, mode="clip")
        found += np.take(self.first, cells, mode="clip") < numbers
        found += np.take(self.second, cells, mode="clip") < numbers
        return found


@dataclass(frozen=True)
class Grid:
    """``cuts`` increasing float64 [B]. ``bins`` int64 [CELLS]: the bin of the cell, -1 where it holds a cut; ``None``
    where equal cells cannot be laid over the cuts."""

    cuts: NDArray[np.float64]
    low: float
    scale: float
    bins: NDArray[np.int64] | None
    inside: Inside | None

    @classmethod
    def over(cls, cuts: NDArray[np.float64]) -> Grid:
        """Lay cells over the cuts, one more on either side for what lies beyond."""
        with np.errstate(all="ignore"):
            width = float((cuts[-1] - cuts[0]) / (CELLS - 3)) if len(cuts) else 0.0
            if not (np.isfinite(width) and width > 0 and np.isfinite(1 / width)):
                return cls(cuts, 0.0, 0.0, None, None)
            low, scale = float(cuts[0] - width), float(1 / width)
        with_cuts = np.clip(_cells(cuts, low, scale, np.empty(len(cuts))), 0, CELLS - 1)
        bins = np.searchsorted(with_cuts, np.arange(CELLS)).astype(np.int64)
        bins[with_cuts] = -1
        return cls(cuts, low, scale, bins, Inside.of(cuts, with_cuts))

    def find(self, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """``np.searchsorted(cuts, numbers)``, int64 [n]; for NaN any bin."""
        found = np.empty(len(numbers), dtype=np.int64)
        for start, bins in self._blocks(numbers):
            found[start : start + len(bins)] = bins
        return found

    def count(self, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """How many numbers are in each bin, int64 [B + 1]; no bin of any number is kept."""
        counts = np.zeros(len(self.cuts) + 1, dtype=np.int64)
        for _, bins in self._blocks(numbers):
            counts += np.bincount(bins, minlength=len(counts))
        return counts

    def _blocks(self, numbers: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Where each block starts, and the bins of its numbers, which are good until the next."""
        if self.bins is None or len(numbers) < WORTH_IT:
            yield 0, np.searchsorted(self.cuts, numbers).astype(np.int64, copy=False)
            return
        size = min(BLOCK, len(numbers))
        room, bins, crowded = np.empty(size), np.empty(size, dtype=np.int64), False
        for start in range(0, len(numbers), BLOCK):
            part = numbers[start : start + BLOCK]
            found = bins[: len(part)]
            if crowded:
                found[:] = np.searchsorted(self.cuts, part)
            else:
                cells = _cells(part, self.low, self.scale, room)
                np.take(self.bins, cells, mode="clip", out=found)
                rows = np.flatnonzero(found < 0)
                found[rows] = self._open(cells[rows], part[rows])
                crowded = self.inside is None and len(rows) > BLOCK / 2  # then a table does not help
            yield start, found

    def _open(self, cells: NDArray[np.int64], numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """The bins of numbers in cells with cuts."""
        if self.inside is None:
            return np.searchsorted(self.cuts, numbers).astype(np.int64, copy=False)
        return self.inside.find(cells, numbers)


def _cells(numbers: NDArray[np.float64], low: float, scale: float, room: NDArray[np.float64]) -> NDArray[np.int64]:
    """The cell of each number; below 0 and above the last one mean those. ``room`` to work in is at least as long as
    ``numbers``, and what is returned lies in it. The bits of a sum with ``ROUNDER`` are read as an integer, which is
    quicker than a conversion; far below 0 they would mean nothing, so -1 is the least."""
    place = room[: len(numbers)]
    with np.errstate(over="ignore", invalid="ignore"):
        np.subtract(numbers, low, out=place)
        np.multiply(place, scale, out=place)
        np.maximum(place, -1.0, out=place)
        np.add(place, ROUNDER, out=place)
    cells = place.view(np.int64)
    cells -= ROUNDER_BITS
    return cells
