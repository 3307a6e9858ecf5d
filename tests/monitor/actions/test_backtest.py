"""Backtests: the real schedule over a copy, over history and over the same rows with drift put in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from dashboards import pages
from dashboards.views import Viewer
from detectors.injected import Injection
from monitor import clock
from monitor.actions import build_page
from monitor.actions.backtest import Asked, backtest, changed_alerts
from monitor.actions.page_data.rule import rule_page
from monitor.config.reading import from_object
from monitor.errors import Invalid, NotFound
from monitor.store import alerts, readings
from tests.monitor.world import T0, D, H, World, traffic
from tests.stores import new_service

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D
END = START + 8 * D
EVERY_4_HOURS = "5 */4 * * *"
SETTINGS: dict[str, Any] = {
    "checks": [
        {"name": "data_drift", "kind": "data_drift", "window": "24h", "schedule": EVERY_4_HOURS},
        {"name": "data_quality", "kind": "data_quality", "window": "24h", "schedule": EVERY_4_HOURS},
        {"name": "performance", "kind": "performance", "window": "24h", "schedule": EVERY_4_HOURS},
        *({"name": kind, "kind": kind, "enabled": False} for kind in ("prediction_drift", "serving")),
    ],
    "rules": [
        {"name": "drift", "check": "data_drift"},
        {"name": "twice", "check": "data_drift", "for": 2},
        {"name": "late", "check": "data_drift", "at": "critical", "for": 2},
        {"name": "broken", "check": "data_quality"},
        {"name": "worse", "check": "performance"},
    ],
}
PUT_IN = [Injection("shift", 2.0), Injection("missing", 0.2, "kind"), Injection("concept", 0.4)]


@pytest.fixture(scope="module")
def told(on_each_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, dict[str, Any]]]:
    """A quiet week at 30 rows an hour, backtested with three kinds of drift from its fifth day on."""
    world = World(new_service(tmp_path_factory.mktemp("store")), now=END + H)
    world.configure(**SETTINGS)
    world.reference(traffic(T0, 24 * 14, 30))
    rows = traffic(START, 24 * 8, 30, seed=2)
    world.post(rows)
    world.label(rows)
    asked = Asked("m", START + D, END, injections=PUT_IN, at=START + 4 * D)
    yield world, backtest(world.service, asked, world.now)
    world.service.close()


def injected(found: dict[str, Any], rule: str, kind: str) -> dict[str, Any]:
    (one,) = (one for one in found["rules"] if one["rule"] == rule)
    (put,) = (put for put in one["injected"] if put["kind"] == kind)
    return dict(put)


def test_a_quiet_history_fires_nothing(told: tuple[World, dict[str, Any]]) -> None:
    _, found = told
    assert [(one["rule"], one["fired"], one["alerts"]) for one in found["rules"]] == [
        (name, 0, []) for name in ("label_pause", *(rule["name"] for rule in SETTINGS["rules"]))
    ]


def test_what_is_put_in_is_found_by_the_rules_that_look_for_it(told: tuple[World, dict[str, Any]]) -> None:
    _, found = told
    shift = injected(found, "drift", "shift")
    assert (shift["feature"], shift["firing_before"], shift["fired_without"]) == ("x", False, None)
    assert 0 < shift["delay_hours"] <= 12
    assert shift["summary"].startswith("x")
    assert shift["delay_hours"] + 4 <= injected(found, "twice", "shift")["delay_hours"] <= 24
    assert shift["delay_hours"] < injected(found, "late", "shift")["delay_hours"] <= 24
    assert 0 < injected(found, "broken", "missing")["delay_hours"] <= 16
    assert injected(found, "broken", "concept")["delay_hours"] is None
    assert 3 < injected(found, "worse", "concept")["delay_hours"] <= 40
    assert injected(found, "drift", "concept")["fired_at"] is None
    assert {put["cannot_tell"] for one in found["rules"] for put in one["injected"]} == {None}


def test_nothing_of_it_is_stored(told: tuple[World, dict[str, Any]]) -> None:
    world, _ = told
    with world.service.database.read() as connection:
        model = world.found(connection)
        assert alerts.list_alerts(connection, model="m", state=None, since=None, limit=9, after=None) == []
        assert list(readings.find(connection, model.id, readings.Query(limit=9))) == []


@pytest.mark.parametrize("late", [None, 30 * D], ids=["no labels", "labels that come later"])
def test_a_concept_without_labels_tells_nothing(world: World, late: int | None) -> None:
    world.now = END + 40 * D
    world.configure(**SETTINGS)
    world.reference(traffic(T0, 24 * 14, 10))
    rows = traffic(START, 24 * 2, 10, seed=2)
    world.post(rows)
    if late is not None:
        world.label(rows, delay=late)
    put_in = [Injection("concept", 0.4), Injection("missing", 0.2, "kind")]
    asked = Asked("m", START + D, START + 2 * D, rules=["worse"], injections=put_in)
    found = backtest(world.service, asked, world.now)
    assert injected(found, "worse", "concept")["cannot_tell"] == "no_labels"
    assert injected(found, "worse", "missing")["cannot_tell"] is None


def test_it_says_what_replay_does(world: World) -> None:
    """Rows that drift by themselves: the backtest of a stretch foretells its replay."""
    world.now = END + H
    world.configure(**SETTINGS)
    world.reference(traffic(T0, 24 * 14, 30))
    world.post([*traffic(START, 24 * 4, 30, seed=2), *traffic(START + 4 * D, 24 * 4, 30, seed=3, shift=1.0)])
    found = backtest(world.service, Asked("m", START + D, END, rules=["drift"]), world.now)
    foretold = [(one["fired_at"], one["severity"]) for one in found["rules"][0]["alerts"]]
    for hour in range(0, 24 * 7, 4):
        world.run(START + D + hour * H + 5 * clock.MINUTE)
    with world.service.database.read() as connection:
        made = alerts.list_alerts(connection, model="m", state=None, since=None, limit=99, after=None)
    assert foretold
    assert [(one["fired_at"], one["severity"]) for one in made if one["rule"] == "drift"] == foretold


def test_an_edit_shows_which_alerts_it_would_have_changed(world: World) -> None:
    world.now = END + H
    world.configure(**SETTINGS)
    world.reference(traffic(T0, 24 * 14, 30))
    world.post([*traffic(START, 24 * 4, 30, seed=2), *traffic(START + 4 * D, 24 * 4, 30, seed=3, shift=0.8)])
    never = {"name": "twice", "check": "data_drift", "at": "critical", "for": 100}
    rules = [{"name": "drift", "check": "data_drift", "for": 3}, never]
    document = from_object({"models": {"m": {**SETTINGS, "rules": rules}}})
    found = changed_alerts(world.service, document, world.now, days=8)["m"]
    assert [one["rule"] for one in found["gone"] if one["rule"] == "twice"] == ["twice"]
    (moved,) = (one for one in found["changed"] if one["before"]["rule"] == "drift")
    assert moved["before"]["fired_at"] < moved["after"]["fired_at"]
    assert changed_alerts(world.service, from_object({"models": {"m": SETTINGS}}), world.now) == {}


def test_a_rules_page_shows_its_neighbours_and_tries_it(told: tuple[World, dict[str, Any]]) -> None:
    world, _ = told
    for hour in range(0, 24, 4):
        world.run(END - D + hour * H)
    viewer = Viewer(now=world.now)
    page = build_page.build_rule(world.service, viewer, "m", "drift")
    assert "as it is" in page
    assert "3 of 5" in page
    assert "earlier ones are left out" not in page
    cut = replace(rule_page(world.service, "m", "drift", world.now), whole=False)
    assert "earlier ones are left out" in pages.rule(viewer, cut)
    tried = build_page.build_rule(world.service, viewer, "m", "drift", backtest=True)
    assert "shift of x" in tried
    assert "unit change of x" in tried
    assert tried.count("after ") >= 1
    with pytest.raises(NotFound, match="it has: label_pause, drift, twice"):
        build_page.build_rule(world.service, viewer, "m", "nobody")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"end": START}, "to"),
        ({"rules": ["nobody"]}, "rule"),
        ({"injections": [Injection("shift", 1.0, "zz")]}, "feature"),
        ({"injections": [Injection("unit_change", 9.0, "kind")]}, "feature"),
        ({"at": END + D, "injections": PUT_IN}, "at"),
    ],
)
def test_what_cannot_be_asked_is_named(told: tuple[World, dict[str, Any]], changes: dict[str, Any], field: str) -> None:
    world, _ = told
    asked = {"model": "m", "start": START + D, "end": START + D + 2 * H, **changes}
    with pytest.raises(Invalid) as caught:
        backtest(world.service, Asked(**asked), world.now)
    assert caught.value.field == field
