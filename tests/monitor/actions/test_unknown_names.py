"""A check that names what does not exist says so in a reading of its own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.monitor.world import T0, D, World, matching, one, traffic

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D
PSI = {"kind": "data_drift", "method": "psi", "threshold": {"warning": 0.1}}
DOMAIN = {"kind": "data_drift", "method": "domain_classifier", "threshold": {"warning": 0.6}}


def read(world: World, **check: Any) -> list[dict[str, Any]]:
    world.configure(task="binary", segments=["kind"], checks=[{"name": "mine", "window": "24h", **check}])
    world.reference(traffic(T0, 24 * 9))
    records = traffic(START, 24, seed=2)
    world.post(records)
    world.label(records, delay=0)
    return world.read(START + D, check="mine")


@pytest.mark.parametrize(
    "check", [{"kind": "data_drift"}, PSI, DOMAIN, {"kind": "data_quality"}], ids=["auto", "psi", "domain", "quality"]
)
def test_a_feature_that_nobody_sends(world: World, check: dict[str, Any]) -> None:
    found = read(world, features=["x", "agee"], **check)
    said = one(found, feature="agee")
    assert (said["verdict"], said["reason"]) == ("cannot_tell", "unknown_feature")
    assert said["details"]["summary"].endswith(
        "agee: cannot tell: the check names this feature, and no row has ever had it"
    )
    assert {one["verdict"] for one in found if one["feature"] == "x"} <= {"ok"}


def test_a_feature_that_came_after_the_reference_has_none(world: World) -> None:
    late = [{**record, "features": {"x": 1.0, "late": 2.0}} for record in traffic(START, 24, seed=2)]
    world.configure(checks=[{"name": "mine", "kind": "data_drift", "window": "24h", "features": ["late"]}])
    world.reference(traffic(T0, 24 * 9))
    world.post(late)
    said = one(world.read(START + D), check="mine")
    assert (said["feature"], said["verdict"], said["reason"]) == ("late", "cannot_tell", "no_reference")


@pytest.mark.parametrize(
    "check",
    [
        {"kind": "data_drift"},
        PSI,
        DOMAIN,
        {"kind": "prediction_drift"},
        {"kind": "data_quality"},
        {"kind": "performance"},
        {"kind": "performance", "method": "shiryaev_roberts", "threshold": {"p_value": 0.01}},
        {"kind": "fairness"},
    ],
    ids=["auto", "psi", "domain", "prediction", "quality", "performance", "stream", "fairness"],
)
def test_a_reference_that_does_not_exist(world: World, check: dict[str, Any]) -> None:
    found = read(world, reference="nope", **check)
    judged = matching(found, verdict="cannot_tell", reason="no_reference")
    assert judged, found
    assert not [one for one in found if one["verdict"] not in ("cannot_tell", None)]
    assert "(the check asks for 'nope')" in judged[0]["details"]["summary"]
