"""Labels that come as they did, and labels that come later."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.performance.label_delay import measure_delay, residuals, unrest_of
from detectors.performance.maturity import Arrivals

MEAN = 30.0  # hours
DELAYS = np.arange(400)
KNOWN = 0.95 * (1 - np.exp(-(DELAYS + 1) / MEAN))


def curve() -> Arrivals:
    none = np.empty((0, len(KNOWN)))
    return Arrivals(KNOWN, none, none, np.empty(0), np.empty(0, bool))


def window(seed, hours=24, rows=40, youngest=12, mean=MEAN, batch=1):
    """Cohorts and labels of a window; ``batch``: so many labels come together."""
    random = np.random.default_rng(seed)
    ages = youngest + np.arange(hours)
    wait = np.repeat(random.exponential(mean, (hours, rows // batch)).astype(int), batch, axis=1)
    comes = np.repeat(random.random((hours, rows // batch)) < 0.95, batch, axis=1) & (wait <= ages[:, None])
    hour, place = np.nonzero(comes)
    return (ages, np.full(hours, rows)), (ages[hour], wait[hour, place], np.ones(len(hour), int))


def test_labels_that_come_as_they_did_are_found_slow_one_time_in_forty():
    found = [measure_delay(curve(), *window(seed), 1.0) for seed in range(400)]
    p = np.array([one.p_value for one in found])
    assert 0.02 <= np.mean(p <= 0.05) <= 0.08
    assert np.mean([one.details["pace"] == "slower" for one in found]) <= 0.05
    assert np.mean([one.lower <= 1 <= one.upper for one in found]) == pytest.approx(np.mean(p > 0.05), abs=0.01)
    assert np.mean([one.value for one in found]) == pytest.approx(1, abs=0.01)


def test_labels_that_take_half_as_long_again_are_found_slow():
    found = [measure_delay(curve(), *window(seed, mean=1.5 * MEAN), 1.0) for seed in range(30)]
    assert all(one.details["pace"] == "slower" for one in found)
    assert np.mean([one.value for one in found]) == pytest.approx(1 / 1.5, abs=0.05)  # hazards are as rates


def test_batches_are_worth_fewer_labels():
    mature = window(1, hours=240, rows=40, youngest=200, batch=8)
    unrest = unrest_of(KNOWN, *mature)
    assert unrest == pytest.approx(8, rel=0.35)
    p = np.array([measure_delay(curve(), *window(seed, batch=8), unrest).p_value for seed in range(200)])
    assert np.mean(p <= 0.05) <= 0.09
    assert unrest_of(KNOWN, *window(2, hours=240, youngest=200)) < 1.6


def test_the_test_is_the_sum_over_hazards():
    """By hand: ten predictions two hours old, of which one label came at once and two after an hour."""
    known = np.array([0.2, 0.5, 0.6])
    cohorts, labels = (np.array([1]), np.array([10])), (np.array([1, 1]), np.array([0, 1]), np.array([1, 2]))
    came, expected, variance = residuals(known, cohorts, labels)
    hazard = np.array([0.2, 0.3 / 0.8])
    assert came[0] == 3
    assert expected[0] == pytest.approx(10 * hazard[0] + 9 * hazard[1])
    assert variance[0] == pytest.approx(10 * 0.2 * 0.8 + 9 * hazard[1] * (1 - hazard[1]))


def test_few_labels_say_nothing():
    assert measure_delay(curve(), *window(1, hours=2, rows=10), 1.0) is None
