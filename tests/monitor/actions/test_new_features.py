"""Features that the reference does not have, and features by another name, on rows as they are posted."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from dashboards.views import Viewer
from monitor import clock
from monitor.actions import build_page
from monitor.actions.measuring import schema
from monitor.store import alerts, tables
from tests.monitor.world import T0, D, H, Record, World, matching, one, traffic

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D
RENAMED = START + 14 * H


def altered(records: list[Record], since: int, change: Any) -> list[Record]:
    """``change`` is given the features of rows from a moment on and gives others."""
    return [
        {**row, "features": change(dict(row["features"]))} if clock.parse(row["timestamp"]) >= since else row
        for row in records
    ]


def renamed(features: Record, old: str = "x", new: str = "x_usd") -> Record:
    return {new if name == old else name: value for name, value in features.items()}


def day(world: World, change: Any, since: int = RENAMED, per_hour: int = 20) -> list[dict[str, Any]]:
    """Data quality of a day in which rows change at 14:00."""
    world.configure(checks=[{"name": "data_quality", "kind": "data_quality", "window": "24h"}])
    world.reference(traffic(T0, 24 * 9, per_hour=20))
    world.post(traffic(START - D, 24, per_hour=per_hour, seed=5))
    world.post(altered(traffic(START, 24, per_hour=per_hour, seed=2), since, change))
    return world.read(START + D, kind="data_quality")


def missing(found: list[dict[str, Any]], feature: str = "x") -> dict[str, Any]:
    return one(found, metric="missing_share", feature=feature)


def test_a_new_feature_is_told_and_nothing_alarms(world: World) -> None:
    found = day(world, lambda features: {**features, "score_v2": 0.5})
    (new,) = matching(found, metric="new_feature_share")
    assert (new["feature"], new["verdict"], new["reason"], new["alpha"]) == ("score_v2", None, None, None)
    assert (new["value"], new["n_current"]) == (pytest.approx(10 / 24), 480)
    assert new["lower"] < new["value"] < new["upper"]
    assert (new["details"]["since"], new["details"]["since_share"]) == ("2026-01-19T14:00:00Z", 1.0)
    assert new["details"]["summary"] == (
        "score_v2: new since 14:00 UTC, in 100 % of the rows since then; the reference does not have it, so it cannot "
        "be tested for drift until a reference has it"
    )
    assert {row["verdict"] for row in found} == {"ok", None}
    with world.service.database.read() as connection:
        assert not alerts.open_of(connection, world.found(connection).id)


def test_whatever_type_it_has_it_is_sent_and_nan_is_not(world: World) -> None:
    def odd(features: Record) -> Record:
        return {**features, "late": (0.5, "n/a", float("nan"), None)[int(features["x"] * 1e6) % 4]}

    new = one(day(world, odd), metric="new_feature_share")
    assert new["details"]["since"] == "2026-01-19T14:00:00Z"
    assert new["details"]["since_share"] == pytest.approx(0.5, abs=0.1)


def test_a_feature_that_is_sent_by_another_name(world: World) -> None:
    said = missing(day(world, renamed))
    assert said["details"]["renamed_to"] == ["x_usd"]
    assert said["details"]["summary"].endswith(
        ": it has not been sent since 14:00 UTC; x_usd came new at the same time with like values: renamed?"
    )


def test_an_alert_tells_the_other_name(world: World) -> None:
    world.apply({"default_notify": ["ops"], "channels": {"ops": {"type": "webhook", "url": "http://127.0.0.1:9/hook"}}})
    day(world, renamed)
    with world.service.database.read() as connection:
        (alert,) = alerts.open_of(connection, world.found(connection).id)
        (body,) = connection.execute(select(tables.outbox.c.body)).scalars()
    said = "it has not been sent since 14:00 UTC; x_usd came new at the same time with like values: renamed?"
    assert said in alert["summary"]
    (told,) = body["entries"]
    assert [one["details"]["renamed_to"] for one in told["readings"]] == [["x_usd"]]
    assert said in told["alert"]["summary"]


def test_a_category_by_another_name(world: World) -> None:
    said = missing(day(world, lambda features: renamed(features, "kind", "sort")), "kind")
    assert said["details"]["renamed_to"] == ["sort"]


@pytest.mark.parametrize(
    "other",
    [
        lambda x: 3 * x + 1,  # another unit
        lambda x: f"{x}",  # another type
        lambda x: x if x > 0 else None,  # missing in half of the rows
    ],
    ids=["values", "type", "missing"],
)
def test_what_is_not_like_the_old_one_is_new_and_no_more(world: World, other: Any) -> None:
    found = day(world, lambda features: {"kind": features["kind"], "x_usd": other(features["x"])})
    assert "renamed_to" not in missing(found)["details"]
    assert one(found, metric="new_feature_share")["feature"] == "x_usd"


@pytest.mark.parametrize("earlier", [5, -5])
def test_what_came_at_another_time_has_not_taken_its_place(world: World, earlier: int) -> None:
    """Hours before, and after: both sent for a while, and none."""

    def sent(features: Record, moment: int) -> Record:
        old = {"x": features["x"]} if moment < RENAMED else {}
        new = {"x_usd": features["x"]} if moment >= RENAMED - earlier * H else {}
        return {"kind": features["kind"], **old, **new}

    world.configure(checks=[{"name": "data_quality", "kind": "data_quality", "window": "24h"}])
    world.reference(traffic(T0, 24 * 9, per_hour=20))
    rows = traffic(START, 24, per_hour=20, seed=2)
    world.post([{**row, "features": sent(row["features"], clock.parse(row["timestamp"]))} for row in rows])
    found = world.read(START + D, kind="data_quality")
    assert "renamed_to" not in missing(found)["details"]
    assert "it has not been sent since 14:00 UTC" in missing(found)["details"]["summary"]


def test_of_two_that_are_alike_both_are_named_unless_the_name_tells(world: World) -> None:
    def both(features: Record) -> Record:
        return {"kind": features["kind"], "one": features["x"], "two": features["x"]}

    said = missing(day(world, both))
    assert said["details"]["renamed_to"] == ["one", "two"]
    assert said["details"]["diagnosis"] == (
        "one and two came new at the same time with like values: renamed to one of them?"
    )


def test_names_tell_what_values_cannot(world: World) -> None:
    world.configure(checks=[{"name": "data_quality", "kind": "data_quality", "window": "24h"}])

    def twice(features: Record) -> Record:
        return {"v1": features["x"], "v2": -features["x"]}

    def spelled(features: Record) -> Record:
        return {"V_2": features["v2"], "V_1": features["v1"]}

    base, now = traffic(T0, 24 * 9, per_hour=20), traffic(START, 24, per_hour=20, seed=2)
    world.reference(altered(base, 0, twice))
    world.post(altered(altered(now, 0, twice), RENAMED, spelled))
    found = world.read(START + D, metric="missing_share")
    assert {row["feature"]: row["details"]["renamed_to"] for row in found} == {"v1": ["V_1"], "v2": ["V_2"]}


def test_days_later_the_name_is_still_told_and_what_was_always_there_is_none(world: World) -> None:
    """The column ``copy`` is sent all the time, has the same values, and is not in the reference."""
    world.configure(checks=[{"name": "data_quality", "kind": "data_quality", "window": "24h"}])
    world.reference(traffic(T0, 24 * 9, per_hour=20))
    rows = [
        {**row, "features": {**row["features"], "copy": row["features"]["x"] + 1e-7}}
        for row in traffic(START - 12 * D, 24 * 22, per_hour=8, seed=2)
    ]
    world.post(altered(rows, RENAMED, renamed))
    for days in (1, 4, 10):
        found = world.read(START + days * D, kind="data_quality")
        assert missing(found)["details"]["renamed_to"] == ["x_usd"], days
        always = one(found, metric="new_feature_share", feature="copy")
        assert "since" not in always["details"]
        assert always["details"]["summary"].startswith("copy: sent in 100 % of the rows; the reference does not have")


def test_a_run_knows_no_later_rows_and_says_the_same_again(world: World) -> None:
    day(world, renamed)
    before = world.read(RENAMED, kind="data_quality")
    assert not matching(before, metric="new_feature_share")
    assert "renamed_to" not in missing(before)["details"]
    again = world.read(START + D, kind="data_quality")
    assert {row["revision"] for row in again} == {1}


def test_a_check_that_names_features_tells_their_new_names_alone(world: World) -> None:
    world.configure(checks=[{"name": "data_quality", "kind": "data_quality", "window": "24h", "features": ["x"]}])
    world.reference(traffic(T0, 24 * 9, per_hour=20))
    world.post(altered(traffic(START, 24, per_hour=20, seed=2), RENAMED, renamed))
    found = world.read(START + D, kind="data_quality")
    assert missing(found)["details"]["renamed_to"] == ["x_usd"]
    assert not matching(found, metric="new_feature_share")


def test_a_bound_of_ones_own_does_not_judge_it(world: World) -> None:
    check = {"name": "mine", "kind": "data_quality", "window": "24h", "threshold": {"warning": 0.05}}
    world.configure(checks=[check])
    world.reference(traffic(T0, 24 * 9, per_hour=20))
    world.post(altered(traffic(START, 24, per_hour=20, seed=2), RENAMED, lambda f: {**f, "late": 1.0}))
    (new,) = world.read(START + D, check="mine", metric="new_feature_share")
    assert (new["verdict"], new["threshold"], new["details"]["critical"]) == (None, None, None)


def test_large_hours_are_looked_at_where_it_matters(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest hour alone is read, and those around the one in which a feature went."""
    monkeypatch.setattr(schema, "MOST_ROWS", 100)
    found = day(world, renamed, per_hour=120)
    assert missing(found)["details"]["renamed_to"] == ["x_usd"]
    new = one(found, metric="new_feature_share")
    assert new["details"]["since"] == "2026-01-19T14:00:00Z"
    assert new["n_current"] == 4 * 120


def test_with_a_reference_that_has_it_it_is_tested_like_any(world: World) -> None:
    day(world, lambda features: {**features, "late": features["x"]})
    world.pin(RENAMED, START + D, name="base")
    world.post(altered(traffic(START + D, 24, per_hour=20, seed=3), 0, lambda f: {**f, "late": f["x"]}))
    found = world.read(START + 2 * D)
    assert not matching(found, metric="new_feature_share")
    assert one(found, metric="ks", feature="late", hours=24)["verdict"] == "ok"


def test_the_page_shows_it_beside_drift(world: World) -> None:
    day(world, lambda features: {**features, "a<b": 0.5})
    page = build_page.build_model(world.service, Viewer(START + D), "m", {})
    assert "1 feature is not in the reference, and not tested for drift" in page
    assert "new since 14:00 UTC, in 100 % of the rows since then" in page
    assert "a<b" not in page
    assert "a&lt;b" in build_page.build_feature(world.service, Viewer(START + D), "m", "a<b", {})


@pytest.mark.parametrize("service", ["shared", "chdb"], indirect=True)
def test_on_every_store_of_rows(world: World) -> None:
    found = day(world, renamed)
    assert missing(found)["details"]["renamed_to"] == ["x_usd"]
    assert one(found, metric="new_feature_share")["details"]["since"] == "2026-01-19T14:00:00Z"
