"""The mix of several classes estimated before labels tell, from posted rows to readings, concept drift and pages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboards.views import Viewer
from monitor import clock
from monitor.actions import build_page
from tests.monitor.world import T0, D, H, Record, World, matching, one

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D
CLASSES = ("fir", "oak", "elm")
USUAL, OTHER = (0.5, 0.3, 0.2), (0.25, 0.25, 0.5)
PER_HOUR = 60


def rows(
    start: int,
    days: int,
    mix: tuple[float, ...],
    *,
    seed: int,
    spread: float = 1.0,
    wrong: float = 0.0,
    lean: float = 0.2,
    v: str = "",
) -> list[Record]:
    """Of a model that is calibrated at the usual mix, or leans away from the last class (``lean`` below 0.2).
    ``spread`` other than 1: rows of each class look otherwise; ``wrong``: so many of the rows of the first class are
    of the second, whatever they look like."""
    rng = np.random.default_rng(seed)
    n = days * 24 * PER_HOUR
    truth = rng.choice(3, n, p=mix)
    x = 2.0 * np.eye(3)[truth] + rng.normal(0, spread, (n, 3))
    odds = np.exp(2.0 * x) * np.array([0.5, 0.3, lean])
    chance = odds / odds.sum(axis=1, keepdims=True)
    truth[(truth == 0) & (rng.random(n) < wrong)] = 1
    return [
        {
            "id": f"{seed}-{i}",
            "timestamp": clock.render(start + i * H // PER_HOUR),
            "features": {"x": 0.0},
            "prediction": CLASSES[int(chance[i].argmax())],
            "probability": {name: round(float(p), 6) for name, p in zip(CLASSES, chance[i], strict=True)},
            "label": CLASSES[truth[i]],
            **({"version": v} if v else {}),
        }
        for i in range(n)
    ]


def of_a_day(world: World, mix: tuple[float, ...], **given: Any) -> dict[str, Any]:
    world.configure(task="multiclass")
    world.reference(rows(T0, 3, USUAL, seed=1))
    world.post(rows(START, 1, mix, seed=2, **given))
    return one(world.read(START + D), metric="estimated_base_rate", hours=24)


def test_it_is_known_before_any_label(world: World) -> None:
    found = of_a_day(world, OTHER)
    details = found["details"]
    assert (details["positive"], found["verdict"], found["alpha"], found["feature"]) == ("elm", None, None, None)
    assert found["lower"] < 0.5 < found["upper"]
    assert found["upper"] - found["lower"] < 0.12
    assert set(details["classes"]) == set(CLASSES)
    for name, then, now in zip(CLASSES, USUAL, OTHER, strict=True):
        told = details["classes"][name]
        assert told["reference"] == pytest.approx(then, abs=0.03)
        assert told["lower"] < now < told["upper"]
        assert told["bbse_lower"] < now < told["bbse_upper"]
    assert sum(told["value"] for told in details["classes"].values()) == pytest.approx(1)
    assert (details["gate_p_value"] > 0.001, details["moved"]) == (True, True)
    assert details["summary"].startswith("base rate of elm: about 5")
    assert details["summary"].endswith(
        " % in the reference; of 3 classes it moved most; supposes that rows of a class look as they did"
    )
    by_classes = one(world.read(START + D), metric="estimated_base_rate_bbse", hours=24)
    assert (by_classes["value"], by_classes["details"]["positive"]) == (details["bbse"], "elm")
    page = build_page.build_model(world.service, Viewer(now=world.now), "m", {})
    assert "Base rate, estimated from scores" in page
    assert "while none has surely moved" in page


def test_it_is_hidden_where_rows_of_a_class_look_otherwise(world: World) -> None:
    found = of_a_day(world, USUAL, spread=0.5)
    assert (found["value"], found["reason"]) == (None, "label_shift_rejected")
    assert found["details"]["gate_p_value"] < 0.001
    assert all(set(told) == {"reference"} for told in found["details"]["classes"].values())
    assert "estimated_base_rate_bbse" not in {r["metric"] for r in world.read(START + D)}
    assert found["details"]["summary"].startswith("mix of classes: cannot tell: ")


def test_it_is_hidden_where_rows_are_predicted_as_a_class_that_nobody_knows(world: World) -> None:
    world.configure(task="multiclass")
    world.reference(rows(T0, 3, USUAL, seed=1))
    world.post(
        [{**r, **({"prediction": "yew"} if i % 5 == 0 else {})} for i, r in enumerate(rows(START, 1, USUAL, seed=2))]
    )
    found = one(world.read(START + D), metric="estimated_base_rate", hours=24)
    assert (found["value"], found["reason"]) == (None, "label_shift_rejected")


def test_days_without_drift_are_all_of_the_commonest_class(world: World) -> None:
    world.configure(task="multiclass")
    world.reference(rows(T0, 3, USUAL, seed=1))
    for day in range(3):  # by its 95 % interval one of 20 would be of another class
        world.post(rows(START + day * D, 1, USUAL, seed=10 + day))
        found = one(world.read(START + (day + 1) * D), metric="estimated_base_rate", hours=24)
        assert found["details"]["positive"] == "fir"
        assert found["lower"] < 0.5 < found["upper"]
        assert found["details"]["summary"].endswith(
            " % in the reference; none of 3 classes has surely moved; supposes that rows of a class look as they did"
        )


def test_a_day_without_rows_has_too_few(world: World) -> None:
    world.configure(task="multiclass")
    world.reference(rows(T0, 3, USUAL, seed=1))
    world.post(rows(START, 1, USUAL, seed=2))
    found = one(world.read(START + 4 * D), metric="estimated_base_rate", hours=24)
    assert (found["value"], found["reason"], found["n_current"]) == (None, "too_few_rows", 0)


def test_against_the_last_weeks_there_is_none(world: World) -> None:
    """Their labelled rows are not counted by class."""
    check = {"name": "t", "kind": "prediction_drift", "window": "24h", "reference": {"trailing": "3d"}}
    world.configure(task="multiclass", checks=[check])
    records = rows(START - 4 * D, 5, USUAL, seed=2)
    world.post(records)
    world.label(records, delay=0)
    metrics = {r["metric"] for r in world.read(START + D) if r["check"] == "t"}
    assert "class_share" in metrics
    assert not {name for name in metrics if name.startswith("estimated_base_rate")}


def test_each_version_is_compared_with_its_own_reference(world: World) -> None:
    world.configure(task="multiclass")
    world.reference([*rows(T0, 3, USUAL, seed=1, v="a"), *rows(T0, 3, USUAL, seed=3, spread=0.5, v="b")])
    world.post([*rows(START, 1, OTHER, seed=2, v="a"), *rows(START, 1, OTHER, seed=4, spread=0.5, v="b")[::4]])
    found = matching(world.read(START + D), metric="estimated_base_rate", hours=24)
    assert {r["version"] for r in found} == {None, "a", "b"}
    for told in found:
        assert told["details"]["positive"] == "elm", told
        assert told["lower"] < 0.5 < told["upper"]


def judged(
    world: World, mix: tuple[float, ...], wrong: float, called: str = "fir"
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The gap of a day of labels, and the alerts of the performance check; labels of the first class are ``called``."""
    world.configure(task="multiclass")
    world.reference(rows(T0, 3, USUAL, seed=1, lean=0.02))
    records = rows(START, 1, mix, seed=2, wrong=wrong, lean=0.02)
    world.post(records)
    world.label([{**one, "label": called if one["label"] == "fir" else one["label"]} for one in records], delay=0)
    run = world.run(START + D + H)
    (gap,) = matching(world.read(START + D + H), check="performance", hours=24, metric="calibration_gap")
    return gap, [one for one in run.alerts if one["check"] == "performance"]


def test_another_mix_of_classes_is_no_concept_drift(world: World) -> None:
    gap, _ = judged(world, (0.05, 0.05, 0.9), wrong=0.0)
    shift = gap["details"]["label_shift"]
    assert shift["explains"] is True
    assert (shift["positive"], shift["base_rate"]) == ("elm", pytest.approx(0.9, abs=0.04))
    assert (gap["verdict"], gap["details"]["concept_drift"]) == ("ok", False)


def test_what_the_mix_does_not_explain_still_is(world: World) -> None:
    gap, alerts = judged(world, USUAL, wrong=0.4)
    assert gap["details"]["label_shift"]["explains"] is False
    assert gap["verdict"] in ("warning", "critical")
    assert len(alerts) == 1


def test_labels_that_are_no_class_of_the_model_are_no_other_mix(world: World) -> None:
    gap, alerts = judged(world, USUAL, wrong=0.0, called="yew")
    assert gap["details"]["label_shift"]["explains"] is False
    assert gap["details"]["new_labels"] == pytest.approx(0.5, abs=0.03)
    assert gap["verdict"] == "critical"
    (alert,) = alerts
    assert gap["details"]["summary"] in alert["summary"]
    assert "% of the labels are none of the model's classes" in alert["summary"]


def test_without_labels_in_the_reference_there_is_nothing_to_go_by(world: World) -> None:
    world.configure(task="multiclass")
    world.reference([{key: value for key, value in r.items() if key != "label"} for r in rows(T0, 3, USUAL, seed=1)])
    world.post(rows(START, 1, OTHER, seed=2))
    found = one(world.read(START + D), metric="estimated_base_rate", hours=24)
    assert (found["value"], found["reason"]) == (None, "no_reference")
