"""Rows that are counted part by part, in any order, give the bytes that all of them at once give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.binning import make_binning
from detectors.cuts import Binning
from detectors.embedding.features import features_of
from detectors.hour_bytes import encode
from detectors.parts import Moments, together
from detectors.summary import MISMATCH, NAN, ColumnValues, HourlySummaries, summarise_by
from tests.detectors.build import LAYOUT

NUMBERS = ("feature.x", "feature.y", "latency_ms")
KINDS: Any = dict.fromkeys(NUMBERS, "numeric") | {"feature.c": "categorical", "feature.e": "embedding"}
STRANGE = [0.0, -0.0, 0.1, -3.0, 1e16, 5e-324, -1e-310, 1e154, 1.7e154, -1e300, 1.7e308, np.inf, -np.inf]
DIMENSION = 100  # of vectors: a BLAS multiplies one of them otherwise than many


class Rows:
    """Values of n rows: ``numbers`` float64 [n, 3] (NaN: missing), ``odd`` uint8 [n] (0, MISMATCH, NAN: of the first
    column, which then is missing), ``codes`` int64 [n] of a segment, -1 in none; texts and vectors go with them."""

    def __init__(self, numbers: NDArray[np.float64], odd: NDArray[np.uint8], codes: NDArray[np.int64]) -> None:
        self.numbers, self.odd, self.codes = numbers.copy(), odd, codes
        self.numbers[odd > 0, 0] = np.nan

    def take(self, places: NDArray[np.int64]) -> Rows:
        return Rows(self.numbers[places], self.odd[places], self.codes[places])

    def columns(self) -> dict[str, ColumnValues]:
        none = np.empty(0, np.int64), np.empty(0, np.uint8)
        rows = np.flatnonzero(self.odd)
        marks = [(rows, self.odd[rows]), none, none]
        found = {
            name: ColumnValues(pa.array(self.numbers[:, place], from_pandas=True), *marks[place])
            for place, name in enumerate(NUMBERS)
        }
        texts = pa.array(["a", "b", "new", None], pa.string()).take(pa.array(self.codes % 4))
        return found | {"feature.c": ColumnValues(texts, *none), "feature.e": ColumnValues(self._vectors(), *none)}

    def _vectors(self) -> pa.Array:
        """Those of three codes; they are the same wherever the row stands."""
        known = np.random.default_rng(5).normal(size=(4, DIMENSION)).astype("<f4")
        some = pa.array([*map(bytes, known[:3]), None], pa.binary())
        return some.take(pa.array(self.codes % 4))

    @property
    def keys(self) -> list[NDArray[np.int64]]:
        return [np.zeros(len(self.codes), np.int64), self.codes]


def usual(count: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(count, 3)) * np.array([1.0, 1e-3, 40.0])
    numbers[:, 1] += numbers[:, 0]
    numbers[rng.random(count) < 0.1, 2] = np.nan
    return Rows(numbers, np.where(rng.random(count) < 0.02, NAN, 0).astype(np.uint8), rng.integers(-1, 5, count))


@cache
def binning() -> Binning:
    made = make_binning(usual(500, 1).columns(), KINDS, LAYOUT)
    assert len(made.pairs) == 1
    assert made.embeddings[0].levels
    return made


def in_parts(parts: Iterable[Rows], columns: Mapping[str, Any] = KINDS) -> list[HourlySummaries]:
    def values(rows: Rows) -> dict[str, ColumnValues]:
        return {name: one for name, one in rows.columns().items() if name in columns}

    some = [part for part in parts if len(part.codes)]
    counted = reduce(
        lambda first, second: [together(*both) for both in zip(first, second, strict=True)],
        (summarise_by(binning(), part.keys, values(part)) for part in some),
    )
    moments = Moments(binning(), counted)
    for part in reversed(some):
        moments.add(part.keys, values(part))
    return moments.found()


def encoded(summaries: Iterable[HourlySummaries]) -> list[dict[int, bytes]]:
    return [{int(key): encode(*one.hour(place)) for place, key in enumerate(one.hours)} for one in summaries]


def check(rows: Rows, cuts: list[int], seed: int) -> None:
    """One way to cut the rows, in one order."""
    at_once = encoded(summarise_by(binning(), rows.keys, rows.columns()))
    shuffled = rows.take(np.random.default_rng(seed).permutation(len(rows.codes)))
    places = np.split(np.arange(len(rows.codes)), sorted(cut % (len(rows.codes) + 1) for cut in cuts))
    assert encoded(in_parts(shuffled.take(some) for some in places)) == at_once


number = st.one_of(st.sampled_from(STRANGE), st.floats(allow_nan=False), st.none(), st.floats(-5, 5))
row = st.tuples(number, number, number, st.sampled_from([0, 0, 0, MISMATCH, NAN]), st.integers(-1, 3))


@given(st.lists(row, min_size=1, max_size=40), st.lists(st.integers(0, 99), max_size=6), st.integers(0, 99))
@settings(max_examples=300, deadline=None)
def test_any_partition_in_any_order_gives_the_bytes_of_all_rows_at_once(
    rows: list[Any], cuts: list[int], seed: int
) -> None:
    numbers = np.array([one[:3] for one in rows], np.float64)
    check(
        Rows(numbers, *(np.array([one[at] for one in rows], type_) for at, type_ in ((3, np.uint8), (4, np.int64)))),
        cuts,
        seed,
    )


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2**16), max_size=5), st.sampled_from([1.0, 1e-300, 1e160]))
@settings(max_examples=25, deadline=None)
@example(458, [], 1.0)
def test_so_do_many_rows_whose_sums_are_made_otherwise(seed: int, cuts: list[int], scale: float) -> None:
    rows = usual(3000 + seed % 7000, seed)
    rows.numbers[:, 2] *= scale
    rows.numbers[seed % len(rows.codes), seed % 2] = STRANGE[seed % len(STRANGE)]
    check(Rows(rows.numbers, rows.odd, rows.codes), cuts, seed)  # an odd value is missing, strange or not


def test_columns_that_are_absent_and_hours_without_numbers() -> None:
    rows = usual(50, 3)
    for columns in ({"feature.c": 0}, {"feature.x": 0}):
        values = {name: one for name, one in rows.columns().items() if name in columns}
        at_once = encoded(summarise_by(binning(), rows.keys, values))
        assert encoded(in_parts([rows.take(np.arange(20)), rows.take(np.arange(20, 50))], columns)) == at_once


def test_rows_that_came_between_the_readings_do_no_harm() -> None:
    """They are beyond what was counted, or add up with it; the hour is counted again."""
    rows, more = usual(200, 4), usual(20, 5)
    rows.codes[:] = np.where(rows.codes == 2, -1, rows.codes)
    more.numbers[:10] = 1e300
    counted = summarise_by(binning(), rows.keys, rows.columns())
    moments = Moments(binning(), counted)
    for part in (rows, more.take(np.arange(10))):
        moments.add(part.keys, part.columns())
    assert encoded(moments.found()) == encoded(counted)


@pytest.mark.parametrize("dimension", [3, 100, 768, 1536])
def test_features_of_a_vector_do_not_depend_on_the_others(dimension: int) -> None:
    vectors = np.random.default_rng(dimension).normal(size=(700, dimension)).astype(np.float32)
    values = pa.array(list(map(bytes, vectors)), pa.binary())
    made = make_binning(
        {"feature.e": ColumnValues(values, np.empty(0, np.int64), np.empty(0, np.uint8))},
        {"feature.e": "embedding"},
        LAYOUT,
    )
    together_ = features_of(made.embeddings[0], vectors)
    for size in (1, 2, 5, 8, 13, 256, 300):
        for start in (0, 257, 690):
            some = slice(start, start + size)
            np.testing.assert_array_equal(features_of(made.embeddings[0], vectors[some]), together_[some])
