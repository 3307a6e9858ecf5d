"""The margin between the two likeliest classes: a model that has become less sure which, though not of what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor import clock
from tests.monitor.world import T0, D, World, matching, one

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D
NAMES = ("a", "b", "c", "d")


def rows(start: int, days: int, seed: int, *, rival: bool = False) -> list[dict[str, Any]]:
    """20 an hour. The highest probability is spread alike; the rest goes to all others, or to one ``rival``."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(days * 24 * 20):
        best, top = int(rng.integers(4)), rng.uniform(0.5, 0.7)
        rest = np.full(4, (1 - top) / 3)
        if rival:
            rest[:] = 0.02
            rest[(best + 1) % 4] = 1 - top - 0.04
        rest[best] = top
        found.append(
            {
                "id": f"{seed}-{i}",
                "timestamp": clock.render(start + i * 3 * clock.MINUTE),
                "features": {"x": float(i % 7)},
                "prediction": NAMES[best],
                "probability": dict(zip(NAMES, map(float, rest), strict=True)),
            }
        )
    return found


@pytest.mark.parametrize("rival", [False, True])
def test_margins(world: World, rival: bool) -> None:
    world.configure(task="multiclass")
    world.reference(rows(T0, 9, 1))
    world.post(rows(START, 1, 2, rival=rival))
    found = matching(world.read(START + D), check="prediction_drift", hours=24)
    assert {r["metric"] for r in found} == {"class_share", "score_ks", "margin_ks", "estimated_base_rate"}
    # None of the reference's rows has a label.
    assert one(found, metric="estimated_base_rate")["reason"] == "no_reference"
    margin = one(found, metric="margin_ks")
    assert margin["verdict"] == ("critical" if rival else "ok")
    assert one(found, metric="score_ks")["verdict"] == "ok"
    assert one(found, metric="class_share")["verdict"] == "ok"
    # Two numbers share the kind's budget, k w / (W n H R); the margin and concept drift are two more of data quality's
    # 3 + 3.
    assert one(found, metric="score_ks")["alpha"] == pytest.approx(1 * 0.15 / (0.90 * 2 * 2 * 180))
    assert margin["alpha"] == pytest.approx(1 * 0.10 / (0.90 * 8 * 2 * 180))
    assert margin["details"]["summary"].startswith("margins between classes: ")


def test_two_classes_have_no_margin(world: World) -> None:
    two = [
        {**r, "prediction": r["prediction"] in "ab", "probability": max(r["probability"].values())}
        for r in rows(T0, 9, 1)
    ]
    world.reference(two)
    world.post([{**r, "timestamp": clock.render(clock.parse(r["timestamp"]) + START - T0)} for r in two])
    found = matching(world.read(START + D), check="prediction_drift", hours=24)
    assert "margin_ks" not in {r["metric"] for r in found}
