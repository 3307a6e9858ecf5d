"""A full switch to another version whose scores and inputs are others, and which has a reference: nothing drifts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.monitor.world import T0, D, H, Record, World, matching, traffic

pytestmark = pytest.mark.one_engine

START = T0 + 28 * D
SWITCH = START + 3 * D
MOVED = 1.0  # of x, in standard deviations, in all rows of version 2


def before(version: str, seed: int) -> list[Record]:
    return traffic(T0, 28 * 24, 40, seed=seed, version=version, shift=MOVED * (version == "v2"))


def drift(world: World, as_of: int, length: int) -> dict[str, Any]:
    found = matching(world.read(as_of), check="data_drift", metric="ks", feature="x", hours=length, segment=None)
    newest = max(one["window"]["end"] for one in found)
    (whole,) = [one for one in found if one["window"]["end"] == newest and one["version"] is None]
    return whole


@pytest.fixture
def switched(world: World) -> World:
    world.reference(before("v1", 1) + before("v2", 2))
    world.post(traffic(START, 72, 40, seed=3, version="v1"))
    return world


@pytest.mark.parametrize("hours", [2, 12, 18])
def test_the_last_hours_after_a_full_switch_have_not_moved(switched: World, hours: int) -> None:
    switched.post(traffic(SWITCH, hours, 40, seed=4, version="v2", shift=MOVED))
    x = drift(switched, SWITCH + hours * H, 24)
    assert x["verdict"] == "ok"
    assert x["details"].get("last_hours") is None
    assert x["details"]["effect"] < 0.05


def test_what_drifts_in_the_new_version_within_such_a_window_is_told(switched: World) -> None:
    switched.post(traffic(SWITCH, 12, 40, seed=4, version="v2", shift=MOVED + 1))
    x = drift(switched, SWITCH + 12 * H, 24)
    assert x["verdict"] in ("warning", "critical")
    assert x["details"]["effect_lower"] > 0.1
