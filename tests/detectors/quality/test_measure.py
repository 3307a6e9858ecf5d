"""Rises of bad shares."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.measurement import TOO_FEW_ROWS
from detectors.quality.measure import TOLERANCES, measure_quality
from detectors.summary import MISMATCH, NAN
from tests.detectors.build import binning_of, column, profile_of, window_of

ROWS = 4800


def case(timed=True, missing=0.0, rows=ROWS):
    rng = np.random.default_rng(1)
    numbers = rng.normal(size=rows)
    numbers[rng.random(rows) < missing] = np.nan
    columns = {"feature.x": column(numbers), "feature.c": column(rng.choice(list("abc"), rows))}
    binning = binning_of(columns)
    return binning, profile_of(binning, np.arange(rows) % 240, columns, timed=timed)


def measure(binning, profile, columns, *, alpha=1e-3, duplicates=(0, 500), rejected=(0, 500), **more):
    found = measure_quality(
        binning,
        window_of(binning, columns, start=216),
        profile,
        length_hours=24,
        alpha=alpha,
        duplicates=duplicates,
        rejected=rejected,
        **more,
    )
    return {(one.metric, one.feature): one for one in found}


def good(n=500, seed=2):
    rng = np.random.default_rng(seed)
    return {"feature.x": column(np.clip(rng.normal(size=n), -2, 2)), "feature.c": column(rng.choice(list("abc"), n))}


def test_good_data_have_no_rises():
    found = measure(*case(), good())
    assert set(found) == {
        ("missing_share", "x"),
        ("missing_share", "c"),
        ("type_mismatch_share", "x"),
        ("type_mismatch_share", "c"),
        ("unseen_category_share", "c"),
        ("out_of_range_share", "x"),
        ("duplicate_share", None),
        ("rejected_share", None),
    }
    for one in found.values():
        assert one.value == 0
        assert one.p_value == 1
        assert one.effect_lower <= 0
        assert one.reason is None


def test_each_fault_is_found_by_its_own_metric():
    values = np.clip(np.random.default_rng(3).normal(size=500), -2, 2)
    values[:60] = np.nan
    values[60:110] = [np.inf, 1e9] * 25
    odd = dict.fromkeys(range(20), MISMATCH) | dict.fromkeys(range(20, 30), NAN)
    text = np.array(["a"] * 470 + ["new"] * 30)
    columns = {"feature.x": column(values, odd), "feature.c": column(text)}
    found = measure(*case(), columns, duplicates=(20, 520), rejected=(10, 510))
    expected = {
        ("missing_share", "x"): 40 / 500,
        ("type_mismatch_share", "x"): 20 / 500,
        ("unseen_category_share", "c"): 30 / 500,
        ("out_of_range_share", "x"): 50 / 500,
        ("duplicate_share", None): 20 / 520,
        ("rejected_share", None): 10 / 510,
    }
    for key, share in expected.items():
        one = found[key]
        assert one.value == pytest.approx(share)
        assert one.effect == pytest.approx(share)
        assert one.lower < one.value < one.upper
        assert one.effect_lower > TOLERANCES[key[0]]
        assert one.p_value < 1e-3
    assert found["missing_share", "x"].details["nan"] == 10
    assert found["missing_share", "x"].details["null"] == 30
    assert found["out_of_range_share", "x"].details["pos_inf"] == 25
    assert found["out_of_range_share", "x"].details["above_max"] == 25
    assert found["missing_share", "c"].value == 0


def test_a_reference_whose_windows_differ_is_forgiven_more():
    rng = np.random.default_rng(5)
    hours = np.repeat(np.arange(240), 20)
    values = rng.normal(size=len(hours))
    uneven = values.copy()
    uneven[(hours // 24 % 2 == 0) & (rng.random(len(hours)) < 0.2)] = np.nan
    even = values.copy()
    even[rng.random(len(hours)) < 0.1] = np.nan
    now = rng.normal(size=480)
    now[:96] = np.nan
    found = []
    for numbers in (uneven, even):
        columns = {"feature.x": column(numbers)}
        binning = binning_of(columns)
        profile = profile_of(binning, hours, columns)
        found.append(measure(binning, profile, {"feature.x": column(now)}, alpha=1e-2)["missing_share", "x"])
    assert found[0].p_value > 0.05
    assert found[1].p_value < 1e-2
    assert found[0].effect_lower < found[1].effect_lower


def test_tolerances_can_be_set_and_short_references_are_marked():
    binning, profile = case(timed=False, missing=0.02)
    values = np.clip(np.random.default_rng(6).normal(size=2000), -2, 2)
    values[:240] = np.nan
    columns = {"feature.x": column(values), "feature.c": column(["a"] * 2000)}
    strict = measure(binning, profile, columns)["missing_share", "x"]
    lax = measure(binning, profile, columns, tolerances={"missing_share": 0.2})["missing_share", "x"]
    assert strict.p_value < 1e-6 < lax.p_value
    assert strict.effect == lax.effect == pytest.approx(0.12 - strict.details["reference_share"])
    assert strict.details["short_reference"] is True


def test_identifiers_do_not_alarm_for_being_new():
    rng = np.random.default_rng(8)
    identifiers = {"feature.c": column(rng.integers(0, 3000, 5000).astype(str))}
    binning = binning_of(identifiers)
    profile = profile_of(binning, np.arange(5000) % 240, identifiers)
    now = {"feature.c": column(rng.integers(0, 3000, 500).astype(str))}
    one = measure(binning, profile, now)["unseen_category_share", "c"]
    assert one.value > 0.1
    assert one.p_value > 0.05


def users(rng, n, new=0.0):
    """Visits of 20,000 users, a few of whom come often (Zipf); ``new``: the share of five that nobody knows."""
    odds = 1 / np.arange(1, 20_001) ** 1.05
    drawn = rng.choice(20_000, n, p=odds / odds.sum())
    drawn[rng.random(n) < new] = 20_000 + rng.integers(0, 5)
    return {"feature.c": column(drawn.astype(str))}


def of_users(seed=11):
    known = users(np.random.default_rng(seed), 40_000)
    binning = binning_of(known)
    return binning, profile_of(binning, np.arange(40_000) // 60, known)


def test_of_users_as_many_are_new_as_the_reference_saw_once():
    binning, profile = of_users()
    rng = np.random.default_rng(12)
    found = [measure(binning, profile, users(rng, 1440))["unseen_category_share", "c"] for _ in range(40)]
    expected = found[0].details["expected_share"]
    assert np.mean([one.value for one in found]) == pytest.approx(expected, rel=0.05)
    assert 0 < expected < len(binning.by_name["feature.c"].rare) / 40_000 / 1.4  # not all rare ones were seen once
    for one in found:
        assert one.effect == pytest.approx(one.value - expected)
        assert one.effect_lower < one.effect < one.effect_upper
        assert one.effect_lower < 0.001
        assert one.details["reference_share"] == 0


def test_new_users_beyond_those_are_told_from_an_eighth_of_the_rows_on():
    binning, profile = of_users()
    rng = np.random.default_rng(13)
    for _ in range(10):
        one = measure(binning, profile, users(rng, 1440, new=0.12))["unseen_category_share", "c"]
        assert one.effect_lower > 0.001
        assert one.effect_lower < one.effect < one.effect_upper


def test_of_a_segment_every_rare_user_may_have_been_seen_once():
    binning, profile = of_users()
    now = users(np.random.default_rng(14), 1440)
    whole, part = (measure(binning, profile, now, whole=one)["unseen_category_share", "c"] for one in (True, False))
    assert part.details["expected_share"] == pytest.approx(len(binning.by_name["feature.c"].rare) / 40_000)
    assert part.details["expected_share"] > 1.4 * whole.details["expected_share"]


def test_new_users_wander_as_the_rare_ones_of_the_reference_do():
    rng = np.random.default_rng(15)
    days = np.repeat(np.arange(28), 1440)
    rows = users(rng, len(days))["feature.c"].values.to_numpy(zero_copy_only=False).copy()
    rare = np.where(rng.random(len(days)) < 0.2 * (days % 2), rng.integers(3_000, 20_000, len(days)).astype(str), rows)
    lower = []
    for values in (rows, rare):
        columns = {"feature.c": column(values)}
        binning = binning_of(columns)
        profile = profile_of(binning, days * 24, columns)
        one = measure(binning, profile, users(rng, 1440, new=0.12))["unseen_category_share", "c"]
        lower.append(one.effect - one.effect_lower)
    assert lower[0] < 0.05  # chance alone
    assert lower[1] > 0.15  # what rare rows wander by, new ones may


def test_few_rows_have_a_reason_and_a_value():
    found = measure(*case(), good(20))
    assert found["missing_share", "x"].reason == TOO_FEW_ROWS
    assert found["missing_share", "x"].value == 0
    none = measure(*case(), good(), duplicates=(0, 0))["duplicate_share", None]
    assert none.value is None
    assert none.reason == TOO_FEW_ROWS
