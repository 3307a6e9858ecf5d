"""A few hours that are unlike all others do not make a feature blind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.shares.auto import measure_drift
from detectors.shares.cells import trigger_cuts
from detectors.shares.fitting import fit_reference, horizon
from detectors.shares.odd_hours import odd_hours, without_odd_hours
from detectors.shares.quiet import taught
from detectors.shares.unrest import Hours
from detectors.summary import summarise, window
from tests.detectors.build import binning_of, column, profile_of

REFERENCE, AFTER, PER_HOUR, ALPHA = 28 * 24, 14 * 24, 100, 1e-5
FIRST = 300
START = "1970-01-13T12:00:00Z"


def levels(spell=3, by=1.5):
    found = np.zeros(REFERENCE + AFTER)
    found[FIRST : FIRST + spell] = by
    return found


def fitted(levels, seed=1):
    """Of columns whose levels [H, F] are these."""
    rng = np.random.default_rng(seed)
    hours = np.repeat(np.arange(len(levels)), PER_HOUR)
    columns = {
        f"feature.x{i}": column(one[hours] + rng.normal(size=len(hours))) for i, one in enumerate(levels.T.copy())
    }
    binning = binning_of(columns)
    cells = trigger_cuts(binning, list(columns))
    return fit_reference(cells, Hours(0, *cells.count(summarise(binning, hours, columns).counts)))


def days_after(levels, *, length=24, every=6, seed=1):
    """The drift in windows that end after the reference."""
    rng = np.random.default_rng(seed)
    hours = np.repeat(np.arange(len(levels)), PER_HOUR)
    values = levels[hours] + rng.normal(size=len(hours))
    before = hours < REFERENCE
    binning = binning_of({"feature.x": column(values[before])})
    profile = profile_of(binning, hours[before], {"feature.x": column(values[before])})
    summaries = summarise(binning, hours, {"feature.x": column(values)})
    return [
        measure_drift(
            binning,
            ["feature.x"],
            window(summaries, end - length, end),
            profile,
            length_hours=length,
            tolerance=0.02,
            alpha=ALPHA,
        )[0]
        for end in range(REFERENCE + max(length, 6), len(levels) + 1, every)
    ]


@pytest.mark.parametrize("spell", [1, 3, 7, 12])
def test_windows_of_a_day_see_as_much_as_without_the_spell(spell):
    plain, odd = days_after(levels(0)), days_after(levels(spell))
    assert "odd_hours" not in plain[0].details
    assert odd[0].details["odd_hours"]["start"] <= START < odd[0].details["odd_hours"]["end"]
    assert odd[0].mde < (1.2 if spell < 4 else 4.0) * plain[0].mde
    assert not any(one.effect_lower > 0.02 for one in odd)


def test_drift_after_it_is_told():
    shifted = levels()
    shifted[REFERENCE + 48 :] += 0.3
    told = [one.effect_lower > 0.02 for one in days_after(shifted)]
    assert not any(told[:5])
    assert all(told[9:])


@pytest.mark.parametrize("length", [1, 6])
def test_a_lesser_spell_does_not_alarm_in_windows_as_short(length):
    again = levels()
    again[REFERENCE + 96 : REFERENCE + 99] = 1.0
    found = days_after(again, length=length, every=1)
    assert max(one.effect for one in found) > 0.2
    assert not any(one.effect_lower > 0.02 for one in found)
    assert {one.details["calibration"] > 3 for one in found} == {True}


def test_the_hours_are_found():
    found = odd_hours(fitted(levels()[:REFERENCE, None]))
    assert found.tolist() == [[FIRST, FIRST + 3]]


def test_each_column_has_its_own():
    both = np.stack([levels(0), levels(3), levels(6)], axis=1)[:REFERENCE]
    known = fitted(both)
    found = odd_hours(known)
    assert found[0].tolist() == [0, 0]
    assert found[1].tolist() == [FIRST, FIRST + 3]
    assert found[2].tolist() == [FIRST, FIRST + 6]
    rest = without_odd_hours(known, found)
    assert (rest.reference.rows[FIRST : FIRST + 8] > 0).sum(axis=0).tolist() == [8, 5, 2]
    assert (rest.reference.rows[:FIRST] == known.reference.rows[:FIRST]).all()
    assert without_odd_hours(known, np.zeros((3, 2), dtype=np.int64)) is known


def test_a_stretch_of_a_day_two_spells_or_a_short_reference_has_none():
    two = levels()[:REFERENCE]
    two[FIRST + 200 : FIRST + 203] = -1.5
    every = np.stack([levels(24)[:REFERENCE], two], axis=1)
    assert not odd_hours(fitted(every)).any()
    assert not odd_hours(fitted(levels()[100 : 100 + 13 * 24, None])).any()


@pytest.mark.parametrize(
    ("hours", "first", "odd"), [(480, 300, False), (720, 10, False), (720, 214, False), (720, 400, True)]
)
def test_what_is_not_replayed_is_not_left_out(hours, first, odd):
    """Of 480 hours two weeks are whole; 720 have two days before the first week, and another one begins at 216."""
    level = np.zeros(hours)
    level[first : first + 3] = 1.5
    assert odd_hours(fitted(level[:, None])).any() == odd


def test_quiet_weeks_do_not_forget_what_the_spell_was_calibrated_for():
    longer, short = (fitted(np.zeros((hours, 2))) for hours in (3 * REFERENCE, REFERENCE))
    known = replace(horizon(short, 168), factor=np.full(2, 5.0), odd=np.array([[0, 0], [FIRST, FIRST + 3]]))
    assert taught(longer.cells, longer, known, 0.02, ALPHA).factor.tolist() == [1.0, 5.0]


def wander(rng, memory, hours, columns):
    found = rng.normal(size=(hours, columns))
    for hour in range(1, hours):
        found[hour] = memory * found[hour - 1] + np.sqrt(1 - memory**2) * found[hour]
    return found


@pytest.mark.parametrize("kind", ["still", "hours", "days", "heavy hours", "heavy days", "weekly"])
def test_what_wanders_or_has_heavy_tails_has_none(kind):
    rng, columns = np.random.default_rng(4), 40
    level = {
        "still": lambda: np.zeros((REFERENCE, columns)),
        "hours": lambda: 0.3 * wander(rng, 0.9, REFERENCE, columns),
        "days": lambda: 0.3 * np.repeat(wander(rng, 0.7, 28, columns), 24, axis=0),
        "heavy hours": lambda: 0.2 * rng.standard_t(3, size=(REFERENCE, columns)),
        "heavy days": lambda: np.repeat(0.2 * rng.standard_t(3, size=(28, columns)), 24, axis=0),
        "weekly": lambda: 1.5 * ((np.arange(REFERENCE) % 168) < 2)[:, None] * np.ones(columns),
    }[kind]()
    assert odd_hours(fitted(level))[:, 1].astype(bool).sum() <= 1
