"""A changed dependence is found, its size and its level are right, and what is no change is quiet."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from detectors.measurement import NOT_COUNTED, TOO_FEW_ROWS
from detectors.pairs.correlations import is_measured, measure_correlations, watched
from detectors.pairs.known import SHORT_TOLERANCE, TOLERANCE
from detectors.pairs.moments import MOST, one_row
from detectors.pairs.two_tables import compare_correlations
from detectors.profile import ReferenceProfile, mix
from detectors.summary import HourlySummaries, merge, summarise, window
from tests.detectors.build import binning_of, column, profile_of

START = 480_168  # a Monday, 00:00
REFERENCE, HOURS, ROWS, FEATURES = 4 * 168, 14 * 24, 40, 6
DAY = {"length_hours": 24, "alpha": 1e-5}


def latent(rng, count, rho, *, cycles=0.0, start=0):
    """Standard normal features, the first two correlated by ``rho``, all with daily and weekly cycles in their level
    that rise and fall together."""
    hours = np.repeat(np.arange(count), ROWS)
    x = rng.normal(size=(len(hours), FEATURES))
    x[:, 1] = rho * x[:, 0] + np.sqrt(1 - rho**2) * x[:, 1]
    clock = (hours + start)[:, None]
    x += cycles * (np.sin(2 * np.pi * clock / 24) + np.sin(2 * np.pi * clock / 168))
    return hours + start + START, x


def columns_of(x):
    return {f"feature.x{i}": column(x[:, i]) for i in range(x.shape[1])}


@cache
def world(rho=0.8, cycles=0.0, seed=1):
    rng = np.random.default_rng([seed, 7])
    hours, x = latent(rng, REFERENCE, 0.8, cycles=cycles)
    binning = binning_of(columns_of(x))
    profile = profile_of(binning, hours, columns_of(x))
    hours, x = latent(rng, HOURS, rho, cycles=cycles, start=REFERENCE)
    return binning, profile, summarise(binning, hours, columns_of(x))


def measured(binning, profile, now, end, length=24, **given):
    end += START + REFERENCE
    counts = window(now, end - length, end)
    settings = {"length_hours": length, "alpha": 1e-5, **given}
    return measure_correlations(binning, list(binning.by_name), counts, profile, **settings)


def test_a_change_that_no_feature_shows_is_found_with_its_size():
    binning, profile, now = world(rho=0.5)
    found = measured(binning, profile, now, 24)
    pair = found.details["pairs"][0]
    assert pair["features"] == ["x0", "x1"]
    assert pair["reference"] == pytest.approx(6 / np.pi * np.arcsin(0.4), abs=0.02)  # Spearman's of a normal pair
    assert pair["current"] == pytest.approx(6 / np.pi * np.arcsin(0.25), abs=0.06)
    assert 0.10 < found.effect_lower < found.effect < found.effect_upper < 0.6
    assert found.value == found.effect
    assert found.feature is None
    assert found.p_value <= found.alpha
    assert found.details["pairs_watched"] == 15
    assert "short_reference" not in found.details


def test_the_bound_and_the_p_value_say_the_same():
    binning, profile, now = world(rho=0.6)
    for end in range(24, HOURS, 24):
        found = measured(binning, profile, now, end)
        limit = measured(binning, profile, now, end, alpha=found.p_value)
        assert limit.effect_lower == pytest.approx(TOLERANCE, abs=1e-6) or found.p_value == 1.0


@pytest.mark.parametrize("cycles", [0.0, 0.25, 1.0])
def test_no_change_alarms_no_more_often_than_it_may(cycles):
    """Not even where the level of every feature follows the day, by as much as the noise: hours are centred."""
    level, alarms, windows = 0.02, 0, 0
    for seed in range(1, 5):
        binning, profile, now = world(cycles=cycles, seed=seed)
        for length, step in ((1, 1), (24, 12)):
            for end in range(length, HOURS + 1, step):
                found = measured(binning, profile, now, end, length, alpha=level, tolerance=0.0)
                alarms += found.p_value <= level
                windows += 1
    assert windows > 1400
    assert alarms <= stats.binom.ppf(0.999, windows, level)


def test_pooled_rows_would_take_common_cycles_for_a_correlation():
    binning, profile, now = world(cycles=1.0)
    pair = binning.pairs.index(("feature.x2", "feature.x3"))
    rows = now.products[:, pair].sum(axis=0)
    centred = [rows[k] - rows[a] * rows[b] / rows[0] for k, a, b in ((3, 1, 1), (4, 2, 2), (5, 1, 2))]
    pooled = centred[2] / np.sqrt(centred[0] * centred[1])
    found = measured(binning, profile, now, HOURS, 168)
    shown = {tuple(one["features"]): one["current"] for one in found.details["pairs"]}
    assert pooled > 0.3
    assert abs(shown["x2", "x3"]) < 0.1


def test_a_reference_whose_own_days_differ_widens_the_bounds():
    rng = np.random.default_rng(11)
    hours = np.repeat(np.arange(REFERENCE), ROWS)
    x = rng.normal(size=(len(hours), 2))
    rho = np.repeat(np.clip(0.5 + 0.3 * rng.normal(size=REFERENCE // 24), -0.9, 0.9), 24 * ROWS)
    x[:, 1] = rho * x[:, 0] + np.sqrt(1 - rho**2) * x[:, 1]
    binning = binning_of(columns_of(x))
    restless = profile_of(binning, hours + START, columns_of(x))
    x[:, 1] = 0.5 * x[:, 0] + np.sqrt(0.75) * rng.normal(size=len(hours))
    calm = profile_of(binning, hours + START, columns_of(x))
    now = summarise(binning, hours[: 24 * ROWS] + START + REFERENCE, columns_of(x[: 24 * ROWS]))
    one, other = (measured(binning, profile, now, 24, tolerance=0.0) for profile in (restless, calm))
    assert one.mde > 4 * other.mde


@cache
def weeks(odd, seed=1):
    """Twelve weeks of reference, with another correlation of the first two features in the sixth, and a week of log."""
    rng = np.random.default_rng([seed, 13])
    hours = np.repeat(np.arange(13 * 168), 20)
    rho = np.where(hours // 168 == 5, odd, 0.6)
    x = rng.normal(size=(len(hours), 3))
    x[:, 1] = rho * x[:, 0] + np.sqrt(1 - rho**2) * x[:, 1]
    past = hours < 12 * 168
    binning = binning_of(columns_of(x[past]))
    profile = profile_of(binning, hours[past] + START, columns_of(x[past]))
    return binning, profile, summarise(binning, hours[~past] + START, columns_of(x[~past]))


def in_week(made, length, **given):
    binning, profile, now = made
    counts = window(now, START + 13 * 168 - length, START + 13 * 168)
    settings = {"length_hours": length, "alpha": 1 / 60 if length == 168 else 1 / 360, "tolerance": 0.0, **given}
    return measure_correlations(binning, list(binning.by_name), counts, profile, **settings)


@pytest.mark.parametrize("length", [24, 168])
def test_no_week_of_the_reference_would_alarm_once_it_is_calibrated(length):
    """Every window of every week, judged by a baseline of the other weeks, one by one."""
    made = weeks(0.3)
    factors = {}
    for tolerance in (0.0, 0.25):
        in_week(made, length, tolerance=tolerance)
        keys = [key for key in made[1].memo if key[-3:-1] == (length, tolerance)]
        (known,) = (made[1].memo[key] for key in keys)
        factors[tolerance] = known.factor
    ((fitted,),) = (one for key, one in made[1].memo.items() if key[2] == "fits")
    known = next(one for key, one in made[1].memo.items() if key[-3:-1] == (length, 0.0))
    alpha = (1 / 60 if length == 168 else 1 / 360) / 3
    inside, rows = fitted.reference.inside, fitted.reference.rows
    worst = np.ones(3)
    for week in range(12):
        kept = np.r_[0 : week * 168, (week + 1) * 168 : 12 * 168]
        mean, n = inside[kept].sum(axis=0) / rows[kept].sum(axis=0), rows[kept].sum(axis=0)
        for end in range(week * 168 + length, (week + 1) * 168 + 1, 4 if length == 24 else 24):
            some = slice(end - length, end)
            change = inside[some].sum(axis=0) / rows[some].sum(axis=0) - mean
            variance = fitted.row * (1 / rows[some].sum(axis=0) + known.rate / n) + known.level.excess
            standardised = np.abs(change) / np.sqrt(variance * known.factor)
            worst = np.minimum(worst, 2 * stats.t.sf(standardised, known.level.degrees))
    assert (fitted.baseline.sizes == 1).all()
    assert (worst >= alpha * (1 - 1e-6)).all()
    odd = made[0].pairs.index(("feature.x0", "feature.x1"))
    assert known.factor[odd] > 1.05
    assert worst[odd] == pytest.approx(alpha, rel=1e-3)  # no more than was needed
    assert factors[0.25][odd] < factors[0.0][odd]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_weeks_that_are_alike_need_hardly_any_calibration(seed):
    for length in (24, 168):
        assert in_week(weeks(0.6, seed), length).details.get("calibration", 1.0) < 1.3
        assert "calibration" not in in_week(weeks(0.6, seed), length, tolerance=TOLERANCE).details


def test_the_calibration_is_told_of_the_pair_that_is():
    found = in_week(weeks(0.3), 168)
    factor = {tuple(one["features"]): place for place, one in enumerate(found.details["pairs"])}
    assert ("x0", "x1") in factor
    assert found.p_value > 0.05
    _, profile, now = weeks(0.3)
    changed = replace(now, products=now.products.copy())
    pair = weeks(0.3)[0].pairs.index(("feature.x0", "feature.x1"))
    changed.products[:, pair, 5] = 0
    top = in_week((weeks(0.3)[0], profile, changed), 168)
    assert top.details["pairs"][0]["features"] == ["x0", "x1"]
    assert top.details["calibration"] > 1.1


def test_the_promised_size_is_found_nine_times_in_ten():
    binning, profile, now = world()
    promised = measured(binning, profile, now, 24, alpha=1e-4).mde
    spearman = 6 / np.pi * np.arcsin(0.4) - promised
    _, _, changed = world(rho=round(2 * np.sin(np.pi * spearman / 6), 4))
    found = [measured(binning, profile, changed, end, alpha=1e-4) for end in range(24, HOURS + 1, 24)]
    assert np.mean([one.p_value <= 1e-4 for one in found]) >= 0.9


def test_without_times_rows_are_taken_together_and_more_is_tolerated():
    binning, timed, now = world(rho=0.5)
    profile = ReferenceProfile.of(
        HourlySummaries(
            timed.hours, timed.counts, np.zeros((672, 6, 2)), np.zeros((672, 6, 2)), timed.products, timed.embedded
        ),
        (np.empty(0, int), np.empty((0, 1), int), np.empty((0, 6))),
        timed=False,
    )
    found = measured(binning, profile, now, 24)
    assert found.details["short_reference"]
    assert found.details["tolerance"] == SHORT_TOLERANCE
    assert found.p_value < 1e-5


@pytest.mark.parametrize(("rows", "step"), [(1, 1), (1, 5)])
def test_sparse_rows_are_centred_in_longer_blocks(rows, step):
    """A row an hour, and one every five hours, of features that follow the day together."""
    rng = np.random.default_rng(21)
    hours = np.arange(0, 16 * 168, step).repeat(rows)
    x = rng.normal(size=(len(hours), 3)) + 2 * np.sin(2 * np.pi * hours / 24)[:, None]
    past = hours < 12 * 168
    binning = binning_of(columns_of(x[past]))
    profile = profile_of(binning, hours[past] + START, columns_of(x[past]))
    now = summarise(binning, hours[~past] + START, columns_of(x[~past]))
    alarms, ends = 0, range(12 * 168 + 24, 16 * 168 + 1, 24)
    for end in ends:
        counts = window(now, START + end - 168, START + end)
        names = list(binning.by_name)
        found = measure_correlations(binning, names, counts, profile, length_hours=168, alpha=0.01, tolerance=0.0)
        alarms += found.p_value is not None and found.p_value <= 0.01
    assert "short_reference" not in found.details
    assert alarms <= 2


def test_few_such_windows_are_a_short_reference():
    binning, profile, now = world(rho=0.5)
    found = measured(binning, profile, now, 168, 168)
    assert found.details["short_reference"]
    assert found.effect_lower > SHORT_TOLERANCE


def test_references_of_two_versions_are_mixed():
    binning, profile, now = world()
    _, other, _ = world(seed=2)
    alone = measured(binning, profile, now, 24)
    both = measured(binning, mix([profile, other], [3.0, 1.0]), now, 24)
    pairs = [{tuple(one["features"]): one["reference"] for one in found.details["pairs"]} for found in (alone, both)]
    shared = set(pairs[0]) & set(pairs[1])
    assert len(shared) > 4
    assert all(pairs[1][pair] == pytest.approx(pairs[0][pair], abs=0.02) for pair in shared)
    assert both.p_value == 1.0
    gone = measured(*world(rho=0.5)[:1], mix([profile, other], [3.0, 1.0]), world(rho=0.5)[2], 24)
    assert gone.details["pairs"][0]["features"] == ["x0", "x1"]
    assert gone.p_value < 1e-5


def test_versions_of_a_window_are_one_window():
    binning, profile, _ = world(rho=0.5)
    rng = np.random.default_rng(8)
    hours, x = latent(rng, 24, 0.5, start=REFERENCE)
    first = rng.random(len(hours)) < 0.3
    ends = START + REFERENCE, START + REFERENCE + 24
    parts = [window(summarise(binning, hours[some], columns_of(x[some])), *ends) for some in (first, ~first)]
    whole = window(summarise(binning, hours, columns_of(x)), *ends)
    names = list(binning.by_name)
    assert measure_correlations(binning, names, merge(parts), profile, **DAY) == measure_correlations(
        binning, names, whole, profile, **DAY
    )


def test_only_pairs_of_the_named_features_are_looked_at():
    binning, profile, now = world(rho=0.5)
    names = ["feature.x0", "feature.x2", "feature.x3"]
    assert len(watched(binning, names)) == 3
    assert not is_measured(binning, ["feature.x0"])
    counts = window(now, START + REFERENCE, START + REFERENCE + 24)
    found = measure_correlations(binning, names, counts, profile, **DAY)
    assert found.details["pairs_watched"] == 3
    assert found.p_value > 1e-3


def test_what_cannot_be_told_says_why():
    binning, profile, now = world()
    old = replace(profile, products=np.zeros((0, 0, 6), int), memo={})
    assert measured(binning, old, now, 24).reason == NOT_COUNTED
    assert measured(binning, profile, now, HOURS + 100).reason == TOO_FEW_ROWS


def test_a_column_that_is_stuck_is_left_to_others():
    binning, profile, _ = world()
    hours, x = latent(np.random.default_rng(9), 24, 0.8, start=REFERENCE)
    x[:, 0] = 0.5
    found = measured(binning, profile, summarise(binning, hours, columns_of(x)), 24)
    assert found.reason is None
    assert not any("x0" in one["features"] for one in found.details["pairs"])


def test_the_variance_of_one_row_is_that_of_normal_pairs():
    """Bonett and Wright (2000) against what samples show."""
    rng = np.random.default_rng(12)
    for rho in (0.0, 0.5, 0.8):
        x = rng.normal(size=(2, 3000, 200))
        x[1] = rho * x[0] + np.sqrt(1 - rho**2) * x[1]
        ranks = stats.norm.cdf(x)
        ranks -= ranks.mean(axis=2, keepdims=True)
        r = (ranks[0] * ranks[1]).sum(axis=1) / np.sqrt((ranks[0] ** 2).sum(axis=1) * (ranks[1] ** 2).sum(axis=1))
        assert 0.93 < one_row(np.array([r.mean()]))[0] / (197 * r.var()) < 1.25


def test_a_copy_that_comes_apart():
    rng = np.random.default_rng(13)
    hours = np.repeat(np.arange(REFERENCE), 10)
    x = rng.normal(size=(len(hours), 1)).repeat(2, axis=1)
    binning = binning_of(columns_of(x))
    profile = profile_of(binning, hours + START, columns_of(x))
    later = hours[:240] + START + REFERENCE
    same = measured(binning, profile, summarise(binning, later, columns_of(x[:240])), 24)
    assert same.value == 0.0
    assert same.details["pairs"][0]["reference"] == MOST
    x[:240, 1] += 0.9 * rng.normal(size=240)
    assert measured(binning, profile, summarise(binning, later, columns_of(x[:240])), 24).p_value < 1e-5


def test_two_tables():
    def table(rng, rho):
        x = rng.normal(size=(4000, 3))
        x[:, 1] = rho * x[:, 0] + np.sqrt(1 - rho**2) * x[:, 1]
        return pa.table({f"x{i}": x[:, i] for i in range(3)})

    tables = [table(np.random.default_rng([14, i]), rho) for i, rho in enumerate((0.8, 0.8, 0.5))]
    names = tables[0].column_names
    quiet, moved = (compare_correlations(tables[0], one, names, 0.0033) for one in tables[1:])
    assert quiet.p_value > 0.5
    assert moved.p_value < 1e-9
    assert moved.details["tolerance"] == TOLERANCE
    exact = [stats.spearmanr(one["x0"], one["x1"])[0] for one in (tables[0], tables[2])]
    pair = moved.details["pairs"][0]
    assert [pair["reference"], pair["current"]] == pytest.approx(exact, abs=0.01)
    assert compare_correlations(tables[0], tables[1], ["x0"], 0.01) is None
