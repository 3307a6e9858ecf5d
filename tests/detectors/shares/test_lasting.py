"""Lasting changes of a series of days: steps, spells and slopes are found, and days that wander have none."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.shares.lasting import Lasting, design, lasting_changes

DAYS = np.arange(28)


def wander(rng, memory, size):
    """A first-order autoregression of the given deviation."""
    found = size * rng.normal(size=len(DAYS))
    for day in DAYS[1:]:
        found[day] = memory * found[day - 1] + np.sqrt(1 - memory**2) * found[day]
    return found


def found(by, seed=1, memory=0.0, size=0.0):
    rng = np.random.default_rng(seed)
    series = by + wander(rng, memory, size) + rng.normal(size=len(DAYS))
    return lasting_changes(series, np.ones(len(DAYS)))


@pytest.mark.parametrize(
    ("by", "places"),
    [
        (10 * (DAYS >= 20), [20]),
        (10 * (DAYS >= 27), [27]),  # the last day alone
        (10 * ((DAYS >= 8) & (DAYS < 18)), [8, 18]),  # a spell: either end alone says little
        (10 * ((DAYS >= 8) & (DAYS < 10)), [8, 10]),
        (10 * (DAYS >= 6) + 10 * (DAYS >= 15), [6, 15]),
        (10 * ((DAYS >= 3) & (DAYS < 7)) - 12 * (DAYS >= 15), [3, 7, 15]),
    ],
)
def test_steps_and_spells_are_found_at_their_days(by, places):
    for seed in range(10):
        assert found(by, seed) == [Lasting(place) for place in places]


def test_a_slope_is_one_change():
    for seed in range(10):
        (one,) = found(0.7 * np.maximum(DAYS - 6, 0), seed)
        assert (one.slopes, abs(one.place - 6) <= 3) == (True, True)


@pytest.mark.parametrize("memory", [0.0, 0.7, 0.9])
def test_days_that_wander_do_not_change(memory):
    """Some of a hundred do at the longest memory."""
    assert sum(found(0, seed, memory, (2.0, 8.0, 40.0)[seed % 3]) != [] for seed in range(90)) <= 3


def test_a_step_is_found_in_days_that_wander():
    places = [[one.place for one in found(20 * (DAYS >= 14), seed, 0.7, 2.0)] for seed in range(10)]
    assert places.count([14]) >= 9


def test_one_odd_day_is_no_change():
    assert found(12 * (DAYS == 9)) == []


def test_days_without_rows_say_nothing():
    known = DAYS % 7 < 5
    rng = np.random.default_rng(3)
    series = np.where(known, rng.normal(size=28) + 10 * (DAYS >= 16), 1e6)
    assert lasting_changes(series, np.where(known, 1.0, np.inf)) == [Lasting(16)]
    assert lasting_changes(series, np.where(DAYS < 7, 1.0, np.inf)) == []  # a week is too short to tell


def test_the_shapes_of_changes():
    shapes = design([Lasting(1), Lasting(1, slopes=True)], np.array([0.0, 1.0, 3.0]))
    assert shapes.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 2]]
