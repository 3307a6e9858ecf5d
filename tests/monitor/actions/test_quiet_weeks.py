"""What a reference of few weeks learns from the weeks of the log in which nothing was told to have drifted."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from alerting.reading import to_json
from monitor import clock
from monitor.actions.quiet_weeks import _past, choose
from monitor.actions.rehearse import rehearsal
from monitor.actions.run_checks import run_checks
from monitor.store.quiet import Week
from monitor.store.tables import daily_worst
from tests.detectors.build import binning_of, column, profile_of
from tests.monitor.world import T0, D, World, at, one, traffic

pytestmark = pytest.mark.one_engine("sqlite")

W = 7 * D
START = T0 + 4 * W
END = START + 10 * W  # of a window of 7 d before which eight quiet weeks are known, and one more


def week_of(world: World, as_of: int, feature: str) -> dict[str, Any]:
    return one(world.read(as_of), check="data_drift", feature=feature, hours=168)


def log(moved: set[int], weeks: int = 11) -> list[dict[str, Any]]:
    """Some weeks; in those that ``moved`` all rows are of one ``kind``."""
    found = []
    for week in range(weeks):
        rows = traffic(START + week * W, 168, 2, seed=10 + week)
        if week in moved:
            rows = [{**row, "features": {**row["features"], "kind": "c"}} for row in rows]
        found += rows
    return found


OTHERS = ("prediction_drift", "performance", "data_quality", "serving")
WITHOUT = [{"name": kind, "kind": kind, "enabled": False} for kind in OTHERS]


def looked_at(world: World, first_week: int = 0, last_week: int = 10) -> None:
    """On four days of each week: no more is asked of a quiet one."""
    world.configure(checks=WITHOUT)
    for day in range(7 * first_week + 1, 7 * last_week):
        if day % 7 < 4:
            world.run(START + day * D)


def in_a_copy(world: World) -> dict[str, Any]:
    """What a backtest of the last days finds of x."""
    with rehearsal(world.service, world.model, END - 3 * D, END) as copy:
        found = [to_json(reading) for reading in run_checks(copy, world.model, END, now=world.now).readings]
    details: dict[str, Any] = one(found, check="data_drift", feature="x", hours=168)["details"]
    return details


def verdict_of_day(world: World, day: int, verdict: str) -> None:
    """The worst that x was on a day."""
    mine = (daily_worst.c.feature == "x", daily_worst.c.day == day, daily_worst.c.kind == "data_drift")
    with world.service.database.write() as connection:
        connection.execute(update(daily_worst).where(*mine).values(verdict=verdict))


def effect_again_after(world: World, late: int, end: int) -> float:
    """How far x may have moved in the 7 d before ``end``, which are measured again as rows come late."""
    window = {"start": clock.render(end - W), "end": clock.render(end)}
    before = one(world.stored(check="data_drift", feature="x", metric="ks"), window=window)
    rows = traffic(late, 24 * 5, 8, seed=5, shift=1.5, prefix="late")
    world.post([row for row in rows if at(row["timestamp"]) // D % 2 == late // D % 2])  # days apart, and no spell
    world.run(end + D)
    again = one(world.stored(check="data_drift", feature="x", metric="ks"), window=window)
    assert again["revision"] == before["revision"] + 1
    found: float = again["details"]["effect_upper"]
    return found


def test_a_reference_of_four_weeks_learns_from_quiet_weeks_how_much_weeks_differ(world: World) -> None:
    """Of ``kind``, which was told to be another in the third week, there are not enough."""
    world.reference(traffic(T0, 24 * 28, 2))
    world.post(log({2}))
    looked_at(world)
    world.run(END)
    short, learned = (week_of(world, moment, "x") for moment in (END - D, END))
    assert (short["details"]["short_reference"], short["details"]["reference_windows"]) == (True, 4)
    assert (short["threshold"], "learned" in short["details"]) == (0.05, False)
    assert learned["details"]["learned"] is True
    assert "short_reference" not in learned["details"]
    assert (learned["threshold"], learned["details"]["reference_windows"]) == (0.02, 12)
    assert learned["verdict"] == "ok"
    assert learned["n_reference"] == short["n_reference"]  # the rows that it is compared with are the reference's
    assert world.stored(check="data_drift", feature="kind", verdict="critical")
    untaught = week_of(world, END, "kind")["details"]
    assert (untaught["short_reference"], "learned" in untaught) == (True, False)
    assert in_a_copy(world) == learned["details"]
    day = (START + 5 * W) // D
    verdict_of_day(world, day, "critical")  # as a replay with another configuration might find
    assert week_of(world, END, "x")["details"]["short_reference"] is True
    verdict_of_day(world, day, "ok")
    assert week_of(world, END, "x")["details"] == learned["details"]
    world.configure(retention="76d", checks=WITHOUT)
    assert week_of(world, END, "x")["details"]["short_reference"] is True  # it would be known on some days only
    world.configure(retention="77d", checks=WITHOUT)
    assert week_of(world, END, "x")["details"] == learned["details"]
    effect = effect_again_after(world, START + 5 * W, END)
    assert effect > learned["details"]["effect_upper"]  # that week was wilder than known


def test_so_does_one_without_times_beside_the_first_four_weeks_of_the_log(world: World) -> None:
    world.reference([{name: given for name, given in row.items() if name != "timestamp"} for row in traffic(T0, 48)])
    world.post(log(set(), 15))
    looked_at(world, 4, 14)
    world.run(END + 4 * W)
    short, learned = (week_of(world, moment, "x")["details"] for moment in (END + 4 * W - D, END + 4 * W))
    assert (short["short_reference"], short["learned"], short["reference_windows"]) == (True, True, 4)
    assert "short_reference" not in learned
    assert (learned["learned"], learned["reference_windows"]) == (True, 12)
    assert effect_again_after(world, START + W, END + 4 * W) > learned["effect_upper"]  # of what it borrowed, too


def with_ids(weeks: int, start: int, seed: int) -> list[dict[str, Any]]:
    """Traffic in which ``kind`` is a rare id for 30 % of the rows, three points more or less each week."""
    random, found = np.random.default_rng(seed), []
    for week in range(weeks):
        share = 0.3 + 0.03 * (-1) ** week
        for row in traffic(start + week * W, 168, 10, seed=seed + week):
            rare = {"kind": f"id{random.integers(400)}"} if random.random() < share else {}
            found.append({**row, "features": {**row["features"], **rare}})
    return found


def test_how_much_rare_categories_vary_is_learned_too(world: World) -> None:
    world.reference(with_ids(4, T0, 1))
    world.post(with_ids(11, START, 50))
    looked_at(world)
    found = week_of(world, END, "kind")
    assert found["details"]["learned"] is True
    assert found["details"]["effect_upper"] > 0.12  # 0.10 where rare ones seem never to vary


def test_a_feature_that_is_younger_than_its_reference_learns(world: World) -> None:
    """Of y there are three weeks, of x nine."""

    def with_y(row: dict[str, Any]) -> dict[str, Any]:
        late = clock.parse(row["timestamp"]) >= T0 + W
        return {**row, "features": {**row["features"], **({"y": row["features"]["x"]} if late else {})}}

    first = T0 - 5 * W
    world.reference([with_y(row) for row in traffic(first, 168 * 9, 2)])
    world.post([with_y(row) for row in log(set())])
    looked_at(world)
    alone, known, old = (week_of(world, moment, name) for moment, name in ((END - D, "y"), (END, "y"), (END, "x")))
    assert (alone["details"]["short_reference"], alone["details"]["reference_windows"]) == (True, 3)
    assert (known["details"]["learned"], known["details"]["reference_windows"]) == (True, 11)
    assert ("learned" in old["details"], old["details"]["reference_windows"]) == (False, 9)


def test_weeks_that_nobody_looked_at_teach_nothing(world: World) -> None:
    world.reference(traffic(T0, 24 * 28, 2))
    world.post(log(set()))
    assert week_of(world, END, "x")["details"]["short_reference"] is True


def test_what_no_drift_is_looked_for_in_lacks_nothing() -> None:
    hours = np.arange(480_000, 480_000 + 9 * 168)
    values = {"feature.x": column(np.arange(len(hours)) % 5.0), "latency_ms": column(np.full(len(hours), np.nan))}
    binning = binning_of(values)
    assert _past(binning, profile_of(binning, hours, values), 168).lacking == frozenset()
    shorter = {name: column(one.values[:1300]) for name, one in values.items()}
    assert _past(binning, profile_of(binning, hours[:1300], shorter), 168).lacking == {"x"}


def weeks(told: Collection[int] = (), days: int = 7, last: int = 30) -> list[Week]:
    return [Week(week, "x", days, week in told) for week in range(last)]


def test_the_first_twelve_quiet_weeks_of_a_log_count() -> None:
    assert choose(weeks(), 29) == {"x": tuple(range(12))}
    assert choose(weeks(), 9) == {"x": tuple(range(9))}
    assert choose(weeks({3, 4, 5, 6}), 29)["x"] == (0, 1, *range(7, 17))  # nor the week before, in which it may begin
    assert choose(weeks({8}), 8) == {}  # the eighth of them is not quiet, as the week after shows
    assert choose(weeks(last=8), 7) == {}
    assert choose(weeks(days=3), 29) == {}
    assert choose(weeks(days=4), 29) == {"x": tuple(range(12))}
