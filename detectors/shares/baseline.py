"""The share that an hour of the day and week has in the reference: weighted harmonic regression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.shares.cells import Cells
from detectors.shares.seasons import CONSTANT, DAILY, WEEK, WEEKLY, affordable, terms

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Normal:
    """Normal equations of the regression of each cell's share on the terms, weighted by rows: ``matrix`` [F, 18, 18],
    ``right`` [18, B]. Additive over hours, so that a week can be taken out."""

    matrix: Array
    right: Array

    @classmethod
    def of(cls, design: Array, inside: Array, rows: Array) -> Normal:
        """From terms [T, 18], rows in the cells [T, B] and in their columns [T, F]."""
        size = design.shape[1]
        squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
        return cls((rows.T @ squares).reshape(-1, size, size), design.T @ inside)

    @classmethod
    def summed(cls, cells: Cells, design: Array, counts: NDArray[Any]) -> Normal:
        """From counts [T, L], a week of hours at a time."""
        total: Normal | None = None
        for first in range(0, len(counts), WEEK):
            some = slice(first, first + WEEK)
            part = cls.of(design[some], *cells.count_reference(counts[some]))
            total = part if total is None else cls(total.matrix + part.matrix, total.right + part.right)
        if total is None:
            raise ValueError("a baseline needs hours")
        return total

    def without(self, other: Normal) -> Normal:
        """The equations of the remaining hours."""
        return Normal(self.matrix - other.matrix, self.right - other.right)


@dataclass(frozen=True)
class Baseline:
    """``coefficients`` [18, B] of the cells, ``inverse`` [F, 18, 18] of the columns' normal matrices (zero in the terms
    that a column does without), ``sizes`` int64 [F]: how many terms each column uses. ``parts``: those that a mixed
    one is made of, one for each part of the reference."""

    coefficients: Array
    inverse: Array
    sizes: NDArray[np.int64]
    parts: tuple[Baseline, ...] = field(default=(), repr=False, compare=False)

    def expected(self, design: Array) -> Array:
        """Shares [T, B] of hours with these terms [T, 18], not kept inside 0 and 1."""
        return design @ self.coefficients

    def mean(self, cells: Cells, design: Array) -> Array:
        """Expected shares [B] of a window whose rows have these mean terms [F, 18]."""
        found: Array = np.einsum("bp,pb->b", design[cells.owner], self.coefficients)
        return found

    def leverage(self, design: Array) -> Array:
        """Variance [...] of the baseline at mean terms [..., F, 18], in units of one row's variance, [..., F]."""
        most = int(self.sizes.max(initial=1))
        of_column = np.moveaxis(design[..., :most], -2, 0)  # [F, ..., P]
        flat = of_column.reshape(len(of_column), -1, most)
        found = (flat @ self.inverse[:, :most, :most] * flat).sum(axis=-1)
        return np.moveaxis(found.reshape(of_column.shape[:-1]), 0, -1)


def solve(cells: Cells, normal: Normal, sizes: NDArray[np.int64]) -> Baseline:
    """The baseline with so many terms per column."""
    count = normal.matrix.shape[1]
    used = np.arange(count) < sizes[:, None]
    both = used[:, :, None] & used[:, None, :]
    ridge = np.where(used, 1e-12 * normal.matrix[:, :1, 0] + 1e-12, 1.0)
    matrix = np.where(both, normal.matrix, 0.0) + ridge[:, :, None] * np.eye(count)
    inverse = np.where(both, np.linalg.inv(matrix), 0.0)
    coefficients = np.einsum("bpq,qb->pb", inverse[cells.owner], normal.right, optimize=True)
    return Baseline(coefficients, inverse, sizes)


def fit(cells: Cells, hours: NDArray[np.int64], inside: Array, rows: Array) -> Baseline:
    """From rows in the cells [T, B] and in their columns [T, F]. Each column takes the constant, the day, or the day
    and the week, whichever has the least BIC (Schwarz 1978) over its cells."""
    design = terms(hours)
    normal = Normal.of(design, inside, rows)
    most = affordable(hours)
    best = solve(cells, normal, np.full(rows.shape[1], CONSTANT))
    least = _criterion(cells, best, design, inside, rows)
    for size in (DAILY, WEEKLY):
        if size > most:
            break
        found = solve(cells, normal, np.full(rows.shape[1], size))
        criterion = _criterion(cells, found, design, inside, rows)
        better = criterion < least
        least, best = np.where(better, criterion, least), _chosen(cells, better, found, best)
    return best


def _criterion(cells: Cells, baseline: Baseline, design: Array, inside: Array, rows: Array) -> Array:
    """T log(residual sum of squares) + terms log(T) per column, the squares summed over its cells, [F]."""
    residual = inside - rows[:, cells.owner] * baseline.expected(design)
    squares = (residual**2 / np.maximum(rows, 1)[:, cells.owner]).sum(axis=0)
    hours = np.maximum((rows > 0).sum(axis=0), 2)
    summed = np.add.reduceat(squares, cells.starts)
    found: Array = hours * np.log(np.maximum(summed, 1e-300)) + baseline.sizes * np.log(hours)
    return found


def _chosen(cells: Cells, first: NDArray[np.bool_], one: Baseline, other: Baseline) -> Baseline:
    return Baseline(
        np.where(first[cells.owner], one.coefficients, other.coefficients),
        np.where(first[:, None, None], one.inverse, other.inverse),
        np.where(first, one.sizes, other.sizes),
    )
