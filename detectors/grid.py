"""Finds the bin of many numbers quickly: a table over equal cells instead of a search per number.

The cell of a number is a non-decreasing function of it, rounding included. A cell without a cut lies in one bin, which
the table knows; only numbers in a cell with a cut are searched. So the answer is exactly that of a search for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CELLS = 8192
BLOCK = 32768  # numbers at a time: what is worked on stays in the processor's cache
WORTH_IT = 256  # fewer numbers are searched at once


@dataclass(frozen=True)
class Grid:
    """``cuts`` increasing float64 [B]. ``bins`` int64 [CELLS]: the bin of the cell, -1 where it holds a cut; ``None``
    where equal cells cannot be laid over the cuts."""

    cuts: NDArray[np.float64]
    low: float
    scale: float
    bins: NDArray[np.int64] | None

    @classmethod
    def over(cls, cuts: NDArray[np.float64]) -> Grid:
        """Lay cells over the cuts, one more on either side for what lies beyond."""
        with np.errstate(all="ignore"):
            width = float((cuts[-1] - cuts[0]) / (CELLS - 3)) if len(cuts) else 0.0
            if not (np.isfinite(width) and width > 0 and np.isfinite(1 / width)):
                return cls(cuts, 0.0, 0.0, None)
            low, scale = float(cuts[0] - width), float(1 / width)
        room = np.empty(len(cuts)), np.empty(len(cuts), dtype=np.int64)
        with_cuts = np.maximum(_cells(cuts, low, scale, *room), 0)
        bins = np.searchsorted(with_cuts, np.arange(CELLS)).astype(np.int64)
        bins[with_cuts] = -1
        return cls(cuts, low, scale, bins)

    def find(self, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """``np.searchsorted(cuts, numbers)``, int64 [n]; for NaN any bin."""
        if self.bins is None or len(numbers) < WORTH_IT:
            return np.searchsorted(self.cuts, numbers).astype(np.int64, copy=False)
        found = np.empty(len(numbers), dtype=np.int64)
        work, open_rows = (np.empty(BLOCK), np.empty(BLOCK, dtype=np.int64)), np.empty(0, dtype=np.int64)
        for start in range(0, len(numbers), BLOCK):
            if len(open_rows) > BLOCK / 2:  # crowded cells: a table does not help
                found[start:] = np.searchsorted(self.cuts, numbers[start:])
                break
            part, into = numbers[start : start + BLOCK], found[start : start + BLOCK]
            np.take(self.bins, _cells(part, self.low, self.scale, *work), mode="clip", out=into)
            open_rows = np.flatnonzero(into < 0)
            if len(open_rows):
                into[open_rows] = np.searchsorted(self.cuts, part[open_rows])
        return found


def _cells(
    numbers: NDArray[np.float64], low: float, scale: float, places: NDArray[np.float64], cells: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The cell of each number, never above the last one; negative ones mean the first. ``places`` and ``cells`` are
    room to work in, at least as long as ``numbers``."""
    place, cell = places[: len(numbers)], cells[: len(numbers)]
    with np.errstate(over="ignore", invalid="ignore"):
        np.subtract(numbers, low, out=place)
        np.multiply(place, scale, out=place)
        np.minimum(place, CELLS - 1, out=place)
        np.copyto(cell, place, casting="unsafe")
    return cell
