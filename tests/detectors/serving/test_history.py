"""The smallest ratio to the weeks before that would have been seen."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.serving.history import ratio_to_weeks


@pytest.mark.parametrize(("weeks", "spread", "noise"), [(4, 0.1, 0.0), (2, 0.05, 0.0), (4, 0.0, 0.03), (3, 0.2, 0.01)])
def test_a_rise_of_the_smallest_size_is_seen_nine_times_in_ten(weeks, spread, noise):
    random, seen = np.random.default_rng(3), []
    for _ in range(4000):
        history = 1000 * np.exp(spread * random.standard_normal(weeks))
        chance = np.exp(spread * random.standard_normal() + noise * random.standard_normal())
        size = ratio_to_weeks(1000.0, history, noise).mde
        risen, fallen = (ratio_to_weeks(1000 * times * chance, history, noise) for times in (size, 1 / size))
        seen.append((risen.lower > 1, fallen.upper < 1))
    assert np.mean(seen, axis=0) == pytest.approx(0.9, abs=0.025)


def test_a_missed_week_is_not_what_is_usual():
    # one night missed, and a week later as many as ever: 34 % more than a mean with nothing in it
    missed = ratio_to_weeks(1497.0, np.array([1488.0, 1483.0, 0.0, 1510.0]), 0.03)
    assert missed == ratio_to_weeks(1497.0, np.array([1488.0, 1483.0, 1510.0]), 0.03)
    assert missed.effect == pytest.approx(1497 * 3 / (1488 + 1483 + 1510))
    assert missed.lower < 1 < missed.upper
    assert ratio_to_weeks(1500.0, np.array([1500.0, 0.0]), 0.03) is None  # twice as many as usual, it said


@pytest.mark.parametrize(("history", "told"), [([9, 9, 9, 0], True), ([9, 9, 0, 0], False), ([9, 0], False)])
def test_nothing_at_all_is_told_where_most_weeks_had_some(history, told):
    assert (ratio_to_weeks(0.0, np.array(history, float), 0.03) is not None) == told


def test_nothing_is_known_of_it_where_nothing_came():
    assert ratio_to_weeks(0.0, np.array([5.0, 6.0]), 0.1).mde is None
