"""The last time that a column changed: at its move, or at its return; rhythms and restless days are no change."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.shares.last_change import last_change
from detectors.summary import summarise, window
from tests.detectors.build import binning_of, column, profile_of

DAYS, WEEKS, PER_HOUR = 12, 4, 60
HOURS, BEFORE = 24 * DAYS, 24 * 7 * WEEKS


def changed(moved, *, wander=0.0, swing=0.0, timed=True, seed=3):
    """The hour found, from the stretch's start on, and the columns that have one; ``moved`` by column adds to the
    hours [H] of the stretch. All wander by the day and follow it."""
    rng = np.random.default_rng(seed)
    hours = np.repeat(np.arange(BEFORE + HOURS), PER_HOUR)
    columns = {}
    for name, by in moved.items():
        days = rng.normal(scale=wander, size=(BEFORE + HOURS) // 24)
        level = np.repeat(days, 24) + swing * np.sin(2 * np.pi * np.arange(BEFORE + HOURS) / 24)
        level[BEFORE:] += by
        columns[f"feature.{name}"] = level[hours] + rng.normal(size=len(hours))
    then = hours < BEFORE
    reference = {name: column(values[then]) for name, values in columns.items()}
    binning = binning_of(reference)
    profile = profile_of(binning, hours[then], reference, timed=timed)
    now = {name: column(values[~then]) for name, values in columns.items()}
    counts = window(summarise(binning, hours[~then], now), BEFORE, BEFORE + HOURS)
    found = last_change(binning, list(columns), counts, profile, length_hours=HOURS)
    return None if found.hour is None else found.hour - BEFORE, {name.removeprefix("feature.") for name in found.names}


def hours_of(*spans, by=1.0):
    found = np.zeros(HOURS)
    for start, end in spans:
        found[start:end] = by
    return found


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize(
    ("spans", "last"),
    [
        ([(125, HOURS)], 125),
        ([(60, 96)], 96),  # back: its return is a change, too
        ([(60, 72)], 72),  # of half a day
        ([(50, 90), (180, HOURS)], 180),
        ([(HOURS - 30, HOURS - 7)], HOURS - 7),  # within the last two days
        ([(HOURS - 5, HOURS)], HOURS - 5),
    ],
)
def test_the_last_change_of_a_column(spans, last, timed):
    hour, names = changed({"x": hours_of(*spans)}, timed=timed)
    assert (abs(hour - last) <= 1, names) == (True, {"x"})


def test_the_latest_of_several_columns():
    hour, names = changed({"back": hours_of((48, 84)), "moved": hours_of((144, HOURS)), "quiet": hours_of()})
    assert (abs(hour - 144) <= 1, names) == (True, {"back", "moved"})
    hour, names = changed({"moved": hours_of((48, HOURS)), "back": hours_of((144, 168))})
    assert (abs(hour - 168) <= 1, names) == (True, {"back", "moved"})


@pytest.mark.parametrize("timed", [True, False])
def test_a_rhythm_that_came_new_is_one_change(timed):
    """Its nights are no changes of their own."""
    new = np.where(np.arange(HOURS) >= 100, 1.5 * (np.arange(HOURS) % 24 < 12), 0.0)
    hour, _ = changed({"x": new}, timed=timed)
    assert abs(hour - 100) <= 12


def test_restless_days_are_no_change():
    found = [changed({"x": hours_of()}, wander=0.25, swing=0.5, seed=seed) for seed in range(8)]
    assert found == [(None, set())] * 8


def test_less_than_is_tolerated_is_no_change():
    assert changed({"x": hours_of((100, HOURS), by=0.04)}) == (None, set())
