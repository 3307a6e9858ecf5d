"""Concept drift without being asked: judged of every model whose labels are there, and not told where inputs or only
the share of a class moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor import clock
from monitor.actions.frame import Frame
from monitor.actions.levels import expected_checks
from tests.monitor.world import T0, D, H, World, matching

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 7 * D
PER_HOUR = 80


def rows(
    task: str,
    start: int,
    days: int,
    seed: int,
    *,
    moved: float = 0.0,
    share: float = 0.5,
    other: float = 0.0,
    v: str = "",
) -> list[Any]:
    """Of a calibrated model. ``moved``: its inputs; ``share`` of positives, inputs of each class as they were;
    ``other``: what the log odds of the truth (several classes: their logarithm; regression: that of the error) are
    changed by."""
    rng = np.random.default_rng(seed)
    n = days * 24 * PER_HOUR
    truth = rng.random(n) < share
    x = rng.normal(np.where(truth, 1.0, -1.0), 1.2) + moved
    odds = x * 2 / 1.2**2
    score = 1 / (1 + np.exp(-odds))
    if moved or other:
        real = odds * np.exp(other) if task == "multiclass" else odds + other
        truth = rng.random(n) < 1 / (1 + np.exp(-real))
    value = 10 + x
    error = rng.normal(0, 0.1 * value) * np.exp(other)
    step = H // PER_HOUR
    found = []
    for i in range(n):
        one: dict[str, Any] = {"id": f"{seed}-{i}", "timestamp": clock.render(start + i * step), "features": {"x": 1.0}}
        one |= {"version": v} if v else {}
        if task == "regression":
            one |= {"prediction": round(float(value[i]), 6) + 1e-7, "label": float(value[i] + error[i])}
        else:
            one |= {"prediction": "late" if score[i] > 0.5 else "good", "label": "late" if truth[i] else "good"}
            probability = round(float(score[i]), 6)
            one["probability"] = (
                probability if task == "binary" else {"late": probability, "good": 1 - probability, "lost": 0}
            )
        found.append(one)
    return found


def after(world: World, task: str, **changed: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The judged gap of a day of labels, and the alerts of the performance check."""
    world.configure(task=task, **({"positive_label": "late"} if task == "binary" else {}))
    world.reference(rows(task, T0, 3, 1))
    records = rows(task, START, 1, 2, **changed)
    world.post(records)
    world.label(records, delay=0)
    run = world.run(START + D + H)
    found = matching(world.read(START + D + H), check="performance", hours=24)
    name = "error_gap" if task == "regression" else "calibration_gap"
    (gap,) = [one for one in found if one["metric"] == name]
    return gap, [one for one in run.alerts if one["check"] == "performance"]


@pytest.mark.parametrize(
    ("task", "other", "words"),
    [
        ("binary", -1.4, ("concept drift", "% were late where", "accuracy 0.", "was estimated")),
        ("multiclass", -1.4, ("concept drift", "% were predicted right where")),
        ("regression", 0.5, ("concept drift", "mean absolute error 1.32 where 0.795", "was expected of such rows")),
    ],
)
def test_it_is_one_alert(world: World, task: str, other: float, words: tuple[str, ...]) -> None:
    gap, alerts = after(world, task, other=other)
    assert gap["verdict"] in ("warning", "critical")
    assert gap["details"]["effect_lower"] > gap["threshold"]
    assert 0 < gap["p_value"] <= gap["alpha"] < 0.001
    assert gap["details"]["concept_drift"] is True
    cohort = gap["details"]["cohort"]
    assert cohort["metric"] == ("mae" if task == "regression" else "accuracy")
    assert cohort["lower"] < cohort["difference"] == pytest.approx(cohort["realised"] - cohort["expected"])
    assert not cohort["lower"] < 0 < cohort["upper"]
    assert all(part in gap["details"]["summary"] for part in words), gap["details"]["summary"]
    assert len(alerts) == 1


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_other_inputs_are_none(world: World, task: str) -> None:
    gap, alerts = after(world, task, moved=0.7)
    assert (gap["verdict"], gap["details"]["concept_drift"]) == ("ok", False)
    assert "label_shift" not in gap["details"]
    if task != "regression":
        assert not alerts  # of a regression whose errors are larger there the error itself is told


def test_another_share_of_a_class_is_none(world: World) -> None:
    gap, alerts = after(world, "binary", share=0.2)
    shift = gap["details"]["label_shift"]
    assert shift["explains"] is True
    assert shift["base_rate"] == pytest.approx(0.2, abs=0.06)
    assert shift["reference_value"] == pytest.approx(0.5, abs=0.02)
    assert gap["verdict"] == "ok"
    assert not alerts


def test_labels_that_are_late_on_one_side_are_none(world: World) -> None:
    """Four fifths are there, and nobody knows yet how long those of the other class take."""
    world.configure(task="binary", positive_label="late")
    world.reference(rows("binary", T0, 3, 1))
    records = rows("binary", START, 1, 2)
    world.post(records)
    world.label([one for i, one in enumerate(records) if one["label"] == "good" or i % 3], delay=0)
    run = world.run(START + D + H)
    found = matching(world.read(START + D + H), check="performance", metric="calibration_gap")
    assert {one["details"]["mature"] for one in found} == {True}
    assert {(one["verdict"], one["alpha"], one["details"]["uncorrected"]) for one in found} == {(None, None, True)}
    assert not [one for one in run.alerts if one["check"] == "performance"]


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_labels_that_are_always_two_hours_late_are_judged(world: World, task: str) -> None:
    """Those of a window's last two hours are not there at its end, and it is not judged again when they are."""
    world.configure(task=task, **({"positive_label": "late"} if task == "binary" else {}))
    world.reference(rows(task, T0, 3, 1))
    records = [*rows(task, START, 3, 2), *rows(task, START + 3 * D, 1, 3, other=-1.4)]
    world.post(records)
    world.label(records, delay=2 * H)
    found: dict[int, Any] = {}
    for day in (3, 4):
        run = world.run(START + day * D)
        gaps = matching(world.read(START + day * D), check="performance", hours=24, metric="calibration_gap")
        (found[day],) = [one for one in gaps if one["window"]["end"] == clock.render(START + day * D)]
        details = found[day]["details"]
        assert (details["mature"], details["coverage"]) == (True, pytest.approx(22 / 24, abs=1e-3))
        assert found[day]["alpha"] is not None
        assert bool([one for one in run.alerts if one["check"] == "performance"]) == (day == 4)
    assert found[3]["verdict"] == "ok"
    assert found[4]["verdict"] in ("warning", "critical")


def test_each_version_has_its_part_of_one_number_more(world: World) -> None:
    world.configure(task="binary", positive_label="late", segments=["x"])
    world.reference(rows("binary", T0, 3, 1))
    for seed, version in ((2, "a"), (3, "b")):
        records = rows("binary", START, 1, seed, v=version)
        world.post(records)
        world.label(records, delay=0)
    found = matching(world.read(START + D + H), check="performance", hours=24)
    gaps = {one["version"]: one["alpha"] for one in found if one["metric"] == "calibration_gap"}
    quality = matching(world.read(START + D + H), check="data_quality", hours=24, metric="duplicate_share")
    assert gaps == {"a": quality[0]["alpha"] / 2, "b": quality[0]["alpha"] / 2, None: None}
    assert not [one for one in found if one["metric"] == "calibration_gap" and one["segment"]]


def test_the_ledger_counts_it(world: World) -> None:
    def checks() -> int:
        with world.service.database.read() as connection:
            frame = Frame.load(world.service, connection, world.found(connection))
            assert frame is not None
            return expected_checks(frame)

    world.configure(task="binary", positive_label="late")
    world.reference(rows("binary", T0, 3, 1))
    with_it = checks()
    world.configure(checks=[{"name": "performance", "kind": "performance", "metric": "accuracy"}])
    assert with_it - checks() == 2 * (180 + 30)  # the area and the gap
