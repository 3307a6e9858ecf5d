"""What is learned from labelled rows of the log, where a reference is pinned from it."""

from __future__ import annotations

import pytest

from tests.monitor.actions.test_estimates import METRICS, START, harder, scored
from tests.monitor.world import T0, D, World


@pytest.mark.parametrize("task", list(METRICS))
def test_a_pinned_reference_says_what_an_uploaded_one_does(world: World, task: str) -> None:
    world.configure(task=task)
    records = harder(T0, 9, seed=1, hard=0.1) if task == "regression" else scored(task, T0, 9, seed=1)
    world.post(records)
    world.label(records, delay=0)
    world.pin(T0, T0 + 9 * D)
    world.post(harder(START, 1, seed=2, hard=0.8) if task == "regression" else scored(task, START, 1, seed=2))
    found = world.read(START + D)
    assert not [one["details"] for one in found if one["reason"] == "error"]
    said = {one["metric"]: one for one in found if one["metric"].startswith("estimated_")}
    for metric in METRICS[task]:
        assert said[f"estimated_{metric}"]["value"] is not None
    if task == "regression":  # from the features, not from the prediction alone
        assert said["estimated_mae"]["value"] > 1.5 * said["estimated_mae"]["details"]["reference_value"]
