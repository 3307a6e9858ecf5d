"""Intervals of performance where errors come in bursts, from posted rows to readings."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.intervals import Z95, wilson
from tests.monitor.world import T0, D, Record, World, matching, traffic

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D
AS_OF = START + 2 * D


def lived(world: World, records: list[Record], days: int = 7) -> dict[str, dict[str, Any]]:
    """The newest readings of a day, by metric, beside a reference of quiet days: with 8 of them it would say by itself
    how restless a day is."""
    world.reference(traffic(T0, 24 * days, 40))
    world.post(records)
    world.label(records, delay=0)
    found = matching(world.read(AS_OF), check="performance", hours=24)
    newest = max(r["window"]["end"] for r in found)
    return {r["metric"]: r for r in found if r["window"]["end"] == newest}


def bursts() -> list[Record]:
    """8 hours with 70 % right, then 16 with all of them, and again: 90 % are right, as in the reference."""
    parts = [
        traffic(START + hour * D // 24, 8, 40, seed=hour + 2, right=0.7 if hour % 24 == 0 else 1.0)
        for hour in range(0, 48, 8)
    ]
    return [record for part in parts for record in part]


def test_errors_in_bursts_make_intervals_wide_and_change_no_verdict(world: World) -> None:
    accuracy = lived(world, bursts())["accuracy"]
    rows, value = accuracy["n_current"], accuracy["value"]
    assert rows == 960
    assert value == pytest.approx(0.9, abs=0.02)
    times = accuracy["details"]["widened"]
    assert times > 3
    lower, upper = (float(end) for end in wilson(value * rows, rows, Z95 * times))
    assert (accuracy["lower"], accuracy["upper"]) == pytest.approx((lower, upper), abs=1e-9)
    assert accuracy["verdict"] == "ok"
    assert accuracy["p_value"] > 0.05


def test_a_reference_that_knows_days_says_how_restless_they_are(world: World) -> None:
    accuracy = lived(world, bursts(), days=12)["accuracy"]
    assert accuracy["details"].get("widened", 1.0) < 2
    assert accuracy["verdict"] == "ok"


def test_a_loss_that_begins_in_the_middle_of_a_window_is_still_found(world: World) -> None:
    """Half of the day all right, half of it at 60 %: the interval is wide, and the loss certain."""
    quiet, bad = traffic(START, 36, 40, seed=2), traffic(START + 36 * D // 24, 12, 40, seed=3, right=0.6)
    accuracy = lived(world, [*quiet, *bad])["accuracy"]
    assert accuracy["details"]["widened"] > 3
    assert accuracy["verdict"] in ("warning", "critical")
    assert accuracy["details"]["effect_lower"] > 0.02


def test_steady_errors_are_widened_by_chance_alone(world: World) -> None:
    """What nine days differ by is a guess: seldom more than twice what it should be."""
    found = lived(world, traffic(START, 48, 40, seed=2), days=9)
    shown = {name: found[name]["details"].get("widened", 1.0) for name in ("accuracy", "precision", "f1", "roc_auc")}
    assert max(shown.values()) < 2, shown


def test_the_same_moment_says_the_same(world: World) -> None:
    first = lived(world, bursts())
    world.service.artefacts.get(("other",), dict)
    again = matching(world.read(AS_OF), check="performance", hours=24)
    assert first["f1"] in again
    assert {r["revision"] for r in again} == {1}
