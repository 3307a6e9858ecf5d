"""Accepting an alert: what came since it began is the reference, and later windows like it are quiet."""

from __future__ import annotations

from typing import Any

import pytest

from monitor import clock
from monitor.actions.accept_alert import accept
from monitor.errors import Conflict, NotFound
from monitor.service import Service
from monitor.store import alerts, references
from tests.monitor.world import T0, D, H, World, at, matching, one, traffic

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D


@pytest.fixture
def world(service: Service) -> World:
    """Nine quiet days, then traffic that stays elsewhere."""
    made = World(service)
    made.reference(traffic(T0, 24 * 9))
    made.post(traffic(START, 24 * 4, per_hour=12, seed=5, shift=2.0))
    made.run(START + D)
    return made


def drifting(world: World) -> dict[str, Any]:
    with world.service.database.read() as connection:
        (found,) = [a for a in alerts.open_of(connection, world.found(connection).id) if a["check"] == "data_drift"]
    return found


def test_the_new_normal_is_quiet(world: World) -> None:
    alert = drifting(world)
    now = START + 4 * D
    told = accept(world.service, alert["id"], now)
    assert (told["state"], told["resolve_reason"]) == ("resolved", "accepted")
    assert (told["reference"]["name"], told["reference"]["version"]) == ("base", 2)
    assert told["reference"]["rows"] == 24 * 4 * 12  # from the first window that drifted to the newest row
    assert "4 days" in told["warnings"][0]
    world.post(traffic(now, 24, per_hour=12, seed=8, shift=2.0, prefix="later"))
    found = one(world.read(now + D), check="data_drift", feature="x", hours=24)
    assert (found["verdict"], found["reference"]["version"]) == ("ok", 2)
    with world.service.database.read() as connection:
        assert "data_drift" not in {a["check"] for a in alerts.open_of(connection, world.found(connection).id)}
        kinds = [step["kind"] for step in alerts.list_transitions(connection, alert["id"])]
    assert kinds[-1] == "resolved"


def test_windows_that_hold_the_old_normal_are_not_told_by_the_new_one(service: Service) -> None:
    """A week is half old for days after it was accepted, and would alarm until it is all new."""
    made = World(service)
    made.reference(traffic(T0, 24 * 9))
    made.post(traffic(START - 7 * D, 24 * 7, per_hour=12, seed=4))
    made.post(traffic(START, 24 * 2, per_hour=12, seed=5, shift=2.0, prefix="new"))
    made.run(START + 2 * D)
    since = at(accept(service, drifting(made)["id"], START + 2 * D)["since"])
    assert since == START
    for day in range(2, 10):
        later = START + day * D
        made.post(traffic(later, 24, per_hour=12, seed=20 + day, shift=2.0, prefix="later"))
        found = made.read(later + D)
        assert one(found, metric="rejected_share", hours=168)["verdict"] == "ok"  # which no reference is asked for
        read = matching(found, check="data_drift", feature="x")
        by_length = {hours: one(read, hours=hours) for hours in (24, 168)}
        assert by_length[24]["verdict"] == "ok"
        assert by_length[24]["reference"]["version"] == 2
        week = by_length[168]
        half_old = at(week["window"]["start"]) < since
        assert half_old == (day < 6)
        assert (week["verdict"], week["reason"]) == (("cannot_tell", "before_reference") if half_old else ("ok", None))
        with service.database.read() as connection:
            open_now = alerts.open_of(connection, made.found(connection).id)
        assert "data_drift" not in {alert["check"] for alert in open_now}
    assert (
        "part of this window is older than the reference"
        in one(
            made.stored(check="data_drift", feature="x", metric="ks"),
            hours=168,
            window={"start": clock.render(START - 4 * D), "end": clock.render(START + 3 * D)},
            reference={"name": "base", "version": 2},
        )["details"]["summary"]
    )


def test_what_moved_is_ranked_by_importance(world: World) -> None:
    with world.service.database.read() as connection:
        moved = alerts.latest_moved(connection, drifting(world)["id"])
    assert [line["feature"] for line in moved] == ["x"]
    assert moved[0]["effect"] > 0.5
    assert moved[0]["importance"] == 1.0
    other = World(world.service, "ranked")
    other.configure(features={"x": {"type": "numeric", "importance": 0.25}})
    other.reference(traffic(T0, 24 * 9))
    other.post(traffic(START, 24, per_hour=12, seed=5, shift=2.0))
    other.run(START + D)
    with world.service.database.read() as connection:
        (ranked,) = alerts.latest_moved(connection, drifting(other)["id"])
    assert ranked["weight"] == pytest.approx(0.25 * ranked["effect"])


def test_older_readings_keep_their_reference(world: World) -> None:
    accept(world.service, drifting(world)["id"], START + 4 * D)
    found = matching(world.stored(), check="data_drift", feature="x")
    assert {reading["reference"]["version"] for reading in found} == {1}
    assert all(at(reading["window"]["end"]) <= START + D for reading in found)


def test_what_cannot_be_accepted(world: World) -> None:
    alert = drifting(world)
    accept(world.service, alert["id"], START + 4 * D)
    with pytest.raises(Conflict):
        accept(world.service, alert["id"], START + 4 * D + H)
    with pytest.raises(NotFound):
        accept(world.service, "alert-unknown", START + 4 * D)
    with world.service.database.read() as connection:
        (newest,) = references.newest(connection, world.found(connection).id)
    assert newest.version == 2
