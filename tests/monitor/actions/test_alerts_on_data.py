"""The life of alerts on rows and labels as they are posted: vanished features, late corrections, new versions."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from dashboards.views import Viewer
from monitor import clock
from monitor.actions import build_page
from monitor.config.document import KINDS
from monitor.service import Service
from monitor.store import alerts, outbox, tables
from tests.monitor.world import T0, D, H, World, traffic

START = T0 + 14 * D
FIVE = 5 * clock.MINUTE


@pytest.fixture
def world(service: Service) -> World:
    made = World(service)
    made.reference(traffic(T0, 24 * 9, per_hour=20))
    return made


def walk(world: World, hours: range, *checks: str) -> None:
    for hour in hours:
        world.run(START + hour * H + FIVE, checks=checks)


def story(world: World) -> dict[str, list[dict[str, Any]]]:
    """Alerts by rule, oldest first, each with its timeline."""
    found: dict[str, list[dict[str, Any]]] = {}
    with world.service.database.read() as connection:
        listed = alerts.list_alerts(connection, model="m", state=None, since=None, limit=100, after=None)
        for alert in listed[::-1]:
            entries = alerts.list_transitions(connection, alert["id"])
            found.setdefault(alert["rule"], []).append({**alert, "transitions": entries})
    return found


def kinds(alert: dict[str, Any]) -> list[str]:
    return [one["kind"] for one in alert["transitions"]]


def without_x(records: list[dict[str, Any]], start: int, end: int) -> list[dict[str, Any]]:
    """The feature x is not sent any more between two moments."""
    gone = [start <= clock.parse(one["timestamp"]) < end for one in records]
    return [
        {**one, "features": {"kind": one["features"]["kind"]}} if away else one
        for one, away in zip(records, gone, strict=True)
    ]


def test_a_feature_that_vanishes_and_comes_back(world: World) -> None:
    world.configure(checks=[{"name": name, "kind": name, "window": "24h"} for name in ("data_quality", "data_drift")])
    world.post(without_x(traffic(START, 24 * 5, per_hour=20, seed=2), START + D, START + 3 * D))
    walk(world, range(24, 24 * 5, 4), "data_quality", "data_drift")
    found = story(world)
    (quality,) = found["data_quality"]
    assert (quality["state"], quality["resolve_reason"], quality["severity"]) == ("resolved", "recovered", "critical")
    (drift,) = found["data_drift"]
    assert kinds(drift) == ["data_missing", "resolved"]
    assert drift["summary"].startswith("no data of x in 3 windows of 24h in a row")
    assert drift["resolve_reason"] == "data_back"
    (by,) = drift["transitions"][0]["details"]["hidden_by"]
    assert by["alert"] == quality["id"]


@pytest.mark.parametrize("has_x", [False, True])
def test_a_feature_that_another_version_never_had_is_not_missing_and_one_that_it_had_is(
    world: World, has_x: bool
) -> None:
    world.configure(checks=[{"name": "data_drift", "kind": "data_drift", "window": "24h"}])
    newer = traffic(T0, 24 * 9, per_hour=10, seed=2, version="v2")
    older = traffic(T0, 24 * 9, per_hour=20, version="v1")
    world.reference([*older, *(newer if has_x else without_x(newer, T0, START))])
    world.post(traffic(START, 24 * 2, per_hour=20, seed=3, version="v1"))
    after = traffic(START + 2 * D, 24 * 4, per_hour=20, seed=4, version="v2")
    world.post(without_x(after, START + 2 * D, START + 6 * D))
    walk(world, range(24, 24 * 6, 4), "data_drift")
    found = story(world).get("data_drift", [])
    assert [kinds(one) for one in found] == ([["data_missing"]] if has_x else [])
    both = world.stored(check="data_drift", end=START + 2 * D + 12 * H)
    judged = {one["reason"] for one in both if one["verdict"]}  # of windows with rows of both versions, too
    assert judged == {None}
    last = {one["feature"]: one for one in world.read(START + 6 * D, check="data_drift", hours=24)}
    assert (last["x"]["verdict"], last["x"]["n_current"]) == ("cannot_tell", 0)
    assert last["kind"]["verdict"] == "ok"


def test_labels_that_are_corrected_end_an_alert_about_performance(world: World) -> None:
    world.configure(checks=[{"name": "performance", "kind": "performance", "window": "24h"}], label_horizon="5d")
    records = traffic(START, 48, per_hour=20, seed=2)
    world.post(records)
    wrong = [{**one, "label": 1 - one["label"]} for one in records[: 24 * 20]]
    world.label(wrong)
    world.run(START + 28 * H)
    (alert,) = story(world)["performance"]
    assert (alert["state"], kinds(alert)) == ("firing", ["pending", "firing"])
    world.poster.labels(
        [
            {"id": one["id"], "label": one["label"], "timestamp": clock.render(START + 40 * H)}
            for one in records[: 24 * 20]
        ],
        now=world.now,
    )
    world.run(START + 44 * H)
    world.run(START + 48 * H)
    (alert,) = story(world)["performance"]
    assert (alert["state"], alert["resolve_reason"]) == ("resolved", "corrected")
    assert kinds(alert)[-2:] == ["corrected", "resolved"]


def test_an_alert_of_a_version_ends_when_another_has_been_served_for_a_week(world: World) -> None:
    world.configure(checks=[{"name": "performance", "kind": "performance", "window": "24h"}])
    old = traffic(START, 48, per_hour=20, seed=2, right=0.5, version="v1")
    new = traffic(START + 2 * D, 48, per_hour=20, seed=3, version="v2")
    world.post([*old, *new])
    world.label([*old, *new])
    walk(world, range(28, 24 * 4, 4), "performance")
    first = story(world)["performance"]
    assert {one["version"] for one in first} == {"v1"}
    assert [(one["state"], one["resolve_reason"]) for one in first] == [("resolved", "superseded")]
    assert first[0]["details"]["superseded_by"] == "v2"
    ended = first[0]["transitions"][-1]
    assert START + 3 * D <= clock.parse(ended["at"]) <= START + 3 * D + 8 * H


def test_an_alert_of_a_canary_ends_a_week_after_the_rollback_and_one_begins_when_it_is_back(world: World) -> None:
    world.configure(checks=[{"name": "performance", "kind": "performance", "window": "24h"}])
    stable = traffic(START, 24 * 13, per_hour=20, seed=2, version="v1")
    canary = traffic(START + D, 24, per_hour=20, seed=3, right=0.5, version="v2")
    back = traffic(START + 11 * D, 24, per_hour=20, seed=4, right=0.5, version="v2")
    records = [*stable, *canary, *back]
    world.post(records)
    world.label(records)
    walk(world, range(52, 24 * 9, 8), "performance")
    (first,) = story(world)["performance"]
    assert (first["version"], first["state"]) == ("v2", "firing")
    walk(world, range(24 * 9, 24 * 11, 8), "performance")
    (first,) = story(world)["performance"]
    assert (first["state"], first["resolve_reason"]) == ("resolved", "superseded")
    assert first["details"]["superseded_by"] == "v1"
    ended = first["transitions"][-1]
    assert clock.parse(ended["at"]) == START + 9 * D + FIVE
    assert ended["reason"] == "version v2 has had no rows since 20 Jan 2026, 23:57 UTC; v1 took over"
    walk(world, range(24 * 12 + 4, 24 * 13, 8), "performance")
    assert [one["state"] for one in story(world)["performance"]] == ["resolved", "firing"]


def test_an_alert_ends_with_the_last_check_of_its_model_and_that_is_told(world: World) -> None:
    """No run is due of a model without checks, nor of one without new rows."""
    hook = {"type": "webhook", "url": "http://127.0.0.1:9/hook"}
    world.apply({"default_notify": ["ops"], "channels": {"ops": hook}})
    world.configure(checks=[{"name": "data_drift", "kind": "data_drift", "window": "24h"}])
    world.post(traffic(START, 24, per_hour=20, seed=2, shift=3.0))
    walk(world, range(24, 25), "data_drift")
    (alert,) = story(world)["data_drift"]
    world.configure(tolerance=0.03, checks=[{"name": "data_drift", "kind": "data_drift", "window": "24h"}])
    assert story(world)["data_drift"][0]["state"] == "firing"  # its rule is still there
    world.configure(checks=[{"name": kind, "kind": kind, "enabled": False} for kind in KINDS])
    (after,) = story(world)["data_drift"]
    assert (after["id"], after["state"], after["resolve_reason"]) == (alert["id"], "resolved", "rule_removed")
    assert clock.parse(after["resolved_at"]) == world.now
    with world.service.database.read() as connection:
        told = outbox.deliveries_of(connection, alert["id"])
    assert [one["types"] for one in told] == [["alert.firing"], ["alert.resolved"]]


@pytest.mark.one_engine
def test_an_alert_ends_with_its_segment(world: World) -> None:
    checks = [{"name": "data_drift", "kind": "data_drift", "window": "24h"}]
    world.configure(checks=checks, segments=["region"])
    rows = [{**one, "segments": {"region": "north"}} for one in traffic(T0, 24 * 9, per_hour=20)]
    world.reference(rows)
    drifted = traffic(START, 24, per_hour=20, seed=2, shift=3.0)
    world.post([{**one, "segments": {"region": "north"}} for one in drifted])
    walk(world, range(24, 25), "data_drift")
    assert {one["segment"]: one["state"] for one in story(world)["data_drift"]} == {
        None: "firing", "region=north": "firing",
    }  # fmt: skip
    world.configure(checks=checks)
    found = {one["segment"]: one for one in story(world)["data_drift"]}
    assert found[None]["state"] == "firing"
    assert found["region=north"]["resolve_reason"] == "rule_removed"
    assert "region=north is no longer in" in found["region=north"]["transitions"][-1]["reason"]


@pytest.mark.one_engine
def test_features_that_come_in_numbers_hide_no_drift_of_those_that_were_there(world: World) -> None:
    """They have no reference, and say nothing of the others."""
    world.configure(checks=[{"name": name, "kind": name, "window": "24h"} for name in ("data_quality", "data_drift")])
    drifted = traffic(START, 24, per_hour=20, seed=2, shift=3.0)
    world.post([{**one, "features": {**one["features"], **dict.fromkeys("abcdef", 1.0)}} for one in drifted])
    walk(world, range(24, 25), "data_quality", "data_drift")
    (alert,) = story(world)["data_drift"]
    assert (alert["state"], alert["details"]) == ("firing", {})
    assert {one["feature"] for one in alert["transitions"][-1]["readings"]} == {"x"}


@pytest.mark.one_engine
def test_an_alert_of_a_short_reference_says_so_on_every_page_and_in_the_message(service: Service) -> None:
    world = World(service, "young")
    world.apply(
        {
            "channels": {"ops": {"type": "webhook", "url": "https://ops.example/hook", "secret": "${OPS_SECRET}"}},
            "default_notify": ["ops"],
        }
    )
    world.reference(traffic(T0, 24 * 5, per_hour=20))
    world.post(traffic(START, 24, per_hour=20, seed=5, shift=1.0))
    world.run(START + D, checks=["data_drift"])
    with service.database.read() as connection:
        (alert,) = alerts.open_of(connection, world.found(connection).id)
        (body,) = connection.execute(select(tables.outbox.c.body)).scalars()
    words = "; the reference is short: tolerance 5 %"
    assert words in alert["summary"]
    assert words in body["entries"][0]["alert"]["summary"]
    viewer = Viewer(now=world.now)
    assert words in build_page.build_model(service, viewer, "young", {})
    assert words in build_page.build_alert(service, viewer, alert["id"])
