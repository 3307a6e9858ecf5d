"""The whole loop: drift, a retraining that trains and brings a new version, and whether it helped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerting.retraining import callback_token
from alerting.words import SECOND
from dashboards.views import Viewer
from monitor.actions import build_page
from monitor.actions.close_retrainings import close_retrainings
from monitor.actions.deliver_messages import deliver_due
from monitor.actions.poll_orchestrators import poll_due
from monitor.actions.report_retraining import report_retraining
from monitor.store import alerts, claims, locks, readings, trigger_runs
from monitor.store.installation import secret
from tests.monitor.delivery.receiver import Receiver, receiving
from tests.monitor.world import T0, D, H, World, traffic
from tests.orchestrators.base import Orchestrator, served
from tests.orchestrators.every import ENVIRONMENT
from tests.orchestrators.schedulers import Airflow
from tests.stores import new_service

pytestmark = pytest.mark.one_engine("sqlite")

LOG = 10 * D
MOVED = T0 + LOG  # from here on x is elsewhere
BACK = MOVED + D  # from here on there is v2


class Loop:
    def __init__(self, folder: Path, there: Orchestrator, receiver: Receiver) -> None:
        self.there, self.receiver = there, receiver
        self.world = World(new_service(folder))
        self.world.now = BACK + 10 * D
        old = traffic(T0, 10 * 24, version="v1")
        self.world.post([*old, *traffic(MOVED, 24, seed=3, shift=1.5, version="v1")])
        self.world.pin(T0, MOVED, "base")
        rule = {"name": "drift", "check": "data_drift", "notify": ["ops"], "trigger": "retrain"}
        self.world.apply(
            {
                "models": {"m": {"rules": [rule]}},
                "channels": {"ops": {"type": "webhook", "url": receiver.url}},
                "triggers": {"retrain": there.configured()},
            }
        )

    def retrain(self, took: int = 2 * SECOND, claimed_by: str | None = None) -> None:
        """Fire, and let the orchestrator train."""
        self.world.run(MOVED + D, claimed_by=claimed_by)
        self.deliver()
        assert self.run()["state"] == "accepted"
        (run,) = self.there.runs
        run.state = "success"
        self.world.now += took
        poll_due(self.world.service, lambda: self.world.now, environment=ENVIRONMENT)
        assert self.run()["state"] == "succeeded"

    def report(self, **more: str) -> None:
        with self.world.service.database.write() as connection:
            token = callback_token(secret(connection), self.run()["id"])
        report = {"status": "succeeded", **more}
        report_retraining(self.world.service, self.run()["id"], token, report, self.world.now)

    def serve(self, first: int, last: int, *, trained: bool, beside: bool = False) -> None:
        """The new version's traffic of some hours, with what it was trained on as its reference."""
        hours, start = last - first, BACK + first * H
        if trained and not first:
            self.world.reference(traffic(MOVED - 10 * D, 10 * 24, seed=5, shift=1.5, version="v2"), "again")
        self.world.post(traffic(start, hours, seed=4, shift=1.5, version="v2", prefix=f"n{first}"))
        if beside:
            self.world.post(traffic(start, hours, seed=6, shift=1.5, version="v1", prefix=f"o{first}"))

    def deliver(self) -> list[dict[str, Any]]:
        deliver_due(self.world.service, lambda: self.world.now, environment=ENVIRONMENT)
        return [got.json() for got in self.receiver.received]

    def run(self) -> dict[str, Any]:
        with self.world.service.database.read() as connection:
            (run,) = trigger_runs.runs_of_model(connection, self.world.found(connection).id)
            return run.as_json()

    def page(self) -> str:
        viewer = Viewer(now=self.world.now)
        return build_page.build_alert(self.world.service, viewer, self.run()["alert"])

    def timeline(self) -> list[str]:
        with self.world.service.database.read() as connection:
            return [one["kind"] for one in alerts.list_transitions(connection, self.run()["alert"])]


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    there = Airflow()
    with receiving() as receiver, served(there):
        made = Loop(tmp_path, there, receiver)
        yield made
        made.world.service.close()


def test_a_model_that_was_trained_again_has_recovered_beside_the_old_one(loop: Loop) -> None:
    loop.retrain()
    loop.world.run(BACK + 4 * H)
    assert "Whether it helped is not known yet: no new version" in loop.page()
    assert (loop.run()["closing"]["result"], loop.run()["closing"]["version"]) == ("not_yet_known", None)
    loop.serve(0, 8, trained=True, beside=True)
    loop.world.run(BACK + 8 * H)
    assert (loop.run()["closing"]["result"], loop.run()["closing"]["version"]) == ("not_yet_known", "v2")
    assert "retraining_recovered" not in loop.timeline()
    loop.serve(8, 24, trained=True, beside=True)
    loop.world.run(BACK + D)
    closing = loop.run()["closing"]
    assert (closing["result"], closing["version"]) == ("recovered", "v2")
    assert [(one["metric"], one["feature"]) for one in closing["series"]] == [("ks", "x")]
    assert closing["series"][0]["before"] > 0.3 > 0.2 > closing["series"][0]["after"]
    (told,) = [one for one in loop.deliver() if one["type"] == "retraining.recovered"]
    assert told["data"]["trigger_run"]["closing"] == "recovered"
    assert loop.timeline().count("retraining_recovered") == 1
    loop.world.run(BACK + D + 4 * H)
    assert loop.run()["closing"] == closing
    assert "It helped: what moved is back within bounds in v2: " in loop.page()
    with loop.world.service.database.read() as connection:
        assert trigger_runs.tally(connection, loop.world.found(connection).id)["recovered"] == 1


def test_a_model_that_was_not_has_not(loop: Loop) -> None:
    loop.retrain()
    loop.serve(0, 24, trained=False)
    loop.world.run(BACK + D)
    assert loop.run()["closing"]["result"] == "not_recovered"
    assert "retraining.not_recovered" in [one["type"] for one in loop.deliver()]
    assert "retraining_not_recovered" in loop.timeline()
    assert "It did not help: x: " in loop.page()


def test_a_version_that_came_for_another_reason_is_not_judged(loop: Loop) -> None:
    """v9 comes while the retraining runs, v2 after it; then the run says by itself what it made."""
    loop.retrain(took=8 * H)
    loop.world.post(traffic(BACK, 48, seed=8, shift=1.5, version="v9"))
    loop.world.run(BACK + D)
    assert (loop.run()["closing"]["result"], loop.run()["closing"]["version"]) == ("not_yet_known", None)
    loop.world.post(traffic(BACK + 25 * H, 3, seed=9, shift=1.5, version="v2"))
    loop.world.run(BACK + 28 * H)
    assert (loop.run()["closing"]["result"], loop.run()["closing"]["version"]) == ("not_yet_known", "v2")
    loop.report(version="v3")
    loop.world.run(BACK + 32 * H)
    assert (loop.run()["version"], loop.run()["closing"]["version"]) == ("v3", None)
    assert 'It makes version <span class="tag">v3</span>, as it reported.' in loop.page()
    assert loop.run()["closing"]["reason"] == "v3, which the run made, has not sent predictions yet"
    loop.report(version="v9")
    loop.world.run(BACK + 36 * H)
    assert (loop.run()["closing"]["result"], loop.run()["closing"]["version"]) == ("not_recovered", "v9")


def test_a_run_that_deploys_before_it_ends_is_judged_a_day_later(loop: Loop) -> None:
    loop.retrain(took=8 * H)
    loop.serve(0, 36, trained=True)
    loop.world.run(BACK + 28 * H)
    assert loop.run()["closing"]["version"] is None
    loop.world.run(BACK + 32 * H)
    assert (loop.run()["closing"]["result"], loop.run()["closing"]["version"]) == ("recovered", "v2")


def test_a_version_that_comes_days_later_takes_nothing_back(loop: Loop) -> None:
    """v2 was deployed by the run itself and has not been looked at yet when v9 comes for another reason."""
    loop.retrain(took=8 * H)
    loop.serve(0, 36, trained=True)
    loop.world.post(traffic(BACK + 40 * H, 3, seed=9, shift=1.5, version="v9"))
    loop.world.run(BACK + 44 * H)
    assert (loop.run()["closing"]["result"], loop.run()["closing"]["version"]) == ("recovered", "v2")


def test_what_the_schedule_catches_up_did_not_make_a_version_that_was_there_before(loop: Loop) -> None:
    """The service was down for ten days, in which somebody deployed v2: the retraining is asked for after that."""
    loop.serve(0, 24, trained=True)
    with loop.world.service.database.write() as connection:
        assert claims.claim(connection, loop.world.found(connection).id, MOVED + D, "schedule", loop.world.now)
    asked_at = loop.world.now
    loop.retrain(claimed_by="schedule")
    loop.world.run(BACK + D)
    assert (loop.run()["closing"]["result"], loop.run()["closing"]["version"]) == ("not_yet_known", None)
    loop.world.now = asked_at + 3 * D
    loop.world.post(traffic(asked_at + H, 24, seed=9, shift=1.5, version="v3"))
    loop.world.run(asked_at + 26 * H)
    assert (loop.run()["closing"]["result"], loop.run()["closing"]["version"]) == ("not_recovered", "v3")


def known_better_later(loop: Loop) -> None:
    """The window of the new version is measured anew a day after, and the day before it is replayed."""
    service = loop.world.service
    with service.database.write(locks.model("m")) as connection:
        model = loop.world.found(connection).id
        query = readings.Query(check="data_drift", features={"x"}, segment="", start=BACK + D, limit=1000)
        found = [one.reading for one in readings.find(connection, model, query)]
        assert {one.feature for one in found} == {"x"}
        for one in found:
            readings.save(connection, model, 1, [replace(one, as_of=BACK + 2 * D, value=0.9, verdict="critical")])
        (run,) = trigger_runs.runs_of_model(connection, model)
        trigger_runs.set_fields(connection, run.id, closing=None)
        close_retrainings(connection, model, as_of=BACK + D, now=loop.world.now, public_url="", deliver=False)


def test_the_new_version_alone_has_recovered_and_a_run_that_does_not_deliver_tells_nobody(loop: Loop) -> None:
    loop.retrain()
    loop.serve(0, 24, trained=True)
    loop.world.run(BACK + D, deliver=False)
    assert loop.run()["closing"]["result"] == "recovered"
    known_better_later(loop)
    assert loop.run()["closing"]["result"] == "recovered"
    assert "retraining.recovered" not in [one["type"] for one in loop.deliver()]
