"""Rows once a night or once a week: how much batches differ is known from eight of them, however few their hours."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.shares.auto import measure_drift
from detectors.summary import summarise, window
from tests.detectors.build import binning_of, column, profile_of

NIGHT, WEEK = 24, 168
ROWS, COLUMNS = 1500, 6
WATCHED = 14  # batches


def measured(levels, every, length=None):
    """Drift in the window after each batch that is watched; ``levels`` [batches, columns]."""
    rng = np.random.default_rng(1)
    batch = np.repeat(np.arange(len(levels)), ROWS)
    hours, then = batch * every + 2, batch < len(levels) - WATCHED
    values = {f"feature.x{i}": one[batch] + rng.normal(size=len(batch)) for i, one in enumerate(levels.T)}
    columns = {name: column(one[then]) for name, one in values.items()}
    binning = binning_of(columns)
    profile = profile_of(binning, hours[then], columns)
    summaries = summarise(binning, hours[~then], {name: column(one[~then]) for name, one in values.items()})
    ends = [place * every + 8 for place in range(len(levels) - WATCHED, len(levels))]
    given = {"length_hours": length or NIGHT, "tolerance": 0.02, "alpha": 5e-4}
    return [
        one
        for end in ends
        for one in measure_drift(
            binning, list(values), window(summaries, end - (length or NIGHT), end), profile, **given
        )
    ]


def wander(batches, size, memory=0.7):
    rng = np.random.default_rng(2)
    found = size * rng.normal(size=(batches + WATCHED, COLUMNS))
    for place in range(1, len(found)):
        found[place] = memory * found[place - 1] + np.sqrt(1 - memory**2) * found[place]
    return found


def told(found):
    return sum(one.effect_lower > one.details["tolerance"] for one in found)


@pytest.mark.parametrize(
    ("batches", "every", "length", "size"), [(42, NIGHT, NIGHT, 0.3), (12, WEEK, NIGHT, 0.15), (26, WEEK, WEEK, 0.3)]
)
def test_batches_that_differ_by_themselves_are_no_drift(batches, every, length, size):
    found = measured(wander(batches, size), every, length)
    assert told(found) == 0
    assert not any(one.details.get("short_reference") for one in found)
    assert {one.details["reference_windows"] for one in found} == {batches}


@pytest.mark.parametrize("every", [NIGHT, WEEK])
def test_a_batch_that_moved_is_told_at_once(every):
    moved = np.repeat(np.where(np.arange(26) < 12, 0.0, 0.5)[:, None], COLUMNS, axis=1)
    assert told(measured(moved, every)) == WATCHED * COLUMNS


def test_seven_batches_are_too_few():
    found = measured(wander(7, 0.0), NIGHT)
    assert all(one.details["short_reference"] for one in found)
