"""Health as CONTRACT section 4 says it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from alerting.reading import to_json
from monitor import clock
from monitor.actions.describe import health
from monitor.actions.frame import Frame
from monitor.actions.replaced_versions import replaced_versions
from monitor.actions.summarise_hours import summarise
from monitor.service import Service
from monitor.store import tables
from tests.monitor.world import T0, D, H, World, traffic

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D


def status(world: World, as_of: int, version: str | None = None) -> tuple[str, list[str]]:
    found = seen(world, as_of, version)
    return found["status"], found["reasons"]


def seen(world: World, as_of: int, version: str | None = None) -> dict[str, Any]:
    with world.service.database.read() as connection:
        return health(connection, world.found(connection), as_of, version).to_json()


@pytest.fixture
def world(service: Service) -> World:
    made = World(service)
    made.post(traffic(START, 48, seed=2))
    return made


def test_without_a_reference(world: World) -> None:
    assert status(world, START + D) == ("unknown", ["no_reference"])


def test_dormant_and_without_a_run(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    assert status(world, START + D) == ("unknown", ["no_recent_run"])
    world.run(START + D)
    assert status(world, START + D)[0] == "healthy"
    assert status(world, START + D + 2 * H)[0] == "healthy"
    assert status(world, START + D + 6 * H) == ("unknown", ["no_recent_run"])
    assert status(world, START + 9 * D) == ("unknown", ["no_recent_data"])


def test_a_window_that_was_not_measured_yet_hides_none_that_was(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.run(START + D + 5 * clock.MINUTE)
    world.run(START + D + 4 * H + 5 * clock.MINUTE)
    for minutes in (0, 4, 6):
        assert status(world, START + D + 4 * H + minutes * clock.MINUTE)[0] == "healthy"
    assert status(world, START + D + 4 * clock.MINUTE) == ("unknown", ["cannot_tell"])  # nobody had looked


def test_a_daily_schedule_is_late_after_two_days(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    names = ("data_drift", "prediction_drift", "data_quality", "performance", "serving")
    world.configure(checks=[{"name": name, "kind": name, "schedule": "5 0 * * *"} for name in names])
    world.run(START + D + 5 * clock.MINUTE)
    assert status(world, START + D + 20 * H)[0] == "healthy"
    assert status(world, START + 3 * D + H) == ("unknown", ["no_recent_run"])


def test_when_nothing_can_be_told(world: World) -> None:
    world.reference(traffic(T0, 1, per_hour=20))
    quiet = World(world.service, "quiet")
    quiet.post(traffic(START, 24, per_hour=1, seed=3))
    quiet.reference(traffic(T0, 24 * 9))
    quiet.run(START + D)
    assert status(quiet, START + D) == ("unknown", ["cannot_tell"])


def test_firing_alerts(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.run(START + D)
    world.post(traffic(START + 2 * D, 24, per_hour=40, seed=4, shift=0.6, prefix="w"))
    world.post(traffic(START + 3 * D, 24, seed=5, shift=4, prefix="c"))
    world.run(START + 3 * D)
    world.run(START + 4 * D)
    assert status(world, START + D)[0] == "healthy"
    degraded = seen(world, START + 3 * D)
    assert degraded["status"] == "degraded"
    assert degraded["since"] == clock.render(START + 3 * D)
    assert degraded["as_of"] == clock.render(START + 3 * D)
    unhealthy = seen(world, START + 4 * D)
    assert unhealthy["status"] == "unhealthy"
    assert unhealthy["since"] == clock.render(START + 4 * D)  # it became critical then, and had been a warning before
    assert "x" in unhealthy["reasons"][0]
    assert status(world, START + 3 * D)[0] == "degraded"  # as it was then


@pytest.mark.parametrize("at", ["warning", "critical"])
def test_a_moment_gives_later_the_reasons_that_it_gave_then(world: World, at: str) -> None:
    """The drift grows for days within one episode, and notes nothing new in its timeline."""
    world.configure(rules=[{"name": "drift", "check": "data_drift", "at": at}])
    world.reference(traffic(T0, 24 * 9))
    for day, shift in enumerate((4, 1.2, 4, 1, 0.4), start=2):
        world.post(traffic(START + day * D, 24, per_hour=40, seed=day, shift=shift, prefix=f"d{day}"))
    then = {}
    for hours in range(72, 24 * 7 + 1, 4):
        world.run(START + hours * H)
        then[START + hours * H] = status(world, START + hours * H)
    assert len({reasons[0] for _, reasons in then.values() if reasons}) > 8
    assert {moment: status(world, moment) for moment in then} == then


def test_an_alert_that_fires_is_not_hidden_by_a_window_that_tells_nothing(world: World) -> None:
    names = ("prediction_drift", "data_quality", "performance", "serving")
    disabled = [{"name": name, "kind": name, "enabled": False} for name in names]
    world.configure(checks=[*disabled, {"name": "data_drift", "kind": "data_drift", "window": "24h"}])
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START + 3 * D, 24, seed=5, shift=4, prefix="c"))
    world.post(traffic(START + 4 * D, 24, per_hour=1, seed=6, prefix="few"))
    world.run(START + 4 * D)
    assert {r["reason"] for r in world.read(START + 5 * D)} == {"too_few_rows"}
    assert status(world, START + 5 * D)[0] == "unhealthy"


def test_one_version_s_alerts_leave_the_other_healthy(world: World) -> None:
    names = ("data_drift", "prediction_drift", "data_quality", "serving")
    world.configure(checks=[{"name": name, "kind": name, "enabled": False} for name in names])
    world.reference([*traffic(T0, 24 * 9, version="1"), *traffic(T0, 24 * 9, version="2", seed=2)])
    for version, right in (("1", 0.95), ("2", 0.2)):
        records = traffic(START + 3 * D, 24, version=version, seed=int(version), right=right, prefix=f"v{version}-")
        world.post(records)
        world.label(records, delay=0)
    world.run(START + 4 * D)
    found = {version: status(world, START + 4 * D, version)[0] for version in ("1", "2", None)}
    assert found == {"1": "healthy", "2": "unhealthy", None: "unhealthy"}


def test_a_check_that_fails_is_unknown_and_the_others_go_on(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.label(traffic(START, 48, seed=2))
    world.run(START + D)
    with world.service.database.write() as connection:
        connection.execute(update(tables.label_summaries).values(data=b"not what it should be"))
    found = [to_json(one) for one in world.run(START + D + 12 * H).readings]
    failed = [one for one in found if one["reason"] == "error"]
    assert {(one["check"], one["verdict"], one["kind"]) for one in failed} == {
        ("performance", "cannot_tell", "performance")
    }
    assert failed[0]["details"]["summary"].startswith("performance: the check failed (")
    assert "ok" in {one["verdict"] for one in found if one["check"] == "data_drift"}
    assert status(world, START + D + 12 * H) == ("unknown", ["check_failed: performance"])
    assert status(world, START + D)[0] == "healthy"  # as it was then


def replaced(world: World, as_of: int) -> dict[str, str]:
    """As a run at this moment finds it: hours are counted before."""
    summarise(world.service, "m", as_of // H, max(world.now, as_of))
    with world.service.database.read() as connection:
        frame = Frame.load(world.service, connection, world.found(connection))
        assert frame is not None
        return replaced_versions(frame, as_of)


def test_a_version_without_rows_for_as_long_as_the_longest_window_is_replaced(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 48, seed=3, version="v1"))
    world.post(traffic(START + 2 * D, 24 * 9, per_hour=2, seed=4, version="v2"))
    assert replaced(world, START + 8 * D) == {}
    assert replaced(world, START + 9 * D + 12 * H) == {"": "v2", "v1": "v2"}
    assert replaced(world, START + D) == {}
    world.post(traffic(START + 12 * D, 4, seed=5, version="v1", prefix="back"))  # rolled back, days after
    assert replaced(world, START + 9 * D + 12 * H) == {"": "v2", "v1": "v2"}


def test_a_version_that_was_rolled_back_is_replaced_after_a_week_and_twice_its_longest_pause(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.configure(checks=[{"name": "performance", "kind": "performance", "window": "24h"}])
    world.post(traffic(START, 24 * 24, per_hour=1, seed=3, version="v1"))
    world.post(traffic(START + D, 24, seed=4, version="v2"))
    assert [replaced(world, START + day * D).get("v2") for day in (3, 8, 9)] == [None, None, "v1"]
    world.post(traffic(START + 8 * D, 24, seed=5, version="v2"))  # its batch of every week
    assert [replaced(world, START + day * D).get("v2") for day in (8, 9, 16, 20)] == [None] * 4
    assert replaced(world, START + 21 * D).get("v2") == "v1"
    world.post(traffic(START + 22 * D, 4, seed=6, version="v2", prefix="back"))
    assert [replaced(world, START + day * D).get("v2") for day in (21, 23)] == ["v1", None]


def test_versions_that_stop_together_are_replaced_by_none(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 48, seed=3, version="v1"))
    world.post(traffic(START + D, 24, seed=4, version="v2"))
    assert replaced(world, START + 12 * D) == {}
