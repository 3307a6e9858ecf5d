"""Calling an alert false, over HTTP and by the button on its page: it ends, it is counted, and it teaches."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.service import Service
from tests.monitor.api.calling import Api
from tests.monitor.world import T0, D, World, one, traffic

DAYS = [T0 + (30 + 6 * number) * D for number in range(3)]
BUTTON = ">False alarm</button>"


@pytest.fixture
def world(service: Service) -> World:
    """Four weeks of reference, then every sixth day higher: the second more so, the third as the first."""
    world = World(service, now=DAYS[-1] + 3 * D)
    world.configure(checks=[{"name": "drift", "kind": "data_drift", "features": ["x"], "window": "24h"}])
    world.reference(traffic(T0, 24 * 28, per_hour=20))
    for number, (day, seed, shift) in enumerate(zip(DAYS, (7, 8, 7), (0.5, 0.8, 0.5), strict=True)):
        rows = traffic(day, 24, per_hour=20, seed=seed, shift=shift)
        world.post([{**row, "id": f"{number}-{row['id']}"} for row in rows])
    return world


def alerts(world: World, check: str = "drift") -> list[dict[str, Any]]:
    items = Api(world.service, world.now).get("/v1/alerts")["items"]
    return [alert for alert in items if alert["check"] == check]


def reading(world: World, day: int) -> dict[str, Any]:
    return one(world.read(day + D), check="drift", metric="ks", feature="x", hours=24)


def called_false(world: World, day: int) -> dict[str, Any]:
    """The alert of a day, which a person calls false a minute later."""
    world.run(day + D)
    (alert,) = [alert for alert in alerts(world) if alert["state"] == "firing"]
    answer = Api(world.service, day + D + 60_000_000).call(
        "POST", f"/v1/alerts/{alert['id']}/false-alarm", json={"author": "ana", "comment": "sales"}
    )
    assert answer.status_code == 200
    return dict(answer.json())


def test_the_second_in_a_month_teaches(world: World) -> None:
    first = called_false(world, DAYS[0])
    assert (first["state"], first["resolve_reason"]) == ("resolved", "manual")
    told = first["details"]["false_alarm"]
    assert (told["author"], told["comment"]) == ("ana", "sales")
    (series,) = told["series"]
    assert (series["metric"], series["feature"], series["hours"], series["reference"]) == ("ks", "x", 24, "base")
    assert series["factor"] > 1
    before = one(world.read(DAYS[1] + D), check="drift", metric="ks", feature="x", hours=24)
    assert before["verdict"] == "critical"  # one in a month is what was promised
    assert "calibration" not in before["details"]
    second = called_false(world, DAYS[1])
    least = min(series["factor"], second["details"]["false_alarm"]["series"][0]["factor"])
    assert least == series["factor"]
    after = reading(world, DAYS[2])  # the rows of the first day again
    assert (after["verdict"], after["details"]["calibration"]) == ("ok", pytest.approx(least))
    assert "silent_at" not in after["details"]
    assert 0.01 < after["details"]["effect_lower"] <= after["details"]["tolerance"]
    assert reading(world, DAYS[1])["details"].get("calibration") is None  # as of then it was not known


def test_an_old_one_may_be_called_false_and_again_is_harmless(world: World) -> None:
    world.run(DAYS[0] + D)
    (alert,) = alerts(world)
    api = Api(world.service, world.now)
    path = f"/v1/alerts/{alert['id']}"
    assert api.call("POST", f"{path}/resolve").status_code == 200
    told = api.call("POST", f"{path}/false-alarm").json()
    assert len(told["details"]["false_alarm"]["series"]) == 1
    assert api.call("POST", f"{path}/false-alarm").json() == told
    kinds = [entry["kind"] for entry in api.get(path)["transitions"]]
    assert kinds[-2:] == ["resolved", "false_alarm"]
    assert api.call("POST", "/v1/alerts/alert-none/false-alarm").status_code == 404


def test_by_the_button(world: World) -> None:
    world.run(DAYS[0] + D)
    (alert,) = alerts(world)
    api, path = Api(world.service, world.now), f"/alerts/{alert['id']}"
    assert BUTTON in api.call("GET", path).text
    answer = api.call("POST", f"{path}/false-alarm")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    page = api.call("GET", path).text
    assert BUTTON not in page
    assert '<span class="tag">false alarm</span>' in page
    assert api.get(f"/v1/alerts/{alert['id']}")["state"] == "resolved"
    api = Api(world.service, DAYS[0] + 2 * D)
    ledger = api.get("/v1/models/m")["ledger"]
    assert (ledger["opened"], ledger["called_false"]) == (2, 1)
    assert "2 alerts opened, 1 called false." in api.call("GET", "/models/m").text


def test_what_lists_show_is_brief(world: World) -> None:
    called_false(world, DAYS[0])
    (told,) = [alert["details"]["false_alarm"] for alert in alerts(world)]
    assert set(told) == {"at", "author", "comment"}


def test_a_check_with_a_level_of_its_own_teaches_nothing(world: World) -> None:
    """It runs at 5 %: what it would take to silence it would silence the ledger's own checks of the feature."""
    check = {"name": "drift", "kind": "data_drift", "features": ["x"], "window": "24h", "threshold": {"warning": 0.03}}
    world.configure(checks=[check])
    for day in DAYS[:2]:
        assert called_false(world, day)["details"]["false_alarm"]["series"] == []
    own = one(world.read(DAYS[2] + D), check="data_drift", metric="ks", feature="x", hours=24)
    assert (own["verdict"], own["details"].get("calibration")) == ("warning", None)


def test_a_month_is_of_incidents_not_of_clicks(service: Service) -> None:
    """Three in a hundred days are what one a month allows, whenever somebody looks."""
    days = [T0 + (30 + 35 * number) * D for number in range(3)]
    world = World(service, now=days[-1] + 20 * D)
    world.configure(checks=[{"name": "drift", "kind": "data_drift", "features": ["x"], "window": "24h"}])
    world.reference(traffic(T0, 24 * 28, per_hour=20))
    last, clicked = world.now - 5 * D, world.now - 10 * D
    for number, day in enumerate([*days, last]):
        rows = [*traffic(day, 24, per_hour=20, seed=7, shift=0.5), *traffic(day + D, 24, per_hour=20, seed=9)]
        world.post([{**row, "id": f"{number}-{place}"} for place, row in enumerate(rows)])
    for day in days:
        world.run(day + D)
        (alert,) = [alert for alert in alerts(world) if alert["state"] == "firing"]
        Api(service, day + D).call("POST", f"/v1/alerts/{alert['id']}/resolve")
    api = Api(service, clicked)
    for alert in alerts(world):
        assert api.call("POST", f"/v1/alerts/{alert['id']}/false-alarm").status_code == 200
    found = reading(world, last)
    assert (found["verdict"], found["details"].get("calibration")) == ("warning", None)


def test_what_no_reference_was_asked_of_teaches_nothing(world: World) -> None:
    world.configure(
        checks=[{"name": "drift", "kind": "data_drift", "features": ["x"], "method": "psi", "window": "24h",
                 "threshold": {"warning": 0.001}}]
    )  # fmt: skip
    assert called_false(world, DAYS[0])["details"]["false_alarm"]["series"] == []
