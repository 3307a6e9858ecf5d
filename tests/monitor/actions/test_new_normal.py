"""What accepting sets: the reference that was compared with, from the change on; and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from monitor import clock
from monitor.actions.accept_alert import accept
from monitor.errors import Conflict
from monitor.store import alerts, references
from tests.monitor.actions.test_segments import lived as lived_in_regions
from tests.monitor.world import T0, D, H, World, at, one, traffic

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D
MINE = {"name": "mine", "kind": "data_drift", "window": "24h"}


def open_alert(world: World, check: str, segment: str | None = None) -> dict[str, Any]:
    with world.service.database.read() as connection:
        found = alerts.open_of(connection, world.found(connection).id)
    (only,) = [alert for alert in found if (alert["check"], alert["segment"]) == (check, segment)]
    return only


def newest(world: World) -> dict[str, int]:
    with world.service.database.read() as connection:
        return {one.name: one.version for one in references.newest(connection, world.found(connection).id)}


def refused(world: World, alert: dict[str, Any]) -> str:
    before = newest(world)
    with pytest.raises(Conflict) as told:
        accept(world.service, alert["id"], world.now)
    assert newest(world) == before
    assert open_alert(world, alert["check"], alert["segment"])["id"] == alert["id"]
    return told.value.message


def test_it_is_the_reference_that_the_check_names(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.reference(traffic(T0, 24 * 9, seed=3), name="training")
    world.configure(checks=[{**MINE, "reference": "training"}])
    world.post(traffic(START, 24 * 3, per_hour=12, seed=5, shift=2.0))
    world.run(START + D)
    told = accept(world.service, open_alert(world, "mine")["id"], START + 3 * D)
    assert [(one["name"], one["version"]) for one in told["references"]] == [("training", 2)]
    assert told["reference"] == told["references"][0]
    assert newest(world) == {"base": 1, "training": 2}
    world.post(traffic(START + 3 * D, 24, per_hour=12, seed=8, shift=2.0))
    found = world.read(START + 4 * D)
    quiet = one(found, check="mine", feature="x")
    assert (quiet["verdict"], quiet["reference"]) == ("ok", {"name": "training", "version": 2})
    other = one(found, check="data_drift", feature="x", hours=24)
    assert (other["verdict"], other["reference"]) == ("critical", {"name": "base", "version": 1})


def test_several_references_of_one_window_are_all_of_them(world: World) -> None:
    """Two versions share the traffic, each compared with its own rows."""
    world.reference(traffic(T0, 24 * 9, version="1"))
    world.reference(traffic(T0, 24 * 9, seed=3, version="2"), name="retrained")
    for version, seed in (("1", 5), ("2", 6)):
        world.post(traffic(START, 24 * 2, per_hour=12, seed=seed, shift=2.0, version=version))
    world.run(START + D)
    told = accept(world.service, open_alert(world, "data_drift")["id"], START + 2 * D)
    assert newest(world) == {"base": 2, "retrained": 2}
    assert {one["rows"] for one in told["references"]} == {2 * 24 * 2 * 12}


def test_rows_that_go_over_to_another_reference_are_told(world: World) -> None:
    """The default has no rows of this version: from now on the one that was set for another check has."""
    world.reference(traffic(T0, 24 * 9))
    world.reference(traffic(T0, 24 * 9, seed=3), name="training")
    world.configure(checks=[{**MINE, "reference": "training"}])
    world.post(traffic(START, 24 * 2, per_hour=12, seed=5, shift=2.0, version="7"))
    world.run(START + D)
    told = accept(world.service, open_alert(world, "mine")["id"], START + 2 * D)
    assert told["warnings"][1] == (
        "Rows of version 7 are compared with training by every check that names no reference, as base has none of them"
    )


WEEKLY = [{"name": "data_drift", "kind": "data_drift", "window": "7d"}]


def test_a_window_of_a_week_leaves_its_old_days_out(world: World) -> None:
    """Six days as ever and one of another kind alarm; the reference must not know the six."""
    world.configure(checks=WEEKLY)
    world.reference(traffic(T0, 24 * 14))
    change = START + 6 * D
    world.post(traffic(START, 24 * 6, per_hour=12, seed=4))
    world.post(traffic(change, 24 * 3, per_hour=12, seed=5, shift=2.0))
    world.run(change + D)
    alert = open_alert(world, "data_drift")
    told = accept(world.service, alert["id"], change + 3 * D)
    assert at(told["since"]) == change
    assert told["reference"]["rows"] == 24 * 3 * 12
    assert "3 days" in told["warnings"][0]
    with world.service.database.read() as connection:
        last = alerts.list_transitions(connection, alert["id"])[-1]
    assert last["reason"].endswith("; what came since 25 Jan 2026, 00:00 UTC is version 2 of base now")
    world.post(traffic(change + 3 * D, 24 * 7, per_hour=12, seed=8, shift=2.0, prefix="new"))
    world.post(traffic(change + 10 * D, 24 * 7, per_hour=12, seed=9, prefix="old"))
    verdicts = [one(world.read(change + days * D), check="data_drift", feature="x")["verdict"] for days in (10, 17)]
    assert verdicts == ["ok", "critical"]


def moves(records: list[dict[str, Any]], start: int, end: int) -> list[dict[str, Any]]:
    """With another mix of the category from ``start`` to ``end``."""
    for record in records:
        if start <= at(record["timestamp"]) < end:
            record["features"]["kind"] = "c" if record["label"] else "b"
    return records


def test_a_column_that_came_back_is_normal_from_its_return_on(world: World) -> None:
    """x is elsewhere for 36 hours; days later, while the windows of a week still tell of it, the category moves."""
    world.reference(traffic(T0, 24 * 14))
    back, change, newest = START + 84 * H, START + 6 * D, START + 8 * D
    world.post(traffic(START, 48, per_hour=12, seed=4))
    world.post(traffic(START + 2 * D, 36, per_hour=12, seed=5, shift=1.5, prefix="off"))
    later = traffic(back, 24 * 10, per_hour=12, seed=6, prefix="back")
    later = [one for one in moves(later, change, START + 11 * D) if at(one["timestamp"]) < START + 12 * D]
    world.post([one for one in later if at(one["timestamp"]) < newest])
    for end in (START + 3 * D, START + 4 * D, START + 7 * D, newest):
        world.run(end)
    alert = open_alert(world, "data_drift")
    assert at(alert["fired_at"]) == START + 3 * D  # one episode
    told = accept(world.service, alert["id"], newest)
    assert abs(at(told["since"]) - change) <= 1 * H
    world.post([one for one in later if at(one["timestamp"]) >= newest])
    verdicts = [one(world.read(newest + n * D), feature="kind", metric="l_infinity", hours=24) for n in (2, 4)]
    assert [found["verdict"] for found in verdicts] == ["ok", "critical"]  # there, and gone from it again


def test_a_return_that_came_last_is_waited_for(world: World) -> None:
    """The category has moved for good; x moved later, and came back eight hours ago."""
    world.reference(traffic(T0, 24 * 14))
    newest = START + 5 * D
    back = newest - 8 * H
    quiet = moves(traffic(START, 4 * 24, per_hour=12, seed=4), START + D, newest)
    world.post(quiet + moves(traffic(START + 4 * D, 16, per_hour=12, seed=5, shift=2.0, prefix="off"), START, newest))
    world.post(moves(traffic(back, 8, per_hour=12, seed=6, prefix="back"), START, newest))
    for end in (START + 2 * D, newest - 8 * H, newest):
        world.run(end)
    message = refused(world, open_alert(world, "data_drift"))
    assert message.startswith("Too early: the rows are like this since 23 Jan 2026, 16:00 UTC")
    assert message.endswith("Accept it again after 24 Jan 2026, 04:00 UTC")


def test_a_category_tells_since_when_too(world: World) -> None:
    world.reference(traffic(T0, 24 * 14))
    change = START + 17 * H
    records = traffic(START, 24 * 3, per_hour=12, seed=5)
    for record in records:
        if at(record["timestamp"]) >= change:
            record["features"]["kind"] = "c" if record["label"] else "b"
    world.post(records)
    world.run(START + D)
    told = accept(world.service, open_alert(world, "data_drift")["id"], START + 3 * D)
    assert abs(at(told["since"]) - change) <= 1 * H


def test_what_the_model_says_tells_since_when(world: World) -> None:
    world.reference(traffic(T0, 24 * 14))
    change = START + 17 * H
    records = traffic(START, 24 * 3, per_hour=12, seed=5)
    for record in records:
        if at(record["timestamp"]) >= change:
            record["prediction"] = 1
    world.post(records)
    world.run(START + D)
    told = accept(world.service, open_alert(world, "prediction_drift")["id"], START + 3 * D)
    assert abs(at(told["since"]) - change) <= 1 * H


def test_of_other_numbers_it_is_at_most_the_last_day_of_the_window(world: World) -> None:
    world.configure(checks=[{"name": "data_quality", "kind": "data_quality", "window": "7d"}])
    world.reference(traffic(T0, 24 * 14))
    records = traffic(START, 24 * 8, per_hour=12, seed=4)
    for record in records[24 * 6 * 12 :]:
        record["features"]["x"] = None
    world.post(records)
    world.run(START + 7 * D)
    told = accept(world.service, open_alert(world, "data_quality")["id"], START + 8 * D)
    assert at(told["since"]) == START + 6 * D


def test_a_few_hours_are_too_few(world: World) -> None:
    world.reference(traffic(T0, 24 * 14))
    change = START + D - 6 * H
    world.post(traffic(START, 18, per_hour=12, seed=4))
    world.post(traffic(change, 6, per_hour=12, seed=5, shift=3.0))
    world.run(START + D)
    alert = open_alert(world, "data_drift")
    message = refused(world, alert)
    ready = "20 Jan 2026, 06:00 UTC"
    assert message.startswith("Too early: the rows are like this since 19 Jan 2026, 18:00 UTC")
    assert message.endswith(f"Accept it again after {ready}")
    world.post(traffic(START + D, 6, per_hour=12, seed=6, shift=3.0))
    assert clock.parse("2026-01-20T06:00:00Z") == START + D + 6 * H
    assert accept(world.service, alert["id"], START + D + 7 * H)["reference"]["rows"] == 12 * 12


@pytest.mark.parametrize("before", [3, 10])
def test_a_first_run_long_after_the_change_finds_it_all_the_same(world: World, before: int) -> None:
    """Nobody looked for days, and the window that alarmed is of six hours."""
    world.configure(checks=[{**MINE, "window": "6h"}])
    world.reference(traffic(T0, 24 * 14))
    world.post(traffic(START, 24 * 3, per_hour=12, seed=4))
    change = START + 3 * D + 5 * H
    world.post(traffic(change, 24 * before, per_hour=12, seed=5, shift=1.0, prefix="new"))
    world.run(change + before * D)
    told = accept(world.service, open_alert(world, "mine")["id"], change + before * D)
    assert abs(at(told["since"]) - change) <= 1 * H
    assert told["references"][0]["rows"] == pytest.approx(24 * 12 * before, abs=12)


def test_a_segment_is_not_the_model(world: World) -> None:
    lived_in_regions(world, shift=2.0)
    world.run(START + 2 * D)
    message = refused(world, open_alert(world, "data_drift", "region=north"))
    assert message.startswith("This alert is about region=north alone, and a reference is of all rows")


def test_what_trails_follows_by_itself(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.configure(checks=[{**MINE, "reference": {"trailing": "14d"}}])
    world.post(traffic(START, 24 * 14, seed=4))
    world.post(traffic(START + 14 * D, 24, seed=5, shift=2.0))
    world.run(START + 15 * D)
    message = refused(world, open_alert(world, "mine"))
    assert message.startswith(
        "This alert's readings are compared with trailing 14d, which follows the traffic by itself"
    )


def test_numbers_without_a_reference(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 24 * 21, per_hour=30, seed=4))
    world.post(traffic(START + 21 * D, 24, per_hour=3, seed=5))
    world.run(START + 22 * D)
    assert "are compared with no reference" in refused(world, open_alert(world, "serving"))
