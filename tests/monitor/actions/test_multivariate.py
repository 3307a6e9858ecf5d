"""All features at once: rows of the window and of its reference through the store."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor import clock
from monitor.config.reading import from_object
from monitor.errors import Invalid
from tests.monitor.world import T0, D, H, Record, World, matching, one

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D
CHECK = {"name": "together", "kind": "data_drift", "method": "domain_classifier", "threshold": {"warning": 0.55}}


def paired(start: int, days: int, together: float, *, seed: int, **more: Any) -> list[Record]:
    """Twelve rows an hour of two features that correlate by ``together``, and one of categories."""
    rng = np.random.default_rng(seed)
    n = days * 24 * 12
    a = rng.normal(size=n)
    b = together * a + np.sqrt(1 - together**2) * rng.normal(size=n)
    kind = rng.choice(["u", "v"], n)
    return [
        {
            "id": f"{seed}-{i}",
            "timestamp": clock.render(start + i * H // 12),
            "features": {"a": round(float(a[i]), 6), "b": round(float(b[i]), 6), "kind": str(kind[i])},
            "prediction": int(i % 2),
            **more,
        }
        for i in range(n)
    ]


def test_what_no_feature_shows_alone(world: World) -> None:
    world.configure(checks=[CHECK])
    world.reference(paired(T0, 9, 0.9, seed=1))
    world.post(paired(START, 7, 0.2, seed=2))
    run = world.run(START + 7 * D)
    (found,) = [r for r in run.readings if r.check == "together"]
    assert (found.metric, found.feature, found.length_hours) == ("domain_classifier", None, 168)
    assert (found.verdict, found.threshold, found.alpha) == ("warning", 0.55, None)
    assert (found.n_reference, found.n_current) == (9 * 288, 7 * 288)
    assert found.reference_name == "base"
    assert found.details["summary"].startswith("rows of window and reference told apart: AUC 0.")
    assert set(list(found.details["features"])[:2]) == {"a", "b"}
    assert {alert["rule"] for alert in run.alerts} == {"together", "data_drift"}
    (cause,) = [r for r in run.readings if r.check == "data_drift" and r.length_hours == 24 and r.verdict != "ok"]
    assert cause.metric == "correlation"  # no single feature drifted
    (again,) = [r for r in world.run(START + 7 * D).readings if r.check == "together"]
    assert again == found


def test_each_version_against_its_own_reference(world: World) -> None:
    world.configure(checks=[CHECK])
    world.reference(paired(T0, 4, 0.9, seed=1, version="1"), "base")
    world.reference(paired(T0, 4, 0.1, seed=2, version="2"), "second")
    world.post(paired(START, 7, 0.9, seed=3, version="1"))
    world.post(paired(START, 7, 0.1, seed=4, version="2"))
    found = one(world.read(START + 7 * D), check="together")
    assert found["verdict"] == "ok"
    assert found["n_reference"] == 8 * 288


def test_against_the_last_weeks(world: World) -> None:
    world.configure(checks=[{**CHECK, "reference": {"trailing": "14d"}, "window": "48h"}])
    world.reference(paired(T0, 9, 0.9, seed=1))
    world.post(paired(START, 10, 0.1, seed=2))
    found = one(world.read(START + 10 * D), check="together")
    assert (found["verdict"], found["reference"]["name"]) == ("ok", "trailing 14d")
    assert found["n_reference"] == 8 * 288


def wandering(days: int, seed: int, *, phi: float = 0.9, per_day: int = 48) -> list[Record]:
    """Rows of three features whose days' means are an AR(1) with a standard deviation of 0.4."""
    rng = np.random.default_rng(seed)
    level = 0.4 * rng.normal(size=(days, 3))
    for day in range(1, days):
        level[day] = phi * level[day - 1] + np.sqrt(1 - phi**2) * level[day]
    values = np.repeat(level, per_day, axis=0) + rng.normal(size=(days * per_day, 3))
    return [
        {
            "id": f"{seed}-{i}",
            "timestamp": clock.render(T0 + i * D // per_day),
            "features": dict(zip("abc", (round(float(one), 6) for one in row), strict=True)),
            "prediction": int(i % 2),
        }
        for i, row in enumerate(values)
    ]


def test_weeks_that_wander_are_not_told_and_a_change_beyond_that_is(world: World) -> None:
    records = wandering(42, seed=9)
    world.configure(checks=[CHECK])
    world.reference(records[: 28 * 48])
    world.post(records[28 * 48 : 35 * 48])
    changed = records[35 * 48 :]
    for one_row in changed:
        one_row["features"]["b"] = one_row["features"]["a"]  # two features that became one
    world.post(changed)
    still = one(matching(world.read(T0 + 35 * D), check="together"))
    assert still["details"]["auc"] > 0.6  # by which it was critical
    assert (still["verdict"], still["details"]["replayed"], still["details"]["replays"]) == ("ok", True, 7)
    assert still["value"] == pytest.approx(0.5 + still["details"]["auc"] - still["details"]["replayed_auc"])
    assert "of which days without drift give 0." in still["details"]["summary"]
    told = one(matching(world.read(T0 + 42 * D), check="together"))
    assert told["verdict"] == "warning"
    assert told["lower"] > 0.5
    assert {*list(told["details"]["features"])[:2]} == {"a", "b"}
    (again,) = [r for r in world.run(T0 + 35 * D).readings if r.check == "together"]
    assert again.value == still["value"]  # also after the replay was taken from memory


def test_a_check_of_some_features_looks_at_those(world: World) -> None:
    world.configure(checks=[{**CHECK, "features": ["a", "kind"]}])
    world.reference(paired(T0, 9, 0.9, seed=1))
    world.post(paired(START, 7, 0.2, seed=2))
    found = one(world.read(START + 7 * D), check="together")
    assert found["verdict"] == "ok"
    assert set(found["details"]["features"]) <= {"a", "kind"}


def test_too_few_rows_are_said_to_be(world: World) -> None:
    world.configure(checks=[CHECK])
    world.reference(paired(T0, 9, 0.9, seed=1))
    world.post(paired(START, 7, 0.2, seed=2)[:150])
    found = one(matching(world.read(START + 7 * D), check="together"))
    assert (found["verdict"], found["reason"]) == ("cannot_tell", "too_few_rows")
    assert found["details"]["summary"] == "rows of window and reference: cannot tell: 150 rows, 200 are needed"


def test_it_is_a_method_of_data_drift_with_a_bound() -> None:
    for wrong in ({"kind": "prediction_drift"}, {"threshold": None}):
        with pytest.raises(Invalid) as caught:
            from_object({"models": {"m": {"checks": [{**CHECK, **wrong}]}}})
        assert caught.value.field == "models.m.checks.0.method"
