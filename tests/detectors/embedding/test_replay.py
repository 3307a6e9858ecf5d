"""Replay of a reference's vectors: what its own weeks would have alarmed widens the test, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from detectors.embedding.mean_embedding import METRIC, measure_embeddings
from detectors.embedding.null import Null
from detectors.shares.baseline import Normal, solve
from detectors.shares.seasons import WEEK, terms
from detectors.summary import summarise, window
from tests.detectors.build import profile_of
from tests.detectors.embedding.test_embeddings import DIMENSION, NAME, START, binning_of, columns_of

WEEKS, LIVE, ROWS = 12, 2, 20
LEVELS = {24: 1 / 360, 168: 1 / 60}  # of one feature with all of a budget of one false alarm a month


@cache
def world(odd=0.0, seed=1, change=0.0):
    """Twelve weeks of reference, the sixth moved by ``odd`` in one direction, and two weeks of log with a ``change``
    in another from their second day on."""
    rng = np.random.default_rng([seed, 9])
    hours = np.repeat(np.arange((WEEKS + LIVE) * WEEK), ROWS)
    x = rng.normal(size=(len(hours), DIMENSION))
    x[hours // WEEK == 5, 0] += odd
    x[hours >= WEEKS * WEEK + 24, 1] += change
    past = hours < WEEKS * WEEK
    binning = binning_of(x[past][:20_000])
    profile = profile_of(binning, hours[past] + START, columns_of(x[past]))
    return binning, profile, summarise(binning, hours[~past] + START, columns_of(x[~past]))


def measured(made, end, length, *, tolerance=0.0):
    binning, profile, now = made
    counts = window(now, START + WEEKS * WEEK + end - length, START + WEEKS * WEEK + end)
    given = {"length_hours": length, "tolerance": tolerance, "alpha": LEVELS[length]}
    return measure_embeddings(binning, [NAME], counts, profile, **given)[0]


def replayed(made, length, factor):
    """The smallest p-value of all windows of the reference that lie in a week, each judged by the other weeks alone:
    one by one, with a baseline fitted to what is left."""
    binning, profile, _ = made
    measured(made, 24 if length == 24 else WEEK, length)
    fitted, known = profile.memo[METRIC, NAME], profile.memo[METRIC, NAME, length]
    inside, rows, hours = fitted.reference.inside, fitted.reference.rows, fitted.reference.hours
    mean = inside.sum(axis=0) / rows.sum()
    dimension = min(known.dimension, 1 / binning.by_name[NAME].concentration)
    assert known.excess > 0
    least = 1.0
    for week in range(WEEKS):
        out = slice(week * WEEK, (week + 1) * WEEK)
        kept = np.delete(np.arange(len(hours)), out)
        others = solve(fitted.cells, Normal.of(terms(hours[kept]), inside[kept], rows[kept]), fitted.baseline.sizes)
        for end in range(out.start + length, out.stop + 1, 4 if length == 24 else 24):
            some = slice(end - length, end)
            n = rows[some].sum()
            design = (rows[some] * terms(hours[some])).sum(axis=0) / n
            expects = others.mean(fitted.cells, design[None])
            leverage = others.leverage(design[None, None])[0, 0] * known.horizon.rate[0]
            square = (1 - mean @ mean) * (1 / n + leverage) + known.excess
            null = Null(expects, square, dimension, known.horizon.level.degrees[0], 84.0, factor)
            least = min(least, null.tail(float(np.linalg.norm(inside[some].sum(axis=0) / n - expects))))
    return least


@pytest.mark.parametrize("length", list(LEVELS))
def test_no_week_of_the_reference_would_alarm_once_it_is_calibrated(length):
    made = world(1.5)
    factor = measured(made, WEEK, length).details["calibration"]
    assert factor > 1.1
    assert replayed(made, length, 1.0) < LEVELS[length]
    assert replayed(made, length, factor) == pytest.approx(LEVELS[length], rel=1e-6)  # no more than was needed


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_weeks_that_are_alike_need_no_calibration(seed):
    for length in LEVELS:
        assert "calibration" not in measured(world(seed=seed), WEEK, length).details


def test_the_factor_is_that_of_a_larger_variance_and_leaves_the_effect_alone():
    made = world(1.5, change=2.0)
    binning, profile, now = made
    found = measured(made, 2 * WEEK, 168)
    plain = replace(profile, memo={})
    key = (METRIC, NAME, 168, 0.0, LEVELS[168])
    measured((binning, plain, now), 2 * WEEK, 168)
    assert plain.memo[key] == found.details["calibration"] > 2
    plain.memo[key] = 1.0
    free = measured((binning, plain, now), 2 * WEEK, 168)
    assert (found.value, found.effect) == (free.value, free.effect)
    reach = [one.upper - one.value for one in (found, free)]
    assert reach[0] / reach[1] == pytest.approx(np.sqrt(found.details["calibration"]))
    assert found.effect_lower < free.effect_lower
    assert found.p_value > free.p_value
    assert "calibration" not in free.details


def test_a_tolerated_week_asks_for_nothing():
    """An odd week of less than the tolerance: the replay, too, tests more than that."""
    made = world(0.5)
    assert measured(made, WEEK, 168).details["calibration"] > 1.5
    assert "calibration" not in measured(made, WEEK, 168, tolerance=0.2).details


def test_an_abrupt_shift_is_found_as_before():
    """Among weeks that are alike; and a large one although a week was odd."""
    for made in (world(change=0.7), world(1.5, change=2.0)):
        found = measured(made, 48, 24, tolerance=0.02)
        assert found.p_value <= found.alpha
        assert found.effect_lower > 0.02


def test_two_weeks_are_not_replayed():
    binning, profile, now = world()
    assert "replayed" not in measured((binning, profile, now), WEEK, 24).details
    first = profile.hours < START + 2 * WEEK
    parts = {name: getattr(profile, name)[first] for name in ("hours", "counts", "products", "embedded")}
    assert measured((binning, replace(profile, **parts, memo={}), now), WEEK, 24).details["replayed"] is False
