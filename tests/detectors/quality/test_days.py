"""How much windows of a week differ, as the days of a reference tell that has too few weeks for it."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.quality.measure import measure_quality
from detectors.rise import spread_of_days
from tests.detectors.build import binning_of, column, profile_of, window_of

DAYS, PER_DAY, BASE = 35, 120, 0.08


def wandering(rng: np.random.Generator, memory: float, days: int) -> np.ndarray:
    """Levels of days with standard deviation 1, first-order autoregressive."""
    levels = np.empty(days)
    levels[0] = rng.standard_normal()
    for day in range(1, days):
        levels[day] = memory * levels[day - 1] + np.sqrt(1 - memory**2) * rng.standard_normal()
    return levels


def told(seed: int, memory: float, deviation: float, more: float) -> bool:
    """Whether the 7 days after a reference of 28 alarm."""
    rng = np.random.default_rng(seed)
    share = np.clip(BASE + deviation * wandering(rng, memory, DAYS), 0.002, 1)
    share[28:] += more
    values = rng.normal(size=DAYS * PER_DAY)
    values[rng.random(len(values)) < np.repeat(share, PER_DAY)] = np.nan
    hours = np.arange(len(values)) * 24 // PER_DAY
    then, now = {"feature.x": column(values[hours < 672])}, {"feature.x": column(values[hours >= 672])}
    binning = binning_of(then)
    window = window_of(binning, now, start=672, length=168)
    nothing = {"duplicates": (0, 500), "rejected": (0, 500)}
    profile = profile_of(binning, hours[hours < 672], then)
    found = measure_quality(binning, window, profile, length_hours=168, alpha=1e-3, **nothing)
    one = next(one for one in found if one.metric == "missing_share")
    assert one.details["short_reference"] is True
    return one.effect_lower is not None and one.effect_lower >= 0.01


@pytest.mark.parametrize(("memory", "deviation"), [(0.0, 0.0), (0.7, 0.03), (0.9, 0.03)])
def test_days_that_wander_are_no_rise(memory: float, deviation: float) -> None:
    assert sum(told(seed, memory, deviation, 0.0) for seed in range(150)) <= 1


def test_where_they_do_not_a_rise_is_told() -> None:
    assert sum(told(seed, 0.0, 0.0, 0.10) for seed in range(50)) >= 48


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_the_standard_error_is_that_of_a_mean_of_days(memory: float) -> None:
    """Of the seven days that come, less the mean of 56, as simulated."""
    rng = np.random.default_rng(4)
    streams = np.stack([0.5 + 0.1 * wandering(rng, memory, 63) for _ in range(4000)], axis=1)
    true = (streams[56:].mean(axis=0) - streams[:56].mean(axis=0)).std()
    error, degrees = spread_of_days(1e6 * streams[:56], np.full((56, 4000), 1e6), 7)
    assert 0.9 * true < np.median(error) < 1.35 * true
    assert np.median(degrees) == pytest.approx(56 * (1 - memory) / (1 + memory) - 1, rel=0.35)
