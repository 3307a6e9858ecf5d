"""References: their windows, their bytes, their mixtures."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from detectors.binning import score_layout
from detectors.performance.scored import count_scored
from detectors.profile import ReferenceProfile, mix
from detectors.summary import summarise
from tests.detectors.build import binning_of, column, profile_of


def hourly(first, last, per_hour=2, seed=0):
    hours = np.repeat(np.arange(first, last), per_hour)
    values = np.random.default_rng(seed).normal(size=len(hours))
    return hours, {"feature.x": column(values)}


def test_windows_are_whole_disjoint_and_end_on_the_phase():
    hours, columns = hourly(10, 10 + 24 * 9 + 5)
    binning = binning_of(columns)
    profile = profile_of(binning, hours, columns)
    windows = profile.windows(24, 4)
    # hours 10 .. 231; ends at 4 modulo 24: the last is 220, the first whole one starts at 28
    assert windows.shape == (8, binning.size)
    inside = (hours >= 28) & (hours < 220)
    expected = summarise(binning, hours[inside], {"feature.x": column(columns["feature.x"].values.to_numpy()[inside])})
    np.testing.assert_array_equal(windows.sum(axis=0), expected.counts.sum(axis=0))
    np.testing.assert_array_equal(profile.windows(24, 24 * 100 + 4), windows)


def test_windows_short_of_rows_are_left_out():
    hours = np.concatenate([np.zeros(50), np.full(3, 30), np.full(40, 60), np.full(40, 95)]).astype(np.int64)
    columns = {"feature.x": column(np.arange(len(hours), dtype=float))}
    profile = profile_of(binning_of(columns), hours, columns)
    assert profile.windows(24, 0)[:, 0].tolist() == [50, 40, 40]


def test_without_times_there_are_no_windows():
    hours, columns = hourly(0, 500)
    profile = profile_of(binning_of(columns), hours, columns, timed=False)
    assert profile.rows == 1000
    assert len(profile.windows(24, 0)) == 0
    assert len(profile.label_windows(24, 0)) == 0


@pytest.fixture
def labelled():
    rng = np.random.default_rng(5)
    hours, columns = hourly(0, 24 * 12, per_hour=4)
    layout = score_layout("binary", ("0", "1"), rng.random(100))
    truth, said = (pa.array(rng.integers(0, 2, len(hours)).astype(str)) for _ in range(2))
    grouped = count_scored(layout, hours, truth, said, rng.random(len(hours)), np.ones(len(hours), dtype=np.int8))
    return ReferenceProfile.of(summarise(binning_of(columns), hours, columns), grouped, timed=True)


def test_label_windows_match_the_windows(labelled):
    windows = labelled.label_windows(24, 0)
    assert [one.rows for one in windows] == [96] * 12
    total = sum(windows[1:], start=windows[0])
    np.testing.assert_array_equal(total.counts, labelled.labels.counts)
    np.testing.assert_allclose(total.sums, labelled.labels.sums)


def test_bytes_round_trip(labelled):
    again = ReferenceProfile.from_bytes(labelled.to_bytes())
    np.testing.assert_array_equal(again.windows(24, 0), labelled.windows(24, 0))
    np.testing.assert_array_equal(again.labels.sums, labelled.labels.sums)
    assert again.to_bytes() == labelled.to_bytes()
    bare = ReferenceProfile.of(
        summarise(binning_of({"feature.x": column([1.0, 2.0])}), np.zeros(2, dtype=np.int64), {}),
        (np.empty(0, dtype=np.int64), np.empty((0, 1), dtype=np.int64), np.empty((0, 6))),
        timed=False,
    )
    assert ReferenceProfile.from_bytes(bare.to_bytes()).hours is None


def test_a_mixture_has_weighted_shares_and_the_rows_of_its_variance():
    hours, columns = hourly(0, 24 * 10)
    other_hours, other = hourly(0, 24 * 20, seed=1)
    binning = binning_of(columns)
    first, second = profile_of(binning, hours, columns), profile_of(binning, other_hours, other)
    mixed = mix([first, second], [1, 3])
    shares = mixed.total / mixed.total[0]
    np.testing.assert_allclose(shares, 0.25 * first.total / first.rows + 0.75 * second.total / second.rows)
    assert mixed.rows == round(1 / (0.25**2 / first.rows + 0.75**2 / second.rows))
    assert len(mixed.windows(24, 0)) == 10
    assert mix([first, second], [1, 0]) is first
