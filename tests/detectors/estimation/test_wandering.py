"""What scores mean may wander between a reference's own windows: that is usual, also with few rows in each decile."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.estimation.concept import Otherwise, measure_concept
from detectors.estimation.judging import Judging
from detectors.estimation.wandering import wandering_of
from detectors.performance.weighting import ALL_KNOWN
from tests.detectors.estimation.test_measure import SHARED, Rows, chance_of, world_of

DAYS = 30
BEFORE = 180  # rows of a day of the reference, 18 of a decile: hardly ever the 30 that tell of a decile alone
NOW = 360
EXPECTED = np.linspace(0.2, 0.8, 10)


def day(rng, level, rows=NOW):
    """Rows whose log odds are off by ``level`` where scores are above 0.3, by as much the other way below."""
    score = chance_of(rng.normal(0, 1, rows))
    odds = np.log(score / (1 - score)) + level * np.sign(score - 0.3)
    truth = rng.random(rows) < 1 / (1 + np.exp(-odds))
    return Rows(truth.astype(int).astype(str), (score > 0.4).astype(int).astype(str), score)


def world_with(days):
    parts = (np.concatenate([getattr(one, name) for one in days]) for name in ("truth", "said", "score"))
    return world_of("binary", Rows(*parts))


def days_of(seed, deviation, memory=0.0):
    """A world, and days of its reference's levels and as many that follow: a first-order autoregression."""
    rng = np.random.default_rng(seed)
    levels = [rng.normal(0, deviation)]
    for _ in range(2 * DAYS - 1):
        levels.append(memory * levels[-1] + np.sqrt(1 - memory**2) * rng.normal(0, deviation))
    before = [day(rng, level, BEFORE) for level in levels[:DAYS]]
    return world_with(before), [day(rng, level) for level in levels]


def measured(world, rows, alpha):
    windows = world.reference.label_windows(24, 0)
    judging = Judging(alpha, 0.02, len(windows))
    given = world.binning, world.labels(rows), world.reference, windows, ALL_KNOWN, SHARED
    return next(one for one in measure_concept(*given, Otherwise(judging)) if one.metric == "calibration_gap")


def sure(world, days, alpha):
    return sum(measured(world, one, alpha).effect_lower > 0.02 for one in days)


def gaps(rng, deviation, windows=400, rows=25):
    """Gaps [K, 10] of deciles whose log odds wander."""
    odds = np.log(EXPECTED / (1 - EXPECTED)) + rng.normal(0, 1, (windows, 10)) * deviation
    return rng.binomial(rows, 1 / (1 + np.exp(-odds))) / rows - EXPECTED, np.full((windows, 10), float(rows))


def wandering(gap, rows):
    return wandering_of(gap, np.broadcast_to(EXPECTED, gap.shape), rows)


def test_chance_is_not_taken_for_wandering():
    rng = np.random.default_rng(1)
    assert wandering(*gaps(rng, 0.0)).variance.mean() < 0.02
    found = wandering(*gaps(rng, 0.5))
    assert found.variance.mean() == pytest.approx(0.25, rel=0.2)  # of the log odds, to first order
    assert found.degrees == pytest.approx(np.full(10, 2 * 399))


def test_a_decile_has_its_own_where_that_is_larger_and_never_less_than_all_have():
    rng = np.random.default_rng(2)
    alone = np.where(np.arange(10) == 4, 1.0, 0.2)
    found = wandering(*gaps(rng, alone))
    assert np.argmax(found.variance) == 4
    assert found.variance[4] > 3 * found.variance.min()
    assert found.variance.min() == pytest.approx(np.median(found.variance))  # what all have together


def test_a_decile_that_is_seldom_there_borrows_from_the_others():
    rng = np.random.default_rng(3)
    gap, rows = gaps(rng, 0.5, windows=20)
    rows[5:, 3] = 0  # in five windows only
    found = wandering(gap, rows)
    assert found.variance[3] == found.variance.min() > 0.05
    assert found.degrees[3] == (5 - 1) + (20 - 1)


def test_nothing_is_known_of_few_windows_or_none():
    gap, rows = gaps(np.random.default_rng(4), 0.5, windows=7)
    assert not wandering(gap, rows).enough
    none = wandering(gap[:0], rows[:0])
    assert not none.enough
    assert not none.variance.any()


def test_days_as_the_references_own_are_no_concept_drift():
    world, days = days_of(5, deviation=0.9, memory=0.3)
    assert sure(world, days[:DAYS], 0.01) == 0
    assert sure(world, days[DAYS:], 0.01) <= 1


def test_a_changed_concept_is_seen_where_nothing_wanders():
    world, days = days_of(6, deviation=0.0)
    assert sure(world, days, 0.01) == 0
    rng = np.random.default_rng(7)
    assert sure(world, [day(rng, -4.0) for _ in range(20)], 0.01) >= 18


def test_no_limit_of_a_gap_is_beyond_1():
    world, days = days_of(8, deviation=3.0)
    each = [measured(world, one, 1e-6) for one in days[:6]]
    limits = np.array([[one.effect_lower, one.effect_upper, one.lower, one.upper, one.mde] for one in each])
    assert np.abs(limits).max() == 1.0
