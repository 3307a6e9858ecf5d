"""From when on a short reference learns from the log: from its traffic, not from tests and mistakes before it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor import clock
from monitor.actions import habits
from monitor.actions.frame import Frame
from monitor.actions.prune import prune
from monitor.store import references
from tests.monitor.actions.test_quiet_weeks import WITHOUT, log, looked_at, week_of
from tests.monitor.world import T0, D, H, World, at, one, traffic

pytestmark = pytest.mark.one_engine("sqlite")

W = 7 * D
START = T0 + 4 * W
END = START + 4 * W  # of the weeks that are learned from

Rows = list[dict[str, Any]]


def untimed(rows: Rows) -> Rows:
    return [{name: given for name, given in row.items() if name != "timestamp"} for row in rows]


def with_days(rows: Rows) -> Rows:
    """The same with an x that goes up and down with the hours of the day."""
    return [{**row, "features": {**row["features"], "x": row["features"]["x"] + _wave(row)}} for row in rows]


def _wave(row: dict[str, Any]) -> float:
    return float(np.sin(2 * np.pi * at(row["timestamp"]) / D))


def at_hours(rows: Rows, *hours: int) -> Rows:
    return [row for row in rows if at(row["timestamp"]) % D // H in hours]


def stray(before: int, days: int = 1, per_day: int = 1) -> Rows:
    """Rows of a few hours of some days, the first of them so long before the start."""
    rows = traffic(START - before, 24 * days, 1, seed=99, prefix=f"stray{before}")
    return at_hours(rows, *range(9, 9 + per_day))


def day_of(world: World, as_of: int) -> dict[str, Any]:
    return one(world.read(as_of), check="data_drift", feature="x", hours=24)


def known(reading: dict[str, Any]) -> tuple[bool, bool, float]:
    """Whether it rests on what was learned, whether the reference is short for it, and its tolerance."""
    details = reading["details"]
    return details.get("learned", False), details.get("short_reference", False), reading["threshold"]


def first_hour(world: World) -> int | None:
    """Of the weeks that the default reference, which is short, may borrow."""
    with world.service.database.read() as connection:
        frame = Frame.load(world.service, connection, world.found(connection))
        assert frame is not None
        profile = frame.profile(frame.known[0], references.WHOLE)
        assert profile is not None
        return habits.first_hour(frame, references.WHOLE, habits.known_hours(profile))


EARLY = {
    "one row two months before": stray(60 * D),
    "a wrong year": stray(at("2026-01-01T00:00:00Z") - at("1990-01-01T00:00:00Z")),
    "a load test of five days and a pause": stray(24 * D, days=5, per_day=6),
    "a test a day": stray(60 * D, days=55),
    "some of each": stray(200 * D) + stray(60 * D, days=2, per_day=3) + stray(30 * D, days=4, per_day=24),
}


@pytest.mark.parametrize("early", EARLY)
@pytest.mark.parametrize("timed", [True, False])
def test_rows_from_before_the_traffic_change_nothing_that_is_learned(world: World, early: str, timed: bool) -> None:
    """They came late: what is learned does not begin anew either."""
    rows = with_days(traffic(T0, 24 * 10))
    world.reference(rows if timed else untimed(rows))
    world.post(with_days(traffic(START, 24 * 29, seed=4)))
    learning, learned = day_of(world, END), day_of(world, END + D)
    assert known(learned) == (True, False, 0.02)
    assert not known(learning)[0]
    world.post(EARLY[early])
    assert day_of(world, END + D) == learned
    assert first_hour(world) == START // H
    assert known(day_of(world, END)) == known(learning)


def test_a_daily_rhythm_is_no_drift_where_a_test_row_came_long_before(world: World) -> None:
    world.configure(checks=[{"name": "six", "kind": "data_drift", "window": "6h", "features": ["x"]}, *WITHOUT])
    world.reference(with_days(traffic(T0, 24 * 10, 40)))
    world.post(stray(60 * D))
    world.post(with_days(traffic(START, 24 * 29, 40, seed=10)))
    found = [one(world.read(END + hour * H), check="six", feature="x")["verdict"] for hour in range(3, 24, 3)]
    assert found == ["ok"] * 7


def test_what_knows_less_than_the_reference_does_not_take_its_place(world: World) -> None:
    """A log of two hours a day holds 56 hours in four weeks, ten days of reference 240."""
    world.reference(traffic(T0, 24 * 10))
    world.post(at_hours(traffic(START, 24 * 30, 40, seed=4), 9, 10))
    assert known(day_of(world, END + 2 * D)) == (False, False, 0.02)


@pytest.mark.parametrize(("hours", "taught"), [((6, 12, 18), True), (tuple(range(7, 21)), True), ((9,), False)])
def test_a_log_of_few_hours_a_day_teaches(world: World, hours: tuple[int, ...], taught: bool) -> None:
    """Unless it has 28 hours in four weeks: nobody knows from so few how much hours differ, and what the number of rows
    alone allows must agree."""
    world.reference(untimed(traffic(T0, 24 * 9)))
    world.post(at_hours(traffic(START, 24 * 30, 40, seed=4), *hours))
    assert known(day_of(world, END + 2 * D)) == ((True, False, 0.02) if taught else (False, True, 0.05))


def test_traffic_is_found_behind_many_hours_that_are_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of two hours a day would be more than is read at once; here it is less, and so is what is read."""
    monkeypatch.setattr(habits, "_AT_ONCE", 100)
    world.reference(traffic(T0, 24 * 10))
    world.post(at_hours(traffic(START - 120 * D, 115 * 24, 1, seed=5, prefix="test"), 9, 10))
    assert first_hour(world) is None
    world.post(traffic(START, 24 * 29, seed=4))
    assert known(day_of(world, END + D)) == (True, False, 0.02)
    assert first_hour(world) == START // H


def test_windows_are_measured_again_when_late_rows_let_the_weeks_begin_earlier(world: World) -> None:
    world.reference(untimed(traffic(T0, 24 * 9)))
    rows = traffic(START, 24 * 7 * 9, seed=4)
    gap = [row for row in rows if START + W <= at(row["timestamp"]) < START + 3 * W]
    there = {row["id"] for row in gap}
    world.post([row for row in rows if row["id"] not in there])
    end = START + 8 * W
    world.run(end)
    assert first_hour(world) == (START + 3 * W) // H
    world.post([{**row, "features": {**row["features"], "x": 3 * row["features"]["x"]}} for row in gap])
    world.run(end + D)
    assert first_hour(world) == START // H
    window = {"start": clock.render(end - D), "end": clock.render(end)}
    again = one(world.stored(check="data_drift", feature="x", metric="ks"), window=window)
    assert again["revision"] == 2
    assert again["details"]["learned"] is True


def test_retention_moves_the_weeks_by_whole_weeks(world: World) -> None:
    """And a row that is older than what is kept moves nothing."""
    world.reference(untimed(traffic(T0, 24 * 9)))
    world.post(traffic(START, 24 * 7 * 8, seed=4))
    world.configure(retention="38d")
    world.run(START + 8 * W)
    kept = (START + 8 * W) // H - 38 * 24
    assert prune(world.service, world.now) > 0
    found = first_hour(world)
    assert found is not None
    assert (found % 168, 0 <= found - kept < 168) == (0, True)
    assert known(day_of(world, START + 8 * W)) == (True, False, 0.02)
    world.post(stray(200 * D))
    assert day_of(world, START + 8 * W)["details"]["learned"] is True
    assert first_hour(world) == found


def test_quiet_weeks_come_though_one_row_has_a_wrong_year(world: World) -> None:
    world.reference(untimed(traffic(T0, 48)))
    world.post(EARLY["a wrong year"])
    world.post(log(set(), 15))
    looked_at(world, 4, 14)
    world.run(START + 14 * W)
    learned = week_of(world, START + 14 * W, "x")["details"]
    assert (learned.get("short_reference"), learned["reference_windows"]) == (None, 12)


def test_the_first_weeks_with_hours_enough_are_taken() -> None:
    def first(*hours: range, since: int = 0, fewest: int = 12) -> int | None:
        return habits.first_traffic(np.unique(np.concatenate([*map(np.array, hours)])), since, fewest)

    assert first(range(672)) == 0
    assert first(range(504 + 73)) == 0
    assert first(range(504 + 72)) is None  # three days in the fourth week
    assert first(range(504 + 73), fewest=74) is None
    assert first(range(0, 672, 14)) == 0  # twelve hours in each week
    assert first(range(0, 672, 15)) is None
    assert first(range(1), range(1000, 2000)) == 1000
    assert first(range(24 * 5), range(24 * 9, 2000)) == 0  # a pause of four days is none
    assert first(range(24 * 3), range(24 * 8, 2000)) == 24 * 8
    assert first(range(24 * 20), range(24 * 28, 2000)) == 24 * 28  # one of eight days is
    assert first(range(5, 2000), since=2) == 2
    assert first(range(5, 9), range(900, 2000), since=2) == 900


def test_a_row_more_never_lets_the_weeks_begin_later() -> None:
    rng = np.random.default_rng(8)
    found = 0
    for _ in range(300):
        density = np.repeat(rng.choice([0.0, 0.1, 0.6, 1.0], 16), 84)
        hours = np.flatnonzero(rng.random(len(density)) < density)
        more = np.union1d(hours, rng.integers(0, len(density), rng.integers(1, 30)))
        if not len(hours):
            continue
        before, after = (habits.first_traffic(some, int(some[0]), 12) for some in (hours, more))
        if before is not None:
            found += 1
            assert after is not None
            assert after <= before
    assert found > 30


def test_drift_that_began_in_the_weeks_that_are_learned_from_does_not_recover(world: World) -> None:
    """It lasts, and so does the alert, at the usual tolerance."""
    world.configure(checks=WITHOUT)
    world.reference(untimed(traffic(T0, 24 * 14, 40)))
    change = START + 20 * D
    world.post(traffic(START, 24 * 20, 40, seed=4))
    world.post(traffic(change, 24 * 12, 40, seed=5, shift=0.6, prefix="moved"))
    told = [world.run(change + day * D) for day in (2, 7, 9, 12)]
    assert [alert["state"] for alert in told[0].alerts] == ["firing"]
    assert not [alert for run in told for alert in run.alerts if alert["state"] == "resolved"]
    last = day_of(world, change + 12 * D)
    assert (known(last), last["verdict"] in ("warning", "critical"), last["mde"] < 0.2) == (
        (True, False, 0.02),
        True,
        True,
    )
