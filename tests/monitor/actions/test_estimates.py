"""Estimates without labels and the calibration gap, from posted rows to readings, for every task."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor import clock
from tests.monitor.world import T0, D, H, World, matching, traffic

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D


def scored(task: str, start: int, days: int, *, seed: int, sure: float = 1.0, turned: bool = False) -> list[Any]:
    """20 predictions an hour of a calibrated model. ``sure``: how far its scores are from a guess (regression: how
    large its predictions and their errors are); ``turned``: what it is sure of comes less often."""
    rng = np.random.default_rng(seed)
    n = days * 24 * 20
    times = [clock.render(start + i * 3 * clock.MINUTE) for i in range(n)]
    raw = np.exp(rng.normal(0, 1.5 * sure, (n, 2 if task == "binary" else 3)))
    chance = raw / raw.sum(axis=1, keepdims=True)
    real = 0.5 + (chance - 0.5) / 2 if turned else chance
    truth = (rng.random((n, 1)) > np.cumsum(real, axis=1)).sum(axis=1).clip(0, chance.shape[1] - 1)
    names = ["no", "yes"] if task == "binary" else ["a", "b", "c"]
    value = np.round(10 * sure + rng.normal(0, 1, n), 6)
    error = rng.normal(0, 0.1 * value)
    records = []
    for i in range(n):
        one: dict[str, Any] = {"id": f"{seed}-{i}", "timestamp": times[i], "features": {"x": float(i % 7)}}
        if task == "regression":
            one |= {"prediction": float(value[i]), "label": float(value[i] + error[i])}
        else:
            probability = {name: float(chance[i, k]) for k, name in enumerate(names)}
            one |= {"prediction": names[int(chance[i].argmax())], "label": names[int(truth[i])]}
            one["probability"] = probability if task == "multiclass" else probability["yes"]
        records.append(one)
    return records


METRICS = {
    "binary": {"accuracy", "precision", "recall", "f1", "roc_auc"},
    "multiclass": {"accuracy"},
    "regression": {"mae", "rmse"},
}


def newest(world: World, as_of: int) -> dict[str, dict[str, Any]]:
    found = matching(world.read(as_of), check="performance", hours=24)
    end = max(r["window"]["end"] for r in found)
    return {r["metric"]: r for r in found if r["window"]["end"] == end}


@pytest.mark.parametrize("task", list(METRICS))
def test_before_any_label_there_is_an_estimate(world: World, task: str) -> None:
    world.configure(task=task)
    world.reference(scored(task, T0, 9, seed=1))
    records = scored(task, START, 1, seed=2, sure=1.25 if task == "regression" else 2.0)
    world.post(records)
    before = newest(world, START + D)
    estimated = {name.removeprefix("estimated_"): r for name, r in before.items() if name.startswith("estimated_")}
    assert set(estimated) == METRICS[task]
    for r in estimated.values():
        assert (r["verdict"], r["alpha"], r["threshold"], r["p_value"]) == (None, None, None, None)
        assert r["details"]["summary"].endswith("without labels, so it cannot see concept drift")
        assert r["details"]["coverage"] == 0
        assert r["n_current"] == 480
    world.label(records, delay=0)
    after = newest(world, START + D + H)
    for name, r in estimated.items():
        if task == "regression":  # predictions beyond those of the reference are taken for its largest ones
            assert r["details"]["reference_value"] < r["value"] < after[name]["value"]
        else:
            assert r["lower"] - 0.03 < after[name]["value"] < r["upper"] + 0.03
    assert after["accuracy" if task != "regression" else "mae"]["details"]["mature"]


@pytest.mark.parametrize(("turned", "drift"), [(False, False), (True, True)])
def test_the_gap_shows_concept_drift_where_the_estimate_is_blind(world: World, turned: bool, drift: bool) -> None:
    world.configure(task="binary")
    world.reference(scored("binary", T0, 9, seed=1))
    records = scored("binary", START, 1, seed=3, turned=turned)
    world.post(records)
    assert "calibration_gap" not in newest(world, START + D)  # no label is known yet
    world.label(records, delay=0)
    found = newest(world, START + D + H)
    gap = found["calibration_gap"]
    assert gap["details"]["concept_drift"] is drift
    assert gap["details"]["summary"].endswith("concept drift") is drift
    assert gap["verdict"] == "ok"  # so few rows are not sure enough for the ledger
    assert 0 < gap["alpha"] < 0.001
    estimated, realised = found["estimated_accuracy"], found["accuracy"]
    assert (estimated["lower"] > realised["upper"]) is drift
    assert realised["verdict"] == ("warning" if drift else "ok")


def test_a_check_of_one_metric_is_about_that_alone(world: World) -> None:
    world.configure(checks=[{"name": "area", "kind": "performance", "metric": "roc_auc", "window": "24h"}])
    world.reference(scored("binary", T0, 9, seed=1))
    world.post(scored("binary", START, 1, seed=2))
    assert {r["metric"] for r in world.read(START + D, check="area")} == {"roc_auc", "label_coverage"}


def test_without_scores_or_labels_in_the_reference_nothing_is_estimated(world: World) -> None:
    records = [{k: v for k, v in one.items() if k != "probability"} for one in traffic(T0, 24 * 9)]
    world.reference(records)
    world.post([{k: v for k, v in one.items() if k != "probability"} for one in traffic(START, 24, seed=2)])
    assert not [name for name in newest(world, START + D) if name.startswith("estimated_")]
    world.reference([{k: v for k, v in one.items() if k != "label"} for one in traffic(T0, 24 * 9)])
    assert not [name for name in newest(world, START + D) if name.startswith("estimated_")]


def harder(start: int, days: int, *, seed: int, hard: float) -> list[Any]:
    """20 predictions an hour of a regression that is four times as far off where ``kind`` is hard; predictions are of
    one size everywhere."""
    rng = np.random.default_rng(seed)
    n = days * 24 * 20
    is_hard = rng.random(n) < hard
    value = rng.normal(50, 5, n)
    error = rng.normal(0, 1, n) * np.where(is_hard, 4.0, 1.0)
    return [
        {
            "id": f"{seed}-{i}",
            "timestamp": clock.render(start + i * 3 * clock.MINUTE),
            "features": {"kind": "hard" if is_hard[i] else "easy", "x": round(float(rng.normal()), 6)},
            "prediction": round(float(value[i]), 6) + 0.25,
            "label": round(float(value[i] + error[i]), 6),
        }
        for i in range(n)
    ]


def test_errors_are_expected_from_features_where_there_are_rows(world: World) -> None:
    world.configure(task="regression")
    world.reference(harder(T0, 9, seed=1, hard=0.1))
    records = harder(START, 1, seed=2, hard=0.8)
    world.post(records)
    before = newest(world, START + D)["estimated_mae"]
    assert before["details"]["estimator"] == "dle"
    assert before["details"]["reference_value"] < 1.2
    world.label(records, delay=0)
    after = newest(world, START + D + H)
    assert after["estimated_mae"]["value"] == before["value"]
    for metric in ("mae", "rmse"):
        estimate = after[f"estimated_{metric}"]
        assert estimate["lower"] < after[metric]["value"] < estimate["upper"]
    world.service.learned.__init__()  # type: ignore[misc]  # another process: it learns the same again
    assert newest(world, START + D + H)["estimated_mae"] == after["estimated_mae"]


def test_each_version_expects_what_its_own_reference_tells(world: World) -> None:
    world.configure(task="regression")
    world.reference([{**one, "version": "1"} for one in harder(T0, 9, seed=1, hard=0.0)], "first")
    world.reference([{**one, "version": "2"} for one in harder(T0, 9, seed=2, hard=1.0)], "second")
    world.post([{**one, "version": "1"} for one in harder(START, 1, seed=3, hard=0.0)])
    world.post([{**one, "version": "2"} for one in harder(START, 1, seed=4, hard=1.0)])
    found = matching(world.read(START + D), check="performance", metric="estimated_mae", hours=24)
    by_version = {one["version"]: one for one in found}
    assert {one["details"]["estimator"] for one in found} == {"dle"}
    ratio = by_version["2"]["value"] / by_version["1"]["value"]
    assert 3 < ratio < 5
    assert by_version[None]["value"] == pytest.approx((by_version["1"]["value"] + by_version["2"]["value"]) / 2)


def test_without_enough_labelled_rows_errors_are_expected_from_the_prediction_alone(world: World) -> None:
    world.configure(task="regression")
    world.reference(harder(T0, 1, seed=1, hard=0.5)[:400])
    world.post(harder(START, 1, seed=2, hard=0.5))
    found = newest(world, START + D)["estimated_mae"]
    assert found["details"]["estimator"] == "dle_of_prediction"
