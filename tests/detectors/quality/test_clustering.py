"""Extremes come together: a hot day is one event, not forty-eight."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.quality.measure import measure_quality
from detectors.rise import design_effect
from tests.detectors.build import binning_of, column, profile_of, window_of

DAYS, ROWS = 60, 48
ALPHA = 1e-3


def weather(days, seed):
    """A number that wanders from day to day and hardly within one."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.normal(0, 3, days), ROWS) + rng.normal(0, 0.5, days * ROWS)


def judged(values):
    """The out-of-range reading of each day of ``values``, against two months of weather."""
    then = {"feature.t": column(weather(DAYS, 1))}
    binning = binning_of(then)
    profile = profile_of(binning, np.repeat(np.arange(DAYS * 24), ROWS // 24), then)
    for day in values.reshape(-1, ROWS):
        window = window_of(binning, {"feature.t": column(day)}, start=DAYS * 24)
        found = measure_quality(
            binning, window, profile, length_hours=24, alpha=ALPHA, duplicates=(0, ROWS), rejected=(0, ROWS)
        )
        (one,) = [one for one in found if one.metric == "out_of_range_share"]
        yield one


def test_new_days_of_the_same_weather_are_quiet():
    found = list(judged(weather(300, 2)))
    assert sum(one.value > 0.2 for one in found) >= 3  # there are days wholly beyond all that was seen
    assert sum(one.p_value <= ALPHA for one in found) <= 1


@pytest.mark.parametrize("factor", [1000, -100])
def test_another_unit_is_loud(factor):
    (one,) = judged(np.abs(weather(1, 3)) * factor + factor * 5)
    assert one.value == 1.0
    assert one.p_value <= ALPHA
    assert one.effect_lower > 0.001


def test_the_design_effect_is_that_of_clusters():
    rng = np.random.default_rng(5)
    rows = np.full((4000, 1), 100.0)
    alone = design_effect(rng.binomial(100, 0.1, (4000, 1)).astype(float), rows)
    pairs = design_effect(2.0 * rng.binomial(50, 0.1, (4000, 1)), rows)
    assert alone[0] == pytest.approx(1, abs=0.1)
    assert pairs[0] == pytest.approx(2, rel=0.1)
    assert design_effect(np.full((5, 1), 3.0), np.full((5, 1), 100.0))[0] == 1  # too few windows to tell
    assert design_effect(np.zeros((20, 1)), np.full((20, 1), 100.0))[0] == 1
