"""The base rate estimated from scores, from posted rows to readings and pages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboards.views import Viewer
from monitor import clock
from monitor.actions import build_page
from tests.monitor.world import T0, D, H, Record, World, one, traffic

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D


def scored(start: int, hours: int, rate: float, *, seed: int, spread: float = 1.0) -> list[Record]:
    """40 predictions an hour with a calibrated-looking score; ``spread`` other than 1 is no label shift."""
    rng = np.random.default_rng(seed)
    n = hours * 40
    truth = rng.random(n) < rate
    score = 1 / (1 + np.exp(-(rng.normal(np.where(truth, 1.0, -1.0), 1.0) * spread)))
    return [
        {
            "id": f"{seed}-{i}",
            "timestamp": clock.render(start + i * H // 40),
            "features": {"x": 0.0},
            "prediction": int(score[i] > 0.5),
            "probability": round(float(score[i]), 6),
            "label": int(truth[i]),
        }
        for i in range(n)
    ]


def of_a_day(world: World, rate: float, **given: Any) -> dict[str, Any]:
    world.reference(scored(T0, 24 * 9, 0.2, seed=1))
    world.post(scored(START, 24, rate, seed=2, **given))
    return one(world.read(START + D), metric="estimated_base_rate", hours=24)


def test_it_is_known_before_any_label(world: World) -> None:
    found = of_a_day(world, 0.4)
    truth = float(np.mean([r["label"] for r in scored(START, 24, 0.4, seed=2)]))
    assert found["value"] == pytest.approx(truth, abs=0.04)
    assert found["lower"] < truth < found["upper"]
    assert (found["verdict"], found["alpha"], found["threshold"]) == (None, None, None)
    details = found["details"]
    assert details["bbse"] == pytest.approx(0.4, abs=0.06)
    assert details["reference_value"] == pytest.approx(0.2, abs=0.02)
    assert details["gate_p_value"] > 0.001
    assert details["summary"].startswith("base rate of 1: about ")
    assert details["summary"].endswith(" % in the reference; supposes that rows of a class look as they did")
    by_classes = one(world.read(START + D), metric="estimated_base_rate_bbse", hours=24)
    assert (by_classes["value"], by_classes["verdict"]) == (details["bbse"], None)
    assert (by_classes["lower"], by_classes["upper"]) == (details["bbse_lower"], details["bbse_upper"])
    assert " by the predicted classes, " in by_classes["details"]["summary"]
    page = build_page.build_model(world.service, Viewer(now=world.now), "m", {})
    assert "Base rate, estimated from scores" in page
    assert "estimated base rate by predicted classes" in page


def test_it_is_hidden_where_scores_moved_otherwise(world: World) -> None:
    found = of_a_day(world, 0.2, spread=0.3)
    assert (found["value"], found["reason"]) == (None, "label_shift_rejected")
    assert found["details"]["gate_p_value"] < 0.001
    assert "bbse" not in found["details"]
    assert "estimated_base_rate_bbse" not in {r["metric"] for r in world.read(START + D)}
    assert found["details"]["summary"] == (
        "base rate of 1: cannot tell: the scores changed in a way that another base rate does not explain"
    )


def test_a_check_may_state_a_bound(world: World) -> None:
    check = {"name": "rate", "kind": "prediction_drift", "metric": "estimated_base_rate", "threshold": {"warning": 0.3}}
    world.configure(checks=[{**check, "window": "24h"}])
    world.reference(scored(T0, 24 * 9, 0.2, seed=1))
    world.post(scored(START, 24, 0.4, seed=2))
    run = world.run(START + D)
    (judged,) = [r for r in run.readings if r.check == "rate" and r.verdict]
    assert (judged.metric, judged.verdict) == ("estimated_base_rate", "warning")
    assert [alert["rule"] for alert in run.alerts if alert["rule"] == "rate"] == ["rate"]


def test_without_scores_or_labels_there_is_nothing_to_go_by(world: World) -> None:
    records = scored(T0, 24 * 9, 0.2, seed=1)
    world.reference([{key: value for key, value in r.items() if key != "label"} for r in records])
    world.post(scored(START, 24, 0.4, seed=2))
    found = one(world.read(START + D), metric="estimated_base_rate", hours=24)
    assert (found["value"], found["reason"]) == (None, "no_reference")
    world.model = world.poster.model = "classes"
    plain = [{key: value for key, value in r.items() if key != "probability"} for r in traffic(T0, 24 * 9)]
    world.reference(plain)
    world.post([{**r, "id": f"c{r['id']}"} for r in plain[:200]])
    assert "estimated_base_rate" not in {r["metric"] for r in world.read(T0 + D)}
