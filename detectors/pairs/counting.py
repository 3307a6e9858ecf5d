"""Pairs of numeric features: which are watched, and what is counted of each in an hour.

A row is coded by its place among a column's cuts: the mid-rank of its bin in the reference, as a whole number from -127
to 127. So the sums of codes, squares and products are whole numbers, add up exactly, and give a rank correlation
(Spearman 1904) with the reference's own ranks, whatever the units of the columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, Column, NumericColumn

MOST_PAIRS = 105  # all pairs of up to 15 features
MOST_SAMPLED = 100_000  # rows by which pairs are chosen
SUMS = 6  # rows, codes of the first and of the second, their squares, their products
_SPAN = 127
_NONE = -128
_AT_ONCE = 65_536  # rows: larger hours are added up in parts

Codes = NDArray[np.int8]


def codes_of(column: NumericColumn) -> Codes:
    """The code of each of the column's slots, int8 [size]; -128 where there is no finite value."""
    codes = np.full(column.size, _NONE, dtype=np.int8)
    edges = np.concatenate([[0.0], column.levels, [1.0]])
    codes[: len(column.cuts) + 1] = np.rint(_SPAN * (edges[1:] + edges[:-1] - 1))
    return codes


def is_ranked(column: Column) -> bool:
    """Whether a column is a numeric feature of which a reference had values."""
    return isinstance(column, NumericColumn) and column.name.startswith("feature.") and len(column.levels) > 0


def choose(columns: Sequence[Column], values: Mapping[str, NDArray[np.float64]]) -> tuple[tuple[str, str], ...]:
    """All pairs of features that vary; where they are more than 105, those with the greatest absolute rank
    correlation. ``values``: float64 [n] of the reference by name, NaN or infinite where there is none."""
    ranked = [one for one in columns if isinstance(one, NumericColumn) and is_ranked(one) and one.name in values]
    if len(ranked) < 2:
        return ()
    step = -(-len(values[ranked[0].name]) // MOST_SAMPLED)
    codes = np.stack([_coded(column, values[column.name][:: max(step, 1)]) for column in ranked])
    places = np.array(list(combinations(range(len(ranked)), 2)))
    rows, first, second, first2, second2, products = _sums(codes, places[:, 0], places[:, 1]).T.astype(np.float64)
    spread = (rows * first2 - first**2) * (rows * second2 - second**2)
    size = np.abs(rows * products - first * second) / np.sqrt(np.maximum(spread, 1))
    varies = np.flatnonzero(spread > 0)
    kept = np.sort(varies[np.argsort(-size[varies], kind="stable")[:MOST_PAIRS]])
    return tuple((ranked[a].name, ranked[b].name) for a, b in places[kept].tolist())


def _coded(column: NumericColumn, numbers: NDArray[np.float64]) -> Codes:
    finite = np.isfinite(numbers)
    return np.where(finite, codes_of(column)[column.grid.find(np.where(finite, numbers, 0.0))], _NONE).astype(np.int8)


@dataclass(frozen=True)
class Coded:
    """Codes of some rows, filled column by column: ``codes`` int8 [columns that are in a pair, n]."""

    codes: Codes
    rows: Mapping[str, int]
    first: NDArray[np.int64]
    second: NDArray[np.int64]

    @classmethod
    def of(cls, binning: Binning, rows: int) -> Coded:
        """Nothing known yet of so many rows."""
        names = sorted({name for pair in binning.pairs for name in pair})
        places = {name: place for place, name in enumerate(names)}
        ends = (np.array([places[pair[end]] for pair in binning.pairs], dtype=np.int64) for end in (0, 1))
        return cls(np.full((len(names), rows), _NONE, dtype=np.int8), places, *ends)

    def put(self, column: NumericColumn, slots: NDArray[np.int64]) -> None:
        """The slots int64 [n] that the rows have in a column."""
        if column.name in self.rows:
            np.take(codes_of(column), slots, out=self.codes[self.rows[column.name]])

    def sums(self, starts: NDArray[np.int64], order: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """The pairs' sums in each run of rows, int64 [T, P, 6]; runs begin at ``starts`` [T] of the rows in ``order``
        (None: as they are). Rows with a value of both columns are counted."""
        found = np.zeros((len(starts), len(self.first), SUMS), dtype=np.int64)
        if len(self.first) == 0:
            return found
        codes = self.codes if order is None else self.codes[:, order]
        ends = np.append(starts, codes.shape[1])[1:]
        for place, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            for some in range(start, end, _AT_ONCE):
                found[place] += _sums(codes[:, some : min(some + _AT_ONCE, end)], self.first, self.second)
        return found


def pack(products: NDArray[np.int64]) -> bytes:
    """An hour's sums [P, 6] as bytes that deflate well: a column has the same sums in nearly all its pairs, so what is
    told of single columns stands once, with the places of its pairs."""
    singles, places = np.unique(products[:, _SINGLES].reshape(-1, 3), axis=0, return_inverse=True)
    head = np.array([len(products), len(singles)], dtype="<u2")
    return head.tobytes() + places.astype("<u2").tobytes() + planes(singles) + planes(products[:, -1])


def unpack(data: bytes) -> tuple[NDArray[np.int64], bytes]:
    """The inverse of ``pack``, and what comes after it; nothing are no pairs."""
    pairs, count = np.frombuffer(data, "<u2", 2).tolist() if data else (0, 0)
    products = np.empty((pairs, SUMS), dtype=np.int64)
    if pairs:
        places = np.frombuffer(data, "<u2", 2 * pairs, 4)
        start, middle = 4 + 4 * pairs, 4 + 4 * pairs + 24 * count
        singles = from_planes(data[start:middle]).reshape(count, 3)
        products[:, _SINGLES] = singles[places].reshape(pairs, 2, 3)
        products[:, -1] = from_planes(data[middle : middle + 8 * pairs])
    return products, data[4 + 12 * pairs + 24 * count :]


_SINGLES = np.array([[0, 1, 3], [0, 2, 4]])


def planes(numbers: NDArray[np.int64]) -> bytes:
    """First bytes, then second bytes, and so on: those of high order are all alike."""
    return np.ascontiguousarray(numbers.ravel().astype("<i8").view(np.uint8).reshape(-1, 8).T).tobytes()


def from_planes(data: bytes) -> NDArray[np.int64]:
    """The inverse of ``planes``."""
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(8, -1).T).view("<i8").ravel()


def _sums(codes: Codes, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """[P, 6] of the pairs of columns ``first`` and ``second`` [P]; exact, since all partial sums are below 2^53."""
    there = codes != _NONE
    values = np.where(there, codes, 0).astype(np.float64)
    products, squares = values @ values.T, values * values
    rows = np.full(products.shape, float(codes.shape[1]))
    one, two = (np.repeat(part.sum(axis=1)[:, None], len(values), axis=1) for part in (values, squares))
    gaps = np.flatnonzero(~there.all(axis=1))  # what a column adds up to in a pair depends on its partner's gaps alone
    if len(gaps):
        known = there[gaps].astype(np.float64)
        rows[:, gaps] = known.sum(axis=1)
        rows[gaps, :] = rows[:, gaps].T
        one[:, gaps], two[:, gaps] = values @ known.T, squares @ known.T
        rows[np.ix_(gaps, gaps)] = known @ known.T
    parts = [rows[first, second], one[first, second], one[second, first], two[first, second], two[second, first]]
    found: NDArray[np.int64] = np.rint(np.stack([*parts, products[first, second]], axis=1)).astype(np.int64)
    return found
