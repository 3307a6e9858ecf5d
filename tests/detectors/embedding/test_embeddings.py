"""Random features against the kernel itself; drift of vectors is found, and its absence is quiet."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from detectors.binning import make_binning
from detectors.cuts import FREQUENCIES, Binning, EmbeddingColumn, ScoreLayout
from detectors.embedding.features import features_of, make_column, matrix_of
from detectors.embedding.mean_embedding import measure_embeddings
from detectors.embedding.null import Null
from detectors.hour_bytes import decode, encode
from detectors.measurement import NO_REFERENCE, NOT_COUNTED, TOO_FEW_ROWS
from detectors.profile import ReferenceProfile, mix
from detectors.summary import ColumnValues, add, summarise, window
from tests.detectors.build import profile_of

START, REFERENCE, HOURS, DIMENSION = 480_168, 4 * 168, 5 * 24, 16
NAME = "feature.e"
NOTHING = np.empty(0, np.int64), np.empty(0, np.uint8)


def values_of(x, missing=None):
    """Rows as stored; ``missing`` bool [n]."""
    gone = np.zeros(len(x), bool) if missing is None else missing
    rows = zip(map(bytes, x.astype("<f4")), gone, strict=True)
    return pa.array([None if out else row for row, out in rows], pa.binary())


def columns_of(x, missing=None):
    return {NAME: ColumnValues(values_of(x, missing), *NOTHING)}


def binning_of(x) -> Binning:
    return make_binning(columns_of(x), {NAME: "embedding"}, ScoreLayout("regression"))


def wandering(rng, count, size):
    level = np.zeros((count, DIMENSION))
    for hour in range(1, count):
        level[hour] = 0.8 * level[hour - 1] + size * 0.6 * rng.normal(size=DIMENSION)
    return level


@cache
def world(size=0.0, seed=1, change="none", rows=60):
    """Four weeks of reference and five days of log; ``size`` of the hours' wandering; ``change`` in the log."""
    rng = np.random.default_rng([seed, 5])
    hours = np.repeat(np.arange(REFERENCE + HOURS), rows)
    x = rng.normal(size=(len(hours), DIMENSION)) + wandering(rng, REFERENCE + HOURS, size)[hours]
    past = hours < REFERENCE
    if change == "shift":
        x[~past, 0] += 0.7
    if change == "cluster":
        some = ~past & (rng.random(len(hours)) < 0.06)
        x[some] = 0.5 * rng.normal(size=(int(some.sum()), DIMENSION)) + 4 * np.eye(DIMENSION)[3]
    binning = binning_of(x[past][:20_000])
    profile = profile_of(binning, hours[past] + START, columns_of(x[past]))
    return binning, profile, summarise(binning, hours[~past] + START, columns_of(x[~past]))


def measured(binning, profile, now, end, length=24, **given):
    settings = {"length_hours": length, "tolerance": 0.02, "alpha": 1e-5, **given}
    counts = window(now, START + REFERENCE + end - length, START + REFERENCE + end)
    (found,) = measure_embeddings(binning, [NAME], counts, profile, **settings)
    return found


def kernel(x, y, bandwidth):
    squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x @ y.T
    return np.exp(-squares / (2 * bandwidth**2))


def test_features_stand_for_the_gaussian_kernel():
    x = np.random.default_rng(2).normal(size=(60, DIMENSION)).astype(np.float32)
    column = make_column(NAME, values_of(x), 7)
    features = features_of(column, x)
    assert np.allclose((features**2).sum(axis=1), 1, atol=1e-3)
    error = features @ features.T - kernel(x.astype(float), x.astype(float), column.bandwidth)
    assert np.sqrt((error**2).mean()) < 1.2 / np.sqrt(2 * FREQUENCIES)
    assert abs(error.mean()) < 0.05


def test_the_bandwidth_is_the_median_distance():
    x = np.random.default_rng(3).normal(size=(400, 3)).astype(np.float32)
    apart = np.sqrt(((x[:, None] - x) ** 2).sum(axis=2))[np.triu_indices(400, 1)]
    assert make_column(NAME, values_of(x), 7).bandwidth == pytest.approx(np.median(apart) / np.sqrt(2), rel=1e-4)


@pytest.mark.parametrize("shift", [0.3, 1.0, 3.0])
def test_the_distance_is_the_exact_mmd_within_the_error_of_random_features(shift):
    """Against the biased statistic over all pairs of rows (Gretton et al. 2012, equation 5)."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(700, DIMENSION)).astype(np.float32)
    y = rng.normal(size=(500, DIMENSION)).astype(np.float32)
    y[:, 0] += shift
    binning = binning_of(x)
    column = binning.by_name[NAME]
    assert isinstance(column, EmbeddingColumn)
    profile = profile_of(binning, np.zeros(700, int), columns_of(x), timed=False)
    now = window(summarise(binning, np.zeros(500, int), columns_of(y)), 0, 24)
    (found,) = measure_embeddings(binning, [NAME], now, profile, length_hours=24, tolerance=0.02, alpha=1e-3)
    bandwidth = column.bandwidth
    x, y = x.astype(float), y.astype(float)
    xx, yy, xy = (kernel(*both, bandwidth).mean() for both in ((x, x), (y, y), (x, y)))
    exact = np.sqrt(xx + yy - 2 * xy)
    assert found.value == pytest.approx(exact, rel=0.25)


def test_the_same_seed_gives_the_same_features_and_another_one_others():
    x = np.random.default_rng(5).normal(size=(50, 4)).astype(np.float32)
    one, again, other = (make_column(NAME, values_of(x), seed) for seed in (1, 1, 2))
    assert one == again
    np.testing.assert_array_equal(features_of(one, x), features_of(again, x))
    assert not np.allclose(features_of(one, x), features_of(other, x))


def test_hours_add_up_and_survive_bytes():
    rng = np.random.default_rng(6)
    x, missing = rng.normal(size=(500, 4)).astype(np.float32), rng.random(500) < 0.1
    hours = np.sort(rng.integers(0, 3, 500))
    binning = binning_of(x)
    again = Binning.from_bytes(binning.to_bytes())
    assert again.by_name[NAME] == binning.by_name[NAME]
    whole = summarise(binning, hours, columns_of(x, missing))
    halves = slice(0, 222), slice(222, 500)
    parts = [summarise(again, hours[some], columns_of(x[some], missing[some])) for some in halves]
    np.testing.assert_array_equal(add(*parts).counts, whole.counts)
    np.testing.assert_allclose(add(*parts).embedded, whole.embedded, atol=2)
    by_hand = features_of(binning.embeddings[0], x[(hours == 1) & ~missing]).sum(axis=0)
    np.testing.assert_allclose(whole.embedded[1, 0] / (16_384 * np.sqrt(FREQUENCIES)), by_hand, atol=1e-6)
    np.testing.assert_array_equal(decode(binning, encode(*whole.hour(2)))[4], whole.embedded[2])
    assert whole.counts[:, binning.extra(NAME, "missing")].sum() == missing.sum()
    np.testing.assert_array_equal(matrix_of(values_of(x, missing)), x[~missing])


@pytest.mark.parametrize(("change", "size"), [("shift", 0.0), ("cluster", 0.0), ("shift", 0.03)])
def test_a_shift_and_a_new_cluster_are_found_within_a_day(change, size):
    found = measured(*world(size, change=change, rows=300), 24)
    assert found.p_value <= found.alpha
    assert 0.02 < found.effect_lower < found.effect < found.effect_upper
    assert found.value > found.effect
    if change == "cluster":
        assert found.effect < 0.065  # no more than the rows that moved


@pytest.mark.parametrize("size", [0.0, 0.1])
def test_no_change_alarms_no_more_often_than_it_may(size):
    level, alarms, windows = 0.02, 0, 0
    for seed in range(1, 5):
        binning, profile, now = world(size, seed)
        for length, step in ((1, 1), (24, 12)):
            for end in range(length, HOURS + 1, step):
                alarms += measured(binning, profile, now, end, length, tolerance=0.0, alpha=level).p_value <= level
                windows += 1
    assert alarms <= stats.binom.ppf(0.999, windows, level)


def test_independent_rows_would_take_wandering_hours_for_drift():
    binning, profile, now = world(0.25, seed=3)
    untimed = replace(profile, hours=None, memo={})
    alone, together = (
        [measured(binning, one, now, end, 1, tolerance=0.0, alpha=0.01).p_value for end in range(1, HOURS + 1)]
        for one in (untimed, profile)
    )
    assert np.mean(np.array(alone) < 0.01) > 0.1
    assert np.mean(np.array(together) < 0.01) < 0.05


def test_the_bound_and_the_p_value_say_the_same():
    for place in (world(change="shift"), world(0.1, change="shift")):
        found = measured(*place, 24, tolerance=0.065)
        assert 1e-12 < found.p_value < 1
        limit = measured(*place, 24, tolerance=0.065, alpha=found.p_value)
        assert limit.effect_lower == pytest.approx(0.065, abs=1e-6)


@pytest.mark.parametrize("degrees", [3.0, 80.0, 1e9])
def test_the_null_is_the_f_distribution_of_scipy(degrees):
    null = Null(np.zeros(256), 0.01, 12.5, degrees, 28.0)
    for alpha in (0.3, 1e-3, 1e-7):
        assert null.tail(null.reach(alpha)) == pytest.approx(alpha, rel=1e-6)
        assert null.reach(alpha) ** 2 / 0.01 == pytest.approx(stats.f.isf(alpha, 12.5, 12.5 * degrees), rel=1e-5)


def test_without_times_and_with_few_windows_the_reference_is_short():
    binning, profile, now = world(change="shift")
    untimed = ReferenceProfile.from_bytes(replace(profile, hours=None).to_bytes())
    found = measured(binning, untimed, now, 24)
    assert found.details["short_reference"]
    assert found.details["tolerance"] == 0.05
    assert measured(binning, profile, now, 96, 96).details["short_reference"]


def test_references_of_two_versions_are_mixed():
    binning, profile, now = world()
    _, other, _ = world(change="none", seed=2)
    found = measured(binning, mix([profile, other], [2.0, 1.0]), now, 24)
    assert found.p_value > 0.5
    assert found.details["reference_windows"] == 28


def test_what_cannot_be_told_says_why():
    binning, profile, now = world()
    old = replace(profile, embedded=np.zeros((0, 0, 256), np.int8), memo={})
    assert measured(binning, old, now, 24).reason == NOT_COUNTED
    assert measured(binning, profile, now, HOURS + 100).reason == TOO_FEW_ROWS
    same = np.ones((50, 4), np.float32)
    constant = binning_of(same)
    reference = profile_of(constant, np.zeros(50, int), columns_of(same), timed=False)
    current = window(summarise(constant, np.zeros(50, int), columns_of(same)), 0, 24)
    (found,) = measure_embeddings(constant, [NAME], current, reference, length_hours=24, tolerance=0.02, alpha=0.01)
    assert found.reason == NO_REFERENCE
