"""Each orchestrator, served on this machine, through the service and its rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerting.words import SECOND
from tests.orchestrators.every import EVERY
from tests.orchestrators.world import world_of

pytestmark = pytest.mark.usefixtures("on_sqlite")


@pytest.mark.parametrize("name", EVERY)
def test_from_drift_to_a_run_that_succeeded(name: str, tmp_path: Path) -> None:
    with world_of(tmp_path, EVERY[name]()) as world:
        alert = world.fire()
        world.there.drop = 1  # the answer to the first call gets lost
        world.deliver()
        world.now += 60 * SECOND
        world.deliver()
        assert (len(world.there.runs), world.run().state) == (1, "accepted")
        run = world.there.runs[0]
        assert world.run().external_id == run.id
        assert (run.key, run.given["model"]) == (world.run().idempotency_key, "flight-delays")
        for ours in ("accepted", "running", "succeeded"):
            run.state = world.there.states[ours]
            assert world.poll(60 * SECOND).state == ours
        kinds = [one["kind"] for one in world.timeline(alert)]
        assert kinds[-3:] == ["retraining_accepted", "retraining_running", "retraining_succeeded"]
        assert world.told() == ["alert.firing"]
