"""A check on what labels say of the scores: concept drift is told although accuracy does not fall."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitor import clock
from monitor.errors import Invalid
from tests.monitor.actions.test_estimates import START, scored
from tests.monitor.world import T0, D, H, World, matching

pytestmark = pytest.mark.one_engine


def watching(metric: str, **more: Any) -> dict[str, Any]:
    return {"name": "concept", "kind": "performance", "metric": metric, "window": "24h", **more}


def sharper(records: list[Any]) -> list[Any]:
    """Labels follow the scores three times as strongly: accuracy rises, and scores no longer mean what they did."""
    rng = np.random.default_rng(5)
    for one in records:
        odds = np.log(one["probability"] / (1 - one["probability"]))
        one["label"] = "yes" if rng.random() < 1 / (1 + np.exp(-3 * odds)) else "no"
    return records


def of_day(world: World, as_of: int, end: int) -> dict[str, Any]:
    """What the check says of the day that ended."""
    found = [one for one in matching(world.read(as_of), check="concept") if one["metric"] != "label_coverage"]
    (last,) = [one for one in found if one["window"]["end"] == clock.render(end)]
    return last


def turned(records: list[Any]) -> list[Any]:
    """Labels are the other way round."""
    return [{**one, "label": "no" if one["label"] == "yes" else "yes"} for one in records]


@pytest.mark.parametrize(("metric", "change"), [("calibration_slope", sharper), ("calibration_gap", turned)])
def test_it_is_an_alert_of_its_own(world: World, metric: str, change: Callable[[list[Any]], list[Any]]) -> None:
    world.configure(task="binary", checks=[watching(metric, threshold={"p_value": 0.001})])
    world.reference(scored("binary", T0, 9, seed=1))
    seen = []
    for day, records in enumerate((scored("binary", START, 1, seed=2), change(scored("binary", START + D, 1, seed=3)))):
        end = START + (day + 1) * D
        world.post(records)
        early = world.run(end)
        waiting = of_day(world, end, end)
        assert (waiting["verdict"], waiting["reason"]) == ("cannot_tell", "immature_labels")
        assert not early.alerts
        world.label(records, delay=0)
        run = world.run(end + H)
        last = of_day(world, end + H, end)
        assert last["p_value"] is not None
        seen.append((last["verdict"], [one["state"] for one in run.alerts if one["check"] == "concept"]))
    assert seen == [("ok", []), ("warning", ["firing"])]


@pytest.mark.parametrize("threshold", [None, {"warning": 0.1}, {"drop": 0.1}])
def test_it_is_judged_by_its_p_value_alone(world: World, threshold: dict[str, float] | None) -> None:
    given = {} if threshold is None else {"threshold": threshold}
    with pytest.raises(Invalid, match="calibration_slope is judged by its p-value alone: give p_value"):
        world.configure(task="binary", checks=[watching("calibration_slope", **given)])
    with pytest.raises(Invalid, match="no metric of a performance check"):
        world.configure(task="multiclass", checks=[watching("calibration_slope", threshold={"p_value": 0.01})])
    with pytest.raises(Invalid, match="error_gap is judged by its p-value alone: give p_value"):
        world.configure(task="regression", checks=[watching("error_gap", **given)])
