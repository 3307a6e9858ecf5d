"""A window in which the model version changed: each hour beside the references of the versions of its rows."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.profile import mix
from detectors.shares import cells as cell
from detectors.shares.auto import measure_drift
from detectors.shares.engine import stretch_of
from detectors.shares.last_change import last_change
from detectors.shares.mixture import of_last, spread_over_parts
from detectors.summary import merge, summarise, window
from tests.detectors.build import binning_of, column, profile_of

WEEKS, ROWS, ALPHA = 4, 100, 1e-3
REFERENCE, LOG = 24 * 7 * WEEKS, 24 * 8
END = REFERENCE + LOG
NAMES = ["feature.x", "feature.y"]


class Switched:
    """Version 2 sends x as 2 x + 1, which doubles its rhythm, and no y; it has the log's hours that ``second`` says.
    References of both in the same weeks."""

    def __init__(self, second, *, moved=None, swing=0.7, timed=(True, True), seed=4):
        rng = np.random.default_rng(seed)
        hours = np.repeat(np.arange(END), ROWS)
        x = swing * np.sin(2 * np.pi * hours / 24) + rng.normal(size=len(hours))
        two = np.where(hours < REFERENCE, rng.random(len(hours)) < 0.4, np.isin(hours, second))
        if moved is not None:
            x[two & (hours >= moved)] += 1.0
        columns = {"feature.x": np.where(two, 2 * x + 1, x), "feature.y": np.where(two, np.nan, x)}
        then = hours < REFERENCE
        self.binning = binning_of({name: column(values[then]) for name, values in columns.items()})

        def part(rows):
            return hours[rows], {name: column(values[rows]) for name, values in columns.items()}

        versions = (~two, two)
        self.profiles = [
            profile_of(self.binning, *part(then & rows), timed=known)
            for rows, known in zip(versions, timed, strict=True)
        ]
        self.hourly = [summarise(self.binning, *part(~then & rows)) for rows in versions]

    def window(self, length=24, end=END):
        each = [window(hourly, end - length, end) for hourly in self.hourly]
        return merge(each), [(p, one) for p, one in zip(self.profiles, each, strict=True) if one.rows]

    def measured(self, length=24, end=END, *, told_apart=True):
        current, some = self.window(length, end)
        reference = mixed(some, told_apart)
        return measure_drift(self.binning, NAMES, current, reference, length_hours=length, tolerance=0.02, alpha=ALPHA)


def mixed(some, told_apart=True):
    profiles, windows = zip(*some, strict=True)
    return mix(profiles, [one.rows for one in windows], windows if told_apart else ())


def since(hour):
    return np.arange(hour, END)


@pytest.mark.parametrize("length", [24, 6, 168])
@pytest.mark.parametrize("before", [2, 5, 12, 18])
def test_a_switch_within_a_window_moves_nothing(length, before):
    x, y = Switched(since(END - before)).measured(length)
    assert x.p_value > ALPHA
    assert x.effect_lower < x.details["tolerance"]
    assert "last_hours" not in x.details
    assert y.reason is not None or y.effect_lower < y.details["tolerance"]


def test_by_the_shares_of_the_whole_window_its_last_hours_had_moved():
    world = Switched(since(END - 12), swing=0.0)
    assert world.measured(told_apart=False)[0].details["last_hours"] == 12
    assert world.measured()[0].effect < 0.05


def test_a_version_of_some_hours_of_the_day_is_beside_these_hours():
    """Version 2 has the evenings, when x is low: its own rhythm is twice as strong."""
    evenings = np.array([hour for hour in range(REFERENCE, END) if hour % 24 >= 12])
    for length in (24, 168):
        world = Switched(evenings)
        assert world.measured(length)[0].effect < 0.04
        assert world.measured(length, told_apart=False)[0].effect > 0.06


def test_what_moves_in_the_new_version_alone_is_told():
    found = Switched(since(END - 18), moved=END - 12).measured()[0]
    assert found.p_value <= ALPHA
    assert found.effect_lower > 0.1
    assert found.effect > 0.15
    assert Switched(since(END - 24 * 3 - 9), moved=END - 72).measured(168)[0].p_value <= ALPHA


def test_what_is_said_of_the_last_hours_is_beside_the_version_of_these_hours():
    world = Switched(since(END - 12), moved=END - 12, swing=0.0)
    current, some = world.window()
    alone = of_last(mixed(some), 12)
    assert alone is world.profiles[1]
    (shown,) = measure_drift(
        world.binning, ["feature.x"], window(current.hourly, END - 12, END), alone, length_hours=12, tolerance=0.02,
        alpha=ALPHA,
    )  # fmt: skip
    assert shown.effect > 0.3


def test_a_stretch_of_a_version_that_knows_no_hours_is_not_looked_at():
    """Of 24 hours 2 are of version 2, whose reference has no times: nine tenths of the rows tell. Of the last 12 they
    do not."""
    world = Switched(since(END - 2), timed=(True, False))
    x, _ = world.measured()
    assert x.p_value > ALPHA
    assert x.details["reference_windows"] > 0
    assert "last_hours" not in x.details


def test_hours_of_another_version_before_the_window_foretell_nothing():
    """A day after the switch all rows of the window are version 2's, and those before it version 1's."""
    world = Switched(since(END - 24))
    current, some = world.window()
    assert [profile for profile, _ in some] == [world.profiles[1]]
    assert current.others is not None
    assert current.others.hours[-1] == END - 25
    cells = cell.remembered(cell.trigger_cuts, world.binning, NAMES)
    stretch, end = stretch_of(cells, current, 24, world.profiles[1], before=True)
    assert stretch.rows[: end - 24].sum() == 0
    assert (stretch.rows[end - 24 :, 0] == ROWS).all()
    for length in (24, 6):
        x, _ = world.measured(length)
        assert "sudden" not in x.details
        assert x.p_value > ALPHA


def test_every_row_of_the_window_is_compared_with_some_part():
    world = Switched(since(END - 12))
    current, some = world.window()
    cells = cell.remembered(cell.trigger_cuts, world.binning, NAMES)
    rows = cells.count(window(current.hourly, END - 24, END).hourly.counts)[1][-24:]
    found = spread_over_parts(cells, mixed(some), END - 24, rows)
    np.testing.assert_allclose(found.sum(axis=0), rows)
    assert (found[0, :12, 0] == ROWS).all()
    assert (found[1, 12:, 0] == ROWS).all()
    assert (found[1, :, 1] == 0).all()  # version 2 has no y
    assert spread_over_parts(cells, mixed(some, told_apart=False), END - 24, rows) is None


def test_a_switch_is_no_change_of_a_column():
    world = Switched(since(END - 60))
    current, some = world.window(LOG)
    assert last_change(world.binning, ["feature.x"], current, mixed(some), length_hours=LOG).hour is None
    assert last_change(world.binning, ["feature.x"], current, mixed(some, False), length_hours=LOG).hour == END - 60
    moved = Switched(since(END - 60), moved=END - 30)
    current, some = moved.window(LOG)
    assert last_change(moved.binning, ["feature.x"], current, mixed(some), length_hours=LOG).hour == END - 30
