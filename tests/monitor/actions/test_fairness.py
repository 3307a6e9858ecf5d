"""Fairness: shown for every segment column, held against a limit where a check states one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dashboards.views import Viewer
from monitor.actions import build_page
from monitor.config.reading import from_object
from monitor.errors import Invalid
from tests.monitor.world import T0, D, H, Record, World, matching, one, traffic

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D
PARITY = "demographic_parity_difference"


def grouped(records: list[Record], favour: float = 0.0, seed: int = 5) -> list[Record]:
    """Half of them F; the others are told 0 more often, by ``favour``."""
    rng = np.random.default_rng(seed)
    for record, f, refused in zip(records, rng.random(len(records)) < 0.5, rng.random(len(records)), strict=True):
        record["segments"] = {"gender": "F" if f else "M"}
        if not f and refused < favour:
            record["prediction"] = 0
    return records


def lived(world: World, favour: float, **check: Any) -> list[Record]:
    checks = [{"name": "parity", "kind": "fairness", "segment": "gender", **check}] if check else []
    world.configure(segments=["gender"], checks=checks)
    world.reference(grouped(traffic(T0, 24 * 9, 20)))
    records = grouped(traffic(START, 24, 20, seed=2), favour, 6)
    world.post(records)
    return records


def test_it_is_shown_for_every_segment_column(world: World) -> None:
    world.label(lived(world, 0.0), delay=0)
    found = matching(world.read(START + D), check="fairness", hours=24)
    assert {r["metric"] for r in found} == {
        "demographic_parity_difference", "equal_opportunity_difference",
        "false_positive_difference", "calibration_difference",
    }  # fmt: skip
    assert {(r["segment"], r["version"], r["verdict"], r["alpha"]) for r in found} == {("gender=*", None, None, None)}
    parity = one(found, metric=PARITY)
    assert set(parity["details"]["groups"]) == {"F", "M"}
    assert parity["details"]["summary"].startswith("gender: predicted 1: ")
    assert parity["details"]["reference_value"] < 0.05
    page = build_page.build_model(world.service, Viewer(now=world.now), "m", {})
    assert "gender: predicted 1: " in page
    assert "segment=gender%3D%2A" not in page


def test_a_limit_makes_an_alert_of_its_own(world: World) -> None:
    lived(world, 0.6, metric=PARITY, threshold={"warning": 0.1, "critical": 0.5})
    run = world.run(START + D)
    (found,) = [r for r in run.readings if r.check == "parity" and r.length_hours == 24]
    assert (found.verdict, found.threshold, found.reason) == ("warning", 0.1, None)
    assert found.details["highest"] == "F"
    (alert,) = [alert for alert in run.alerts if alert["rule"] == "parity"]
    assert (alert["segment"], alert["version"], alert["state"]) == ("gender=*", None, "firing")


def test_a_gap_that_widens_against_the_reference(world: World) -> None:
    lived(world, 0.6, metric=PARITY, threshold={"drop": 0.05}, window="24h")
    found = one(world.read(START + D), check="parity")
    assert found["verdict"] == "warning"
    assert found["details"]["effect_lower"] > 0.05


def test_what_needs_labels_waits_for_them(world: World) -> None:
    records = lived(world, 0.6, metric="equal_opportunity_difference", threshold={"warning": 0.1}, window="24h")
    early = one(world.read(START + D), check="parity")
    assert (early["verdict"], early["reason"]) == ("cannot_tell", "immature_labels")
    world.label(records, delay=6 * H)
    run = world.run(START + D + 8 * H)
    assert {r.verdict for r in run.readings if r.check == "parity"} == {"warning"}
    assert [alert["segment"] for alert in run.alerts if alert["rule"] == "parity"] == ["gender=*"]


def test_without_segments_or_with_more_classes_there_is_none(world: World) -> None:
    world.reference(traffic(T0, 48))
    world.post(traffic(START, 24, seed=2))
    assert {r["kind"] for r in world.read(START + D)} & {"fairness"} == set()
    world.model = world.poster.model = "three"
    world.configure(segments=["kind"])
    three = [{**r, "id": f"t{r['id']}", "prediction": ["a", "b", "c"][i % 3]} for i, r in enumerate(traffic(T0, 48))]
    for record in three:
        del record["probability"]
        record["label"] = record["prediction"]
    world.reference(three)
    world.post(three)
    assert {r["kind"] for r in world.read(T0 + D)} & {"fairness"} == set()


@pytest.mark.parametrize(
    ("check", "key"),
    [
        ({"kind": "fairness", "segment": "age"}, "segment"),
        ({"kind": "data_drift", "segment": "gender"}, "segment"),
        ({"kind": "fairness", "segment": "gender", "threshold": {"warning": 0.1}}, "threshold"),
        ({"kind": "fairness", "metric": PARITY, "threshold": {"warning": 0.1}}, "threshold"),
        ({"kind": "fairness", "segment": "gender", "metric": PARITY, "threshold": {"p_value": 0.1}}, "threshold"),
        ({"kind": "fairness", "metric": "accuracy"}, "metric"),
    ],
)
def test_mistakes(check: dict[str, Any], key: str) -> None:
    with pytest.raises(Invalid) as caught:
        from_object({"models": {"m": {"segments": ["gender"], "checks": [{"name": "c", **check}]}}})
    assert caught.value.field == f"models.m.checks.0.{key}"


def test_a_model_of_numbers_has_none() -> None:
    check = {"name": "c", "kind": "fairness"}
    with pytest.raises(Invalid, match="binary"):
        from_object({"models": {"m": {"task": "regression", "segments": ["gender"], "checks": [check]}}})
