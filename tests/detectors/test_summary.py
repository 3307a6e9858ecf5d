"""Hourly counts, their bytes and their sums."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.binning import make_binning
from detectors.hour_bytes import decode, encode
from detectors.summary import (
    MISMATCH,
    NAN,
    ColumnValues,
    add,
    empty,
    merge,
    stack,
    summarise,
    window,
)
from detectors.sums import extremes, group_sums, moments
from tests.detectors.build import LAYOUT, binning_of, column

HOURS = np.array([5, 3, 5, 3, 5, 5])


@pytest.fixture
def counted():
    binning = binning_of({"feature.x": column([0.0, 1.0, 2.0, 3.0] * 10), "feature.c": column(["a", "b"] * 20)})
    columns = {
        "feature.x": column([1.0, None, np.inf, -7.0, None, None], {1: MISMATCH, 4: NAN}),
        "feature.c": column(["a", "b", "new", None, None, "a"], {3: MISMATCH}),
    }
    return binning, summarise(binning, HOURS, columns)


def test_every_row_is_counted_once_per_column(counted):
    binning, found = counted
    assert found.hours.tolist() == [3, 5]
    assert found.counts[:, 0].tolist() == [2, 4]

    def of(name, which):
        return found.counts[:, binning.extra(name, which)].tolist()

    assert of("feature.x", "missing") == [0, 1]
    assert of("feature.x", "mismatch") == [1, 0]
    assert of("feature.x", "nan") == [0, 1]
    assert of("feature.x", "pos_inf") == [0, 1]
    assert of("feature.x", "below_min") == [1, 0]
    assert of("feature.x", "above_max") == [0, 0]
    assert of("feature.c", "unseen") == [0, 1]
    assert of("feature.c", "mismatch") == [1, 0]
    assert of("feature.c", "missing") == [0, 1]
    assert found.counts[:, binning.slots("feature.c")].tolist() == [[0, 1], [2, 0]]
    assert found.counts[:, binning.slots("feature.x")].sum(axis=1).tolist() == [1, 1]
    assert found.moments[:, 0].tolist() == [[-7.0, 49.0], [1.0, 1.0]]
    assert found.extremes[:, 0].tolist() == [[-7.0, -7.0], [1.0, 1.0]]


def test_bins_hold_their_upper_cut():
    values = np.arange(1000.0)
    binning = binning_of({"feature.x": column(values)})
    found = summarise(binning, np.zeros(1000, dtype=np.int64), {"feature.x": column(values)})
    cuts = binning.numeric[0].cuts
    below = np.cumsum(found.counts[0, binning.slots("feature.x")])[:-1]
    np.testing.assert_array_equal(below, [(values <= cut).sum() for cut in cuts])


def test_absent_columns_are_missing_and_errors_are_other():
    binning = make_binning({}, {"feature.x": "numeric", "feature.c": "categorical", "error": "categorical"}, LAYOUT)
    found = summarise(binning, np.zeros(3, dtype=np.int64), {"error": column(["timeout", None, "boom"])})
    assert found.counts[0, binning.extra("feature.x", "missing")] == 3
    assert found.counts[0, binning.extra("feature.c", "missing")] == 3
    assert found.counts[0, binning.extra("error", "other")] == 2
    assert found.counts[0, binning.extra("error", "missing")] == 1


def test_rare_levels_and_dictionaries():
    binning = make_binning({"feature.c": column(["a"] * 5000 + ["b"])}, {"feature.c": "categorical"}, LAYOUT)
    encoded = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None, 3]), pa.array(["a", "b", "z", None]))
    values = ColumnValues(encoded, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint8))
    found = summarise(binning, np.zeros(5, dtype=np.int64), {"feature.c": values})
    start = binning.offsets["feature.c"]
    assert found.counts[0, start:].tolist() == [1, 1, 1, 2, 0]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_never_matters_to_the_bit(seed):
    rng = np.random.default_rng(seed)
    n = 200
    values = rng.normal(size=n) * 10.0 ** rng.integers(-8, 8, n)
    text = rng.choice(list("abcde"), n)
    hours = rng.integers(0, 5, n)
    binning = binning_of({"feature.x": column(values), "feature.c": column(text)})
    first = summarise(binning, hours, {"feature.x": column(values), "feature.c": column(text)})
    order = rng.permutation(n)
    shuffled = {"feature.x": column(values[order]), "feature.c": column(text[order])}
    second = summarise(binning, hours[order], shuffled)
    for name in ("hours", "counts", "moments", "extremes"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    np.testing.assert_allclose(first.moments[:, 0, 0].sum(), values.sum(), rtol=1e-9, atol=1e-6)


def both_sums(values, sizes):
    return moments(values, sizes, extremes(values, sizes))


def test_a_group_sums_to_the_same_bits_alone_and_among_others():
    rng = np.random.default_rng(11)
    sizes = np.array([70_000, 3, 1, 40_000])
    for scale in (1.0, 1e-300, 9e152, 1e160, 1e300):
        values = scale * rng.normal(1.0, 3.0, sizes.sum())
        together = both_sums(values, sizes)
        parts = np.split(values, np.cumsum(sizes)[:-1])
        alone = [both_sums(part, np.array([len(part)]))[0] for part in parts]
        np.testing.assert_array_equal(together, alone)
        np.testing.assert_array_equal(together[:1], both_sums(parts[0][::-1], sizes[:1]))
        np.testing.assert_array_equal(together[:, 0], group_sums(values, sizes))
    found = group_sums(values / 1e300, sizes)
    np.testing.assert_allclose(found, [math.fsum(part / 1e300) for part in parts], rtol=1e-9)


def test_group_sums_survive_huge_values():
    found = both_sums(np.array([1e300, 1e300, np.inf, 1.0, 5e-324, 0.0]), np.array([2, 2, 1, 1]))
    assert found.tolist() == [[2e300, np.inf], [np.inf, np.inf], [5e-324, 0.0], [0.0, 0.0]]


def test_bytes_round_trip_and_are_small(counted):
    binning, found = counted
    data = [encode(*found.hour(i)) for i in range(2)]
    again = stack(binning, [3, 5], data)
    for name in ("hours", "counts", "moments", "extremes", "products", "embedded"):
        np.testing.assert_array_equal(getattr(found, name), getattr(again, name))
    large = found.counts[0] * 10**12
    np.testing.assert_array_equal(
        decode(binning, encode(large, *found.hour(0)[1:]))[0],
        large,
    )
    assert len(stack(binning, [], []).hours) == 0


def test_an_hour_of_fifty_features_takes_few_kilobytes():
    rng = np.random.default_rng(7)
    columns = {f"feature.x{i}": column(rng.normal(size=5000)) for i in range(50)}
    binning = binning_of(columns)
    hour = {name: ColumnValues(one.values[:300], one.odd_rows, one.odd_codes) for name, one in columns.items()}
    found = summarise(binning, np.zeros(300, dtype=np.int64), hour)
    assert len(encode(*found.hour(0))) < 5120


def test_windows_add_up(counted):
    _, found = counted
    whole = window(found, 0, 24)
    assert whole.rows == 6
    np.testing.assert_array_equal(whole.counts, found.counts.sum(axis=0))
    assert whole.extremes[0].tolist() == [-7.0, 1.0]
    parts = merge([window(found, 0, 4), window(found, 4, 24)])
    np.testing.assert_array_equal(parts.counts, whole.counts)
    np.testing.assert_array_equal(parts.extremes, whole.extremes)
    assert (parts.start_hour, parts.end_hour) == (0, 24)
    nothing = window(found, 6, 9)
    assert nothing.rows == 0
    assert nothing.extremes[0].tolist() == [np.inf, -np.inf]


def test_stacks_add_up(counted):
    binning, found = counted
    later = summarise(binning, np.array([5, 9]), {"feature.x": column([100.0, 2.0])})
    both = add(found, later)
    assert both.hours.tolist() == [3, 5, 9]
    assert both.counts[:, 0].tolist() == [2, 5, 1]
    assert both.extremes[1, 0].tolist() == [1.0, 100.0]
    again = add(both, empty(binning))
    np.testing.assert_array_equal(again.counts, both.counts)
