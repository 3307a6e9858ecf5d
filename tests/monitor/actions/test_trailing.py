"""A check against the model's own last weeks."""

from __future__ import annotations

from typing import Any

from tests.monitor.world import T0, D, H, World, matching, one, traffic

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
