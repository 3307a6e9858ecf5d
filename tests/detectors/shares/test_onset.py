"""Since when rows are as they are: found to the hour, through the day's rhythm, and without times."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.shares.onset import onset
from detectors.summary import summarise, window
from tests.detectors.build import binning_of, column, profile_of

LENGTH, CHANGE = 24 * 7, 24 * 3 + 5


def drawn(rng, hours, swing, moved=0.0):
    """A number whose level follows the day by ``swing``, and a category."""
    level = swing * np.sin(2 * np.pi * hours / 24) + moved
    kinds = np.where(rng.random(len(hours)) < 0.3 * (moved != 0), "b", "a")
    return {"feature.x": column(level + rng.normal(size=len(hours))), "feature.c": column(kinds)}


def stretch(moved, swing=0.0, timed=True, per_hour=12, only=None):
    """The hour found in a week that changes at ``CHANGE``, from the week's start on."""
    rng = np.random.default_rng(7)
    then = np.repeat(np.arange(24 * 21), per_hour)
    columns = drawn(rng, then, swing)
    binning = binning_of(columns)
    profile = profile_of(binning, then, columns, timed=timed)
    start = 24 * 30
    now = start + np.repeat(np.arange(LENGTH), per_hour)
    some = drawn(rng, now, swing)
    others = drawn(rng, now, swing, moved)
    late = now >= start + CHANGE
    mixed = {
        name: column(np.where(late, others[name].values.to_numpy(False), some[name].values.to_numpy(False)))
        for name in some
    }
    counts = window(summarise(binning, now, mixed), start, start + LENGTH)
    names = list(columns) if only is None else only
    found = onset(binning, names, counts, profile, length_hours=LENGTH)
    return None if found is None else found - start


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("only", [None, ["feature.x"], ["feature.c"]])
def test_the_hour_of_a_change(timed, only):
    assert abs(stretch(1.0, timed=timed, only=only) - CHANGE) <= 1


def test_the_rhythm_of_the_day_is_no_change():
    assert abs(stretch(0.5, swing=2.0, only=["feature.x"]) - CHANGE) <= 3


def test_what_has_no_cells_says_nothing():
    assert stretch(1.0, only=["feature.unknown"]) is None
