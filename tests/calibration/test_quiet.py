"""Data that do not drift must be quiet, and data that do must not."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.profile import ReferenceProfile
from detectors.shares.auto import measure_drift
from detectors.shares.bounds import rows_below_cuts
from detectors.summary import HourlySummaries, summarise, window
from tests.detectors.build import binning_of, column, profile_of

WEEK = 168
REFERENCE_HOURS = 10 * WEEK
PRODUCTION_HOURS = 3 * WEEK
ROWS_AN_HOUR = 30
FEATURES = 8
LEVELS = np.array(["north", "south", "east", "west"])
TOLERANCE = 0.02


def iid(rng: np.random.Generator, hours: NDArray[np.int64]) -> NDArray[np.float64]:
    """The same distribution every hour."""
    return np.zeros((FEATURES, len(hours)))


def seasonal(rng: np.random.Generator, hours: NDArray[np.int64]) -> NDArray[np.float64]:
    """Days have a cycle, and weekends are different."""
    phase = rng.uniform(0, 2 * np.pi, (FEATURES, 1))
    return 0.5 * np.sin(2 * np.pi * hours / 24 + phase) + 0.5 * ((hours // 24) % 7 >= 5)


def wandering(rng: np.random.Generator, hours: NDArray[np.int64]) -> NDArray[np.float64]:
    """Hours are alike: first-order autoregression with a memory of about a day."""
    steps = rng.normal(size=(FEATURES, len(hours)))
    level = np.zeros_like(steps)
    for hour in range(1, len(hours)):
        level[:, hour] = 0.96 * level[:, hour - 1] + np.sqrt(1 - 0.96**2) * 0.3 * steps[:, hour]
    return level


WORLDS = {"iid": iid, "seasonal": seasonal, "wandering": wandering}


@cache
def world(name: str, shift: float = 0.0) -> tuple[Binning, ReferenceProfile, HourlySummaries]:
    """Ten weeks of reference and three of production; ``shift`` moves production by so many standard deviations."""
    rng = np.random.default_rng(20)
    hours = np.arange(REFERENCE_HOURS + PRODUCTION_HOURS)
    level = WORLDS[name](rng, hours) + shift * (hours >= REFERENCE_HOURS)
    rows = np.repeat(hours, ROWS_AN_HOUR)
    numbers = np.repeat(level, ROWS_AN_HOUR, axis=1) + rng.normal(size=(FEATURES, len(rows)))
    early = rows < REFERENCE_HOURS

    def columns(chosen: NDArray[np.bool_]):
        found = {f"feature.x{i}": column(numbers[i, chosen]) for i in range(FEATURES - 2)}
        for i in (FEATURES - 2, FEATURES - 1):
            places = np.clip(np.floor(numbers[i, chosen] + 2), 0, 3).astype(int)
            found[f"feature.c{i}"] = column(LEVELS[places])
        return found

    binning = binning_of(columns(early))
    profile = profile_of(binning, rows[early], columns(early))
    return binning, profile, summarise(binning, rows[~early], columns(~early))


def windows(summaries: HourlySummaries, length: int, step: int):
    """Every window of production."""
    ends = range(REFERENCE_HOURS + length, REFERENCE_HOURS + PRODUCTION_HOURS + 1, step)
    return [window(summaries, end - length, end) for end in ends]


@cache
def measured(name: str, length: int, step: int, alpha: float, shift: float = 0.0):
    binning, profile, summaries = world(name, shift)
    names = list(binning.by_name)
    settings = {"length_hours": length, "tolerance": TOLERANCE, "alpha": alpha}
    return [
        one
        for current in windows(summaries, length, step)
        for one in measure_drift(binning, names, current, profile, **settings)
    ]


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize(("length", "step"), [(24, 4), (WEEK, 24)])
def test_no_drift_raises_at_most_the_expected_number(name, length, step):
    alpha = 0.01
    found = measured(name, length, step, alpha)
    assert all(one.details["reference_windows"] >= 8 for one in found)
    assert sum(one.p_value <= alpha for one in found) <= alpha * len(found)


@pytest.mark.parametrize("name", WORLDS)
def test_no_drift_is_silent_at_the_ledgers_level(name):
    assert min(one.p_value for one in measured(name, 24, 4, 0.01)) > 1.4e-4


@pytest.mark.parametrize(("name", "often"), [("iid", False), ("seasonal", True), ("wandering", True)])
def test_the_rule_of_rows_alone_cries_wolf(name, often):
    """Where hours depend on each other, rows counted as independent alarm far more often than they should."""
    alpha = 0.01
    found = [one for one in measured(name, 24, 4, alpha) if one.metric == "ks"]
    distance, n, m = (
        np.array([getattr(one, part) for one in found], dtype=float) for part in ("value", "n_current", "n_reference")
    )
    alone = rows_below_cuts(distance, n, m, np.full(len(found), TOLERANCE), alpha)
    share = np.mean(alone.p_value <= alpha)
    assert (share > 0.1) if often else (share <= alpha)


@pytest.mark.parametrize("name", ["iid", "seasonal"])
def test_a_real_shift_is_found(name):
    found = measured(name, WEEK, 24, 8e-4, shift=1.0)
    assert np.mean([one.p_value <= 8e-4 for one in found]) > 0.95
    assert all(one.effect > 0.2 for one in found)


def test_a_shift_of_the_stated_size_is_found_nine_times_in_ten():
    """``mde`` is a promise: at an effect of that size, at least 90 % of windows alarm."""
    quiet = [one for one in measured("iid", 24, 24, 1e-3) if one.metric == "ks"]
    promised = float(np.mean([one.mde for one in quiet]))
    shift = 2.507 * promised  # a normal shifted by d moves about d / 2.507 of its rows across the middle
    found = [one for one in measured("iid", 24, 24, 1e-3, shift=round(shift, 3)) if one.metric == "ks"]
    assert np.mean([one.p_value <= 1e-3 for one in found]) >= 0.9


def test_windows_longer_than_a_week_are_measured():
    """No week can be left out for them; their variance is what shorter ones and the memory foretell."""
    found = measured("seasonal", 2 * WEEK, WEEK, 1e-3)
    assert found
    assert all(one.p_value is not None and one.p_value > 1e-3 for one in found)


def test_a_number_says_what_its_reference_taught():
    """Its season, how far replay widened it, whether a step told it; and its limits are no point."""
    said = {}
    for name, shift in (("iid", 0.0), ("seasonal", 0.0), ("wandering", 0.4)):
        binning, profile, summaries = world(name, shift)
        said[name] = [
            one
            for current in windows(summaries, 24, 12)[:14]
            for one in measure_drift(
                binning, list(binning.by_name), current, profile, length_hours=24, tolerance=0.0, alpha=0.01
            )
        ]
        assert all(one.effect_lower <= one.effect < one.effect_upper for one in said[name])
    assert all("season" not in one.details for one in said["iid"])
    assert all(one.details["season"] == "day and week" for one in said["seasonal"])
    widened = [one.details["calibration"] for one in said["iid"] if "calibration" in one.details]
    assert widened
    assert min(widened) > 1
    sudden = [one.details.get("sudden", False) for one in said["wandering"]]
    assert any(sudden)
    assert not all(sudden)
