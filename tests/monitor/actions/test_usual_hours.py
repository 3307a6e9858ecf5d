"""What a metric usually is at these hours, from posted rows to readings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor import clock
from tests.monitor.world import T0, D, H, World, matching

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D
AN_HOUR = 30  # predictions


def predicted(start: int, hours: int, *, seed: int, noon: float, worse: float = 1.0) -> list[dict[str, Any]]:
    """A regression whose errors are ``noon`` times as large from 6 to 18 h as at night."""
    rng = np.random.default_rng(seed)
    moments = start + np.arange(hours * AN_HOUR) * (H // AN_HOUR)
    by_day = (moments // H % 24 >= 6) & (moments // H % 24 < 18)
    value = rng.normal(50, 5, len(moments))
    error = rng.normal(0, 1, len(moments)) * np.where(by_day, noon, 1.0) * worse
    rows = zip(moments.tolist(), value.round(6).tolist(), (value + error).round(6).tolist(), strict=True)
    return [
        {"id": f"{seed}-{place}", "timestamp": clock.render(at), "features": {"x": 0.5}, "prediction": said, "label": y}
        for place, (at, said, y) in enumerate(rows)
    ]


def six_hours(world: World, end: int, records: list[dict[str, Any]]) -> dict[str, Any]:
    world.post(records)
    world.label(records, delay=0)
    (found,) = matching(world.read(end), check="six", metric="mae", hours=6)
    return found


@pytest.fixture
def rhythmic(world: World) -> World:
    world.configure(task="regression", checks=[{"name": "six", "kind": "performance", "window": "6h"}])
    world.reference(predicted(T0, 12 * 24, seed=1, noon=2.0))
    return world


def test_a_night_as_bad_as_noons_are_is_told(rhythmic: World) -> None:
    """The mean absolute error is that of all of the reference, whose windows differ by more than this is worse."""
    found = six_hours(rhythmic, START + 6 * H, predicted(START, 6, seed=2, noon=2.0, worse=1.5))
    assert found["verdict"] in ("warning", "critical")
    details = found["details"]
    assert details["usual_value"] == pytest.approx(np.sqrt(2 / np.pi), rel=0.1)
    assert abs(found["value"] - details["reference_value"]) < 0.15
    assert found["lower"] < found["value"] < found["upper"]
    assert details["effect"] == pytest.approx(found["value"] / details["usual_value"] - 1)


def test_a_noon_as_noons_are_is_not(rhythmic: World) -> None:
    found = six_hours(rhythmic, START + 12 * H, predicted(START + 6 * H, 6, seed=2, noon=2.0))
    assert found["verdict"] == "ok"
    assert found["p_value"] > 0.05
    assert found["value"] > 1.2 * found["details"]["reference_value"]
    assert found["details"]["usual_value"] == pytest.approx(2 * np.sqrt(2 / np.pi), rel=0.1)
