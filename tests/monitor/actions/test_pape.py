"""Inputs move to rows on which scores are dishonest: what CBPE expects is wrong, what weighted rows say is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor import clock
from tests.monitor.actions.test_multivariate import wandering
from tests.monitor.world import T0, D, World, matching, one

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D
CHECK = {"name": "together", "kind": "data_drift", "method": "domain_classifier", "threshold": {"warning": 0.55}}


def rows(start: int, days: int, seed: int, *, moved: float = 0.0, per_hour: int = 24) -> list[dict[str, Any]]:
    """The score is honest where z is low and far too sure where z is high."""
    rng = np.random.default_rng(seed)
    n = days * 24 * per_hour
    x, z = rng.normal(size=n), rng.normal(moved, 1, n)
    score = 1 / (1 + np.exp(-1.8 * x))
    real = 1 / (1 + np.exp(-np.where(z > 0.8, 0.5, 1.8) * x))
    truth = rng.random(n) < real
    step = 3600 // per_hour
    return [
        {
            "id": f"{seed}-{i}",
            "timestamp": clock.render(start + i * step * clock.SECOND),
            "features": {"x": float(x[i]), "z": float(z[i])},
            "prediction": int(score[i] > 0.5),
            "probability": float(score[i]),
            "label": int(truth[i]),
        }
        for i in range(n)
    ]


@pytest.fixture
def moved(world: World) -> tuple[World, list[dict[str, Any]]]:
    world.configure(checks=[CHECK])
    world.reference(rows(T0, 10, 1))
    records = rows(START, 7, 2, moved=1.0)
    world.post(records)
    return world, records


def test_the_weighted_reference_is_right_where_scores_alone_are_not(moved: tuple[World, list[dict[str, Any]]]) -> None:
    world, records = moved
    found = world.read(START + 7 * D)
    assert one(found, check="together", metric="domain_classifier")["value"] > 0.6
    real = np.mean([r["prediction"] == r["label"] for r in records])
    mine = one(found, check="together", metric="estimated_accuracy")
    plain = one(found, check="performance", metric="estimated_accuracy", hours=168)
    assert plain["value"] - real > 0.035
    assert mine["value"] == pytest.approx(real, abs=0.025)
    assert mine["lower"] < real < mine["upper"]
    assert (mine["verdict"], mine["alpha"]) == (None, None)
    assert mine["details"]["estimator"] == "pape"
    assert 30 < mine["details"]["effective_rows"] < mine["n_reference"]
    assert mine["details"]["summary"].endswith("without labels, so it cannot see concept drift")
    metrics = {r["metric"] for r in matching(found, check="together")}
    assert {"estimated_precision", "estimated_recall", "estimated_f1", "estimated_roc_auc"} < metrics


def test_where_inputs_stay_nothing_is_weighted(world: World) -> None:
    world.configure(checks=[CHECK])
    world.reference(rows(T0, 10, 1, per_hour=6))
    world.post(rows(START, 7, 2, per_hour=6))
    assert {r["metric"] for r in world.read(START + 7 * D, check="together")} == {"domain_classifier"}


def test_days_that_wander_are_no_moved_inputs(world: World) -> None:
    rng = np.random.default_rng(1)
    records = wandering(42, seed=9)
    for row in records:
        score = 1 / (1 + np.exp(-row["features"]["a"]))
        row.update(prediction=int(score > 0.5), probability=float(score), label=int(rng.random() < score))
    for row in records[35 * 48 :]:
        row["features"]["b"] = row["features"]["a"]
    world.configure(checks=[CHECK])
    world.reference(records[: 28 * 48])
    world.post(records[28 * 48 :])
    still = world.read(T0 + 35 * D, check="together")
    assert one(still)["details"]["auc"] > 0.6  # it is not the area alone that is asked
    moved = world.read(T0 + 42 * D, check="together")
    assert one(moved, metric="estimated_accuracy")["details"]["estimator"] == "pape"
