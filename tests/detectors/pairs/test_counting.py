"""Sums of codes against a plain loop and scipy's rank correlation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from detectors.cuts import Binning, NumericColumn
from detectors.hour_bytes import decode, encode
from detectors.pairs.counting import MOST_PAIRS, codes_of, pack, unpack
from detectors.pairs.moments import Moments
from detectors.summary import add, stack, summarise, summarise_by
from tests.detectors.build import binning_of, column


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4000, 4))
    x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
    x[:, 2] = np.round(x[:, 2])
    x[rng.random(4000) < 0.05, 3] = np.nan
    x[rng.random(4000) < 0.02, 1] = np.nan
    x[5, 0] = np.inf
    return np.sort(rng.integers(0, 7, 4000)), x


def columns_of(x):
    """Infinities stay, NaN is null."""
    return {f"feature.x{i}": column(x[:, i]) for i in range(x.shape[1])}


def by_hand(binning, hours, x):
    """One pair at a time, one hour at a time."""
    codes = []
    for place in range(x.shape[1]):
        made = binning.by_name[f"feature.x{place}"]
        finite = np.isfinite(x[:, place])
        slots = np.searchsorted(made.cuts, np.where(finite, x[:, place], 0.0))
        codes.append(np.where(finite, codes_of(made)[slots].astype(float), np.nan))
    found = []
    for hour in np.unique(hours):
        for one, two in binning.pairs:
            u, v = (codes[int(name[-1])][hours == hour] for name in (one, two))
            both = np.isfinite(u) & np.isfinite(v)
            u, v = u[both], v[both]
            found.append([len(u), u.sum(), v.sum(), u @ u, v @ v, u @ v])
    return np.array(found).reshape(len(np.unique(hours)), len(binning.pairs), 6)


def test_sums_are_those_of_a_plain_loop_whatever_the_order(rows):
    hours, x = rows
    binning = binning_of(columns_of(x))
    assert len(binning.pairs) == 6
    expected = by_hand(binning, hours, x)
    np.testing.assert_array_equal(summarise(binning, hours, columns_of(x)).products, expected)
    order = np.random.default_rng(4).permutation(len(hours))
    np.testing.assert_array_equal(summarise(binning, hours[order], columns_of(x[order])).products, expected)


def test_parts_of_an_hour_add_up(rows):
    hours, x = rows
    binning = binning_of(columns_of(x))
    halves = [summarise(binning, hours[part], columns_of(x[part])) for part in (slice(0, 1234), slice(1234, None))]
    np.testing.assert_array_equal(add(*halves).products, summarise(binning, hours, columns_of(x)).products)


def test_the_correlation_is_spearmans(rows):
    _, x = rows
    binning = binning_of(columns_of(x))
    found = Moments.of(summarise(binning, np.zeros(len(x), int), columns_of(x)).products[0]).correlation
    for place, pair in enumerate(binning.pairs):
        u, v = (x[:, int(name[-1])] for name in pair)
        both = np.isfinite(u) & np.isfinite(v)
        assert found[place] == pytest.approx(stats.spearmanr(u[both], v[both])[0], abs=0.005)


def test_codes_are_centred_ranks_and_the_extras_have_none():
    made = binning_of({"feature.x": column(np.arange(6400.0))}).by_name["feature.x"]
    assert isinstance(made, NumericColumn)
    codes = codes_of(made)
    bins = len(made.cuts) + 1
    assert (codes[bins:] == -128).all()
    assert abs(int(codes[:bins].astype(int).sum())) <= bins
    assert (np.diff(codes[:bins].astype(int)) >= 0).all()


def test_with_many_features_the_strongest_pairs_are_watched():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(3000, 30))
    x[:, 29] = x[:, 0] + rng.normal(size=3000)
    x[:, 28] = 1.0
    binning = binning_of({f"feature.f{i:02}": column(x[:, i]) for i in range(30)})
    assert len(binning.pairs) == MOST_PAIRS
    assert ("feature.f00", "feature.f29") in binning.pairs
    assert not any("feature.f28" in pair for pair in binning.pairs)
    assert list(binning.pairs) == sorted(binning.pairs)
    assert Binning.from_bytes(binning.to_bytes()).pairs == binning.pairs


def test_segments_do_not_count_pairs(rows):
    hours, x = rows
    binning = binning_of(columns_of(x))
    whole, sliced = summarise_by(binning, [hours, hours % 2], columns_of(x))
    assert whole.products.shape[1] == 6
    assert sliced.products.shape == (2, 0, 6)


def test_bytes_round_trip_and_hours_stored_before_pairs_were_counted_are_read(rows):
    hours, x = rows
    binning = binning_of(columns_of(x))
    found = summarise(binning, hours, columns_of(x))
    np.testing.assert_array_equal(unpack(pack(found.products[0] * 10**9))[0], found.products[0] * 10**9)
    parts = [found.hour(i) for i in range(2)]
    old = [encode(*one[:3], one[3][:0], one[4]) for one in parts]
    assert decode(binning, old[0])[3].shape == (0, 6)
    np.testing.assert_array_equal(decode(binning, encode(*parts[1]))[3], found.products[1])
    assert stack(binning, [0, 1], [old[0], encode(*parts[1])]).products.shape == (2, 0, 6)
    before = Binning.from_bytes(replace(binning, pairs=()).to_bytes())
    assert before.pairs == ()
    np.testing.assert_array_equal(decode(before, old[0])[0], found.counts[0])
