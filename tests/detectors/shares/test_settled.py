"""What a short reference borrows of the log is how restless it is, and no drift that began in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.shares.auto import measure_drift
from detectors.shares.cells import trigger_cuts
from detectors.shares.fitting import fit_reference
from detectors.shares.settled import lasting_of, settled
from detectors.shares.unrest import Hours
from detectors.summary import summarise, window
from tests.detectors.build import binning_of, column, profile_of

WEEKS, PER_HOUR, ALPHA = 4, 40, 5e-4
REFERENCE, LEARNED, AFTER = 28 * 24, WEEKS * 168, 24 * 14
HOURS = np.arange(REFERENCE + LEARNED + AFTER)
DAY = (HOURS - REFERENCE) / 24  # of the log


def log(by, *, seed=1):
    """Binning, values' hours and columns x0, x1, … of which the level is ``by`` [hours, columns]."""
    rng = np.random.default_rng(seed)
    hours = np.repeat(HOURS, PER_HOUR)
    return hours, {f"feature.x{i}": one[hours] + rng.normal(size=len(hours)) for i, one in enumerate(by.T)}


def after_learning(by, *, seed=1):
    """Of a reference without times: the drift in windows of a day after the four weeks of the log, by day."""
    hours, values = log(by, seed=seed)

    def some(first, last):
        inside = (hours >= first) & (hours < last)
        return hours[inside], {name: column(one[inside]) for name, one in values.items()}

    reference, weeks, later = (
        some(*span) for span in ((0, REFERENCE), (REFERENCE, REFERENCE + LEARNED), (REFERENCE + LEARNED, len(HOURS)))
    )
    binning = binning_of(reference[1])
    profile = replace(profile_of(binning, *reference, timed=False), habits=profile_of(binning, *weeks), memo={})
    summaries = summarise(binning, *later)
    ends = range(REFERENCE + LEARNED + 24, len(HOURS) + 1, 24)
    given = {"length_hours": 24, "tolerance": 0.02, "alpha": ALPHA}
    return [
        one
        for end in ends
        for one in measure_drift(binning, list(values), window(summaries, end - 24, end), profile, **given)
    ]


def told(found):
    return [one.effect_lower > 0.02 for one in found]


@pytest.mark.parametrize("by", [0.5 * (DAY >= 20), 0.5 * (DAY >= 10.5), 0.5 * (DAY >= 26), 0.035 * np.maximum(DAY, 0)])
def test_drift_that_began_in_the_weeks_that_are_learned_from_is_told_for_good(by):
    found = after_learning(by[:, None])
    assert all(one.details["learned"] for one in found)
    assert told(found) == [True] * 14
    assert max(one.mde for one in found) < 0.2


def test_a_spell_that_is_over_is_forgotten():
    spell = 0.5 * ((DAY >= 8) & (DAY < 18))
    found = after_learning(spell[:, None])
    assert told(found) == [False] * 14
    assert max(one.mde for one in found) < 0.2
    again = after_learning((spell + 0.4 * (DAY >= 30))[:, None])
    assert told(again) == [False] * 2 + [True] * 12


@pytest.mark.parametrize("memory", [0.7, 0.9])
def test_days_that_wander_are_learned(memory):
    """A third of a deviation: without it an alarm on most days."""
    rng = np.random.default_rng(5)
    days = 0.3 * rng.normal(size=(len(HOURS) // 24, 12))
    for day in range(1, len(days)):
        days[day] = memory * days[day - 1] + np.sqrt(1 - memory**2) * days[day]
    found = after_learning(np.repeat(days, 24, axis=0))
    assert sum(told(found)) <= 1
    assert np.median([one.mde for one in found]) > 0.3


def known_of(by):
    """What is known of the log's first weeks."""
    hours, values = log(by)
    inside = (hours >= REFERENCE) & (hours < REFERENCE + LEARNED)
    columns = {name: column(one[inside]) for name, one in values.items()}
    binning = binning_of(columns)
    cells = trigger_cuts(binning, list(columns))
    counts = summarise(binning, hours[inside], columns).counts
    return fit_reference(cells, Hours(REFERENCE, *cells.count(counts)))


def without_changes(fitted, tolerance=0.02):
    return settled(fitted, lasting_of(fitted, tolerance))


def test_a_change_is_taken_out_at_its_hour_and_of_its_column_alone():
    at = 20 * 24 + 7
    by = np.stack([0.5 * (at <= HOURS - REFERENCE), 0.0 * HOURS], axis=1)
    fitted = known_of(by)
    known = without_changes(fitted)
    hours, found = fitted.reference, known.reference
    assert np.asarray(known.levels).tolist() == [2, 1]
    mine = fitted.cells.owner == 0
    assert (found.inside[:, ~mine] == hours.inside[:, ~mine]).all()
    shares = found.inside[:, mine] / PER_HOUR
    assert np.abs(shares[:at].mean(axis=0) - shares[at:].mean(axis=0)).max() < 0.005  # of 0.19
    assert np.allclose(shares.mean(axis=0), hours.inside[:, mine].mean(axis=0) / PER_HOUR)  # the mean is its own
    assert found.rows is hours.rows


def test_what_changes_by_less_than_the_tolerance_remains():
    fitted = known_of((0.5 * (DAY >= 14))[:, None])
    assert without_changes(fitted, 0.25) is fitted
    assert without_changes(fitted, 0.15) is not fitted


def test_a_rhythm_is_no_change():
    fitted = known_of((np.sin(2 * np.pi * HOURS / 24) + 0.8 * ((HOURS // 24 + 3) % 7 >= 5))[:, None])
    assert without_changes(fitted) is fitted
