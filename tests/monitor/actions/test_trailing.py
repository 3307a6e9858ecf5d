"""A check against the model's own last weeks."""

from __future__ import annotations

from typing import Any

import pytest

from alerting.reading import to_json
from monitor.actions import describe
from monitor.actions.run_due import run_due
from monitor.actions.summarise_hours import summarise_waiting
from tests.monitor.world import T0, D, H, World, matching, one, still, traffic

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D
DAYS = 28
OWN = {"name": "own", "kind": "data_drift", "window": "24h", "reference": {"trailing": "14d", "gap": "1d"}}


def lived(world: World, **check: Any) -> None:
    """A reference, then four weeks of production far from it, then a day that differs from those."""
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 24 * DAYS, seed=2, shift=2.0))
    world.post(traffic(START + DAYS * D, 24, seed=3, shift=-2.0))
    world.configure(checks=[{**OWN, **check}])


def test_what_has_long_been_so_is_no_news(world: World) -> None:
    lived(world)
    before, after = (world.read(START + days * D) for days in (DAYS, DAYS + 1))
    assert one(before, check="data_drift", feature="x", hours=24)["verdict"] == "critical"
    quiet = one(before, check="own", feature="x")
    assert (quiet["verdict"], quiet["reference"]) == ("ok", {"name": "trailing 14d", "version": None})
    assert quiet["details"]["reference_windows"] == 14
    assert quiet["n_reference"] == 14 * 24 * 6
    assert one(after, check="own", feature="x")["verdict"] == "critical"


def test_without_rows_in_that_stretch_there_is_no_reference(world: World) -> None:
    lived(world)
    first = one(world.read(START + D), check="own", feature="x")
    assert (first["verdict"], first["reason"]) == ("cannot_tell", "no_reference")


def test_few_days_are_a_short_reference(world: World) -> None:
    lived(world)
    young = one(world.read(START + 6 * D), check="own", feature="x")
    assert young["details"]["short_reference"] is True
    assert young["n_reference"] == 4 * 24 * 6  # six days less the window and the gap


def test_performance_uses_the_labels_known_then(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    records = traffic(START, 24 * DAYS, seed=2, right=0.7)
    world.post(records)
    world.label(records, delay=H)
    world.configure(checks=[{**OWN, "kind": "performance", "reference": {"trailing": "14d"}}])
    as_of = START + (DAYS - 1) * D + 2 * H
    found = matching(world.read(as_of), check="own", metric="accuracy")
    assert {r["verdict"] for r in found} == {"ok"}
    assert all(abs(r["details"]["reference_value"] - 0.7) < 0.03 for r in found)
    world.label([{**record, "label": 1 - record["label"]} for record in records], delay=40 * D)
    assert matching(world.read(as_of), check="own", metric="accuracy") == found


def test_a_stretch_is_fitted_once_until_its_rows_change(world: World) -> None:
    lived(world)
    as_of = START + DAYS * D
    first = one(world.read(as_of), check="own", feature="x")
    kept = {key for key in world.service.artefacts._held if key[0] == "trailing"}
    assert one(world.read(as_of), check="own", feature="x") == first
    world.post(traffic(as_of - D, 24, seed=9))  # in the window: the stretch before it is as it was
    again = one(world.read(as_of), check="own", feature="x")
    assert again["n_current"] == 2 * first["n_current"]
    assert {key for key in world.service.artefacts._held if key[0] == "trailing"} == kept
    world.post(traffic(as_of - 5 * D, 1, seed=10))
    assert one(world.read(as_of), check="own", feature="x")["n_reference"] == first["n_reference"] + 6


def test_it_needs_no_reference(world: World) -> None:
    world.configure(task="binary", checks=[OWN, {**OWN, "name": "said", "kind": "prediction_drift"}])
    world.post(traffic(START, 24 * DAYS, seed=2, shift=2.0))
    assert {r["reason"] for r in world.read(START + D)} == {"no_reference"}  # nothing before the first window
    world.post(traffic(START + DAYS * D, 24, seed=3, shift=-2.0))
    quiet = world.read(START + DAYS * D)
    assert {r["check"] for r in quiet} == {"own", "said"}
    assert {r["verdict"] for r in quiet if r["verdict"]} == {"ok"}
    assert one(quiet, check="own", feature="x")["n_reference"] == 14 * 24 * 6
    run = world.run(START + (DAYS + 1) * D)
    moved = [r for r in run.readings if (r.check, r.feature) == ("own", "x")]
    assert [r.verdict for r in moved] == ["critical"]
    assert [alert["rule"] for alert in run.alerts] == ["own"]
    with world.service.database.read() as connection:
        assert describe.health(connection, world.found(connection), START + (DAYS + 1) * D).status == "unhealthy"
    again = [r for r in world.run(START + (DAYS + 1) * D).readings if (r.check, r.feature) == ("own", "x")]
    assert again == moved


def test_a_feature_that_comes_later_is_compared_once_it_has_a_past(world: World) -> None:
    world.configure(task="binary", checks=[OWN])
    world.post(traffic(START, 24 * 20, seed=2))
    assert {r["feature"] for r in world.read(START + 20 * D)} == {"x", "kind"}
    later = [
        {**one, "features": {**one["features"], "new": 1.5 * i}}
        for i, one in enumerate(traffic(START + 20 * D, 72, seed=3))
    ]
    world.post(later)
    found = world.read(START + 23 * D)
    assert one(found, feature="x")["n_reference"] == 14 * 24 * 6  # what was counted before is counted again
    new = one(found, feature="new")  # ever rising: how much it differs by itself is not known yet
    assert (new["n_reference"], new["value"], new["verdict"]) == (144, 1.0, "cannot_tell")
    world.reference(traffic(T0, 24 * 9))
    assert {"own", "data_drift", "data_quality"} <= {r["check"] for r in world.read(START + 23 * D)}


def test_the_schedule_runs_it_without_a_reference(world: World) -> None:
    world.now = START
    world.configure(task="binary", checks=[OWN])
    world.post(traffic(START, 24 * 3, seed=2)[:1])
    world.now = START + 3 * D
    world.post(traffic(START, 24 * 3, seed=2))
    summarise_waiting(world.service, world.now)
    assert run_due(world.service, "me", still(world.now)) > 0
    assert {r["check"] for r in world.stored()} == {"own"}


def test_an_alert_does_not_recover_because_its_drift_became_part_of_the_reference(world: World) -> None:
    """Nothing came back: from the day on at which the first drifted rows are in the stretch nobody can tell."""
    world.configure(checks=[{**OWN, "reference": {"trailing": "28d", "gap": "3d"}}])
    change = START + 36 * D
    world.post(traffic(START, 24 * 36, per_hour=20, seed=2))
    world.post(traffic(change, 24 * 9, per_hour=20, seed=3, shift=1.0, prefix="new"))
    told = []
    for day in range(1, 9):
        run = world.run(change + day * D)
        found = one(matching([to_json(one) for one in run.readings], check="own", feature="x"))
        told.append((found["verdict"], found["reason"]))
        assert not [alert for alert in run.alerts if alert["check"] == "own" and alert["state"] == "resolved"]
    assert told[:3] == 3 * [("critical", None)]
    assert told[-1] == ("cannot_tell", "restless_reference")
    assert {verdict for verdict, _ in told} == {"critical", "cannot_tell"}
    assert found["details"]["summary"].endswith(
        "of rows seem to have moved, and the reference differs as much by itself"
    )
