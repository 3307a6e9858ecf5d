"""The last hours of a window tell of what began in its middle."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from detectors.measurement import Measurement
from detectors.shares.auto import measure_drift
from detectors.shares.stretches import levels, stretches
from detectors.summary import summarise, window
from tests.detectors.build import binning_of, column, profile_of

WEEK, ROWS, ALPHA = 168, 300, 1e-3
REFERENCE = 4 * WEEK


@pytest.mark.parametrize(
    ("length", "expected"),
    [(1, ()), (2, ()), (3, (2, 1)), (6, (4, 3, 2)), (12, (8, 6, 4)), (24, (12,)), (72, (24,)), (168, (72,))],
)
def test_what_is_looked_at_beside_the_window(length, expected):
    assert stretches(length) == expected
    assert sum(levels(length).values()) == pytest.approx(1)
    assert next(iter(levels(length))) == length


def a_day(hours, values) -> Measurement:
    """The last day of rows in these hours, against those before."""
    early = hours < REFERENCE
    columns = {"feature.x": column(values[early])}
    binning = binning_of(columns)
    profile = profile_of(binning, hours[early], columns)
    day = summarise(binning, hours[~early], {"feature.x": column(values[~early])})
    current = window(day, REFERENCE, REFERENCE + 24)
    (found,) = measure_drift(binning, ["feature.x"], current, profile, length_hours=24, tolerance=0.02, alpha=ALPHA)
    return found


@cache
def of_a_day(since: int, shift: float = 0.2) -> Measurement:
    """A day after four quiet weeks; ``shift`` standard deviations from its hour ``since`` on."""
    rng = np.random.default_rng(5)
    hours = np.repeat(np.arange(REFERENCE + 24), ROWS)
    return a_day(hours, rng.normal(size=len(hours)) + shift * (hours >= REFERENCE + since))


def test_what_began_in_the_middle_is_told_of_the_last_hours():
    found = of_a_day(since=12)
    assert found.details["last_hours"] == 12
    assert found.p_value <= ALPHA
    assert found.effect == pytest.approx(0.08, abs=0.015)  # 2 Phi(0.1) - 1
    assert found.value == pytest.approx(found.effect / 2, abs=0.01)
    assert 0.02 <= found.effect_lower < found.effect < found.effect_upper
    assert found.lower == 0  # of the whole window's distance nothing is certain


def test_what_the_whole_window_tells_is_told_of_the_whole():
    found = of_a_day(since=0)
    assert "last_hours" not in found.details
    assert found.effect_lower >= 0.02
    assert found.effect == pytest.approx(0.08, abs=0.015)


def test_what_ended_in_the_window_is_not_told_of_its_last_hours():
    quiet = of_a_day(since=24)
    assert "last_hours" not in quiet.details
    assert quiet.p_value > 0.05


def test_what_is_said_of_the_last_hours_is_of_them():
    """b was commoner all morning and is rarer since noon: the sentence is about the afternoon."""
    rng = np.random.default_rng(3)
    hours = np.repeat(np.arange(REFERENCE + 24), ROWS)
    names = rng.choice(np.array(["a", "b", "c"]), len(hours), p=[0.4, 0.3, 0.3])
    for since, until, shares in ((0, 12, [0.32, 0.38, 0.3]), (12, 24, [0.51, 0.19, 0.3])):
        some = (hours >= REFERENCE + since) & (hours < REFERENCE + until)
        names[some] = rng.choice(np.array(["a", "b", "c"]), int(some.sum()), p=shares)
    found = a_day(hours, names)
    assert found.details["last_hours"] == 12
    assert (found.details["category"], found.details["direction"]) in (("a", "more"), ("b", "less"))
    assert found.effect == pytest.approx(0.11, abs=0.02)
    assert abs(found.details["share_current"] - found.details["share_reference"]) == pytest.approx(found.effect)
    assert (found.lower, found.upper) == (0.0, 1.0)


def test_a_few_rows_of_a_quiet_night_are_not_critical_for_the_day():
    """All of one row in fifty moved: certain, and less than 15 % of the window's rows."""
    rng = np.random.default_rng(4)
    rows = np.where(np.arange(REFERENCE + 24) % 24 < 12, 980, 20)
    hours = np.repeat(np.arange(REFERENCE + 24), rows)
    found = a_day(hours, rng.normal(size=len(hours)) + 2.0 * (hours >= REFERENCE + 12))
    assert found.details["last_hours"] == 12
    assert found.effect > 0.5
    assert found.effect_lower == 0.15
