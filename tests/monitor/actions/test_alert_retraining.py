"""A retraining run from the request to what the orchestrator reports, and what can go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from alerting.rules import Rule
from alerting.words import DAY, HOUR, SECOND
from monitor import clock
from monitor.actions import replay as replaying
from monitor.actions.answer_alert import acknowledge, resolve
from monitor.actions.follow_triggers import follow_triggers
from monitor.actions.report_retraining import report_retraining
from monitor.errors import Conflict, Invalid, NotFound, Unauthorized
from monitor.store.alerts import list_transitions
from monitor.store.tables import outbox
from monitor.store.trigger_runs import runs_of_model
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import Delivering, make_runs, make_service
from tests.monitor.delivery.receiver import Answer, Receiver, receiving

RULE = Rule("drift", "data_drift", notify=("ops",), trigger="retrain")


@dataclass
class World(Delivering):
    receiver: Receiver

    def fire(self, n: int = 0, verdict: str = "warning", rule: Rule = RULE) -> dict[str, Any]:
        as_of = MIDNIGHT + n * DAY
        (alert,) = self.runs.run([rule], reading(verdict, end=as_of), as_of=as_of, wall_now=self.now)
        return alert

    def run(self) -> dict[str, Any]:
        with self.runs.database.read() as connection:
            return runs_of_model(connection, 1)[0].as_json()

    def timeline(self, alert: dict[str, Any]) -> list[str]:
        with self.runs.database.read() as connection:
            return [one["kind"] for one in list_transitions(connection, alert["id"])]

    def told(self) -> list[str]:
        return [got.json()["type"] for got in self.receiver.received if got.path == "/ops"]

    def requests(self) -> list[dict[str, Any]]:
        return [got.json()["data"]["trigger_run"] for got in self.receiver.received if got.path == "/runs"]

    def report(self, status: str, **more: Any) -> dict[str, Any]:
        url = urlsplit(self.requests()[0]["callback_url"])
        (token,) = parse_qs(url.query)["token"]
        return report_retraining(self.service, url.path.split("/")[-1], token, {"status": status, **more}, self.now)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with receiving() as receiver:
        runs = make_runs(tmp_path)
        runs.channels = {"ops": {"type": "webhook", "url": f"{receiver.url}/ops"}}
        runs.triggers = {"retrain": {"type": "webhook", "url": f"{receiver.url}/runs"}}
        yield World(runs, make_service(runs), clock.now(), {}, receiver)
        runs.database.close()


def test_the_whole_life_of_a_run(world: World) -> None:
    alert = world.fire()
    assert world.run()["state"] == "requested"
    world.deliver()
    assert world.run()["state"] == "accepted"
    (asked,) = world.requests()
    assert asked["id"] == world.run()["id"]
    assert asked["idempotency_key"] == world.run()["idempotency_key"]
    assert asked["callback_url"].startswith(f"http://plimsoll.test/v1/trigger-runs/{asked['id']}?token=")
    assert world.report("running", external_id="job-7", url="https://orchestrator.example/7")["state"] == "running"
    assert world.report("running")["external_id"] == "job-7"
    done = world.report("succeeded", message="accuracy 0.9")
    assert (done["state"], done["message"]) == ("succeeded", "accuracy 0.9")
    assert [one["state"] for one in done["history"]] == ["requested", "sent", "accepted", "running", "succeeded"]
    assert world.report("succeeded")["state"] == "succeeded"
    with pytest.raises(Conflict):
        world.report("failed")
    with pytest.raises(Conflict):
        world.report("running")
    assert world.timeline(alert) == [
        "pending", "firing", "retraining_requested", "retraining_accepted", "retraining_running",
        "retraining_succeeded",
    ]  # fmt: skip
    assert world.told() == ["alert.firing"]


def test_the_callback_needs_its_own_token(world: World) -> None:
    world.fire()
    run_id = world.run()["id"]
    for token in (None, "", "wrong"):
        with pytest.raises(Unauthorized):
            report_retraining(world.service, run_id, token, {"status": "running"}, world.now)
    with pytest.raises(NotFound):
        report_retraining(world.service, "run-nope", "t", {"status": "running"}, world.now)


@pytest.mark.parametrize(
    ("more", "field"),
    [({"status": "done"}, "status"), ({"url": "javascript:alert(1)"}, "url"), ({"message": 3}, "message"),
     ({"external_id": "x" * 201}, "external_id"), ({"version": 2}, "version")],
)  # fmt: skip
def test_reports_that_say_nothing_are_refused(world: World, more: dict[str, Any], field: str) -> None:
    world.fire()
    world.deliver()
    with pytest.raises(Invalid) as caught:
        world.report(**{"status": "running", **more})
    assert caught.value.field == field
    assert world.run()["state"] == "accepted"


def test_a_failure_is_told_to_those_who_were_told_of_the_alert(world: World) -> None:
    alert = world.fire()
    world.deliver()
    world.report("failed", message="out of memory")
    world.deliver()
    assert world.told() == ["alert.firing", "retraining.failed"]
    assert world.timeline(alert)[-1] == "retraining_failed"


def test_a_refusal_is_final_told_and_frees_the_model(world: World) -> None:
    world.receiver.answer = lambda got: Answer(422 if got.path == "/runs" else 200)
    world.fire()
    world.deliver()
    assert (world.run()["state"], world.run()["message"]) == ("refused", "the receiver answered 422")
    world.deliver()
    assert world.told() == ["alert.firing", "retraining.refused"]


def test_a_repeat_keeps_its_key_and_a_report_in_between_ends_it(world: World) -> None:
    world.receiver.answer = lambda got: Answer(500 if got.path == "/runs" else 200)
    world.fire()
    world.deliver()
    assert world.run()["state"] == "sent"
    world.now += 5 * SECOND
    world.deliver()
    assert len({one["idempotency_key"] for one in world.requests()}) == 1
    assert len(world.requests()) == 2
    world.report("running")  # it had arrived after all
    world.now += HOUR // 2
    world.deliver()
    assert len(world.requests()) == 2
    with world.runs.database.read() as connection:
        states = connection.execute(select(outbox.c.state).where(outbox.c.kind == "trigger")).scalars().all()
    assert list(states) == ["delivered"]


def test_a_run_that_does_not_start_or_finish_in_time_is_stuck(world: World) -> None:
    alert = world.fire()
    world.deliver()
    world.now += HOUR - 1
    assert follow_triggers(world.service, world.now) == 0
    world.report("running")
    world.now += 22 * HOUR
    assert follow_triggers(world.service, world.now) == 0
    world.now += HOUR + 1
    assert follow_triggers(world.service, world.now) == 1
    assert (world.run()["state"], world.run()["message"]) == ("stuck", "it did not finish in time")
    world.deliver()
    assert world.told() == ["alert.firing", "retraining.stuck"]
    assert world.timeline(alert)[-1] == "retraining_stuck"
    with pytest.raises(Conflict):
        world.report("succeeded")


def test_a_run_that_never_started_is_stuck_and_not_sent_any_more(world: World) -> None:
    world.receiver.answer = lambda got: Answer(503 if got.path == "/runs" else 200)
    world.fire()
    world.deliver()
    world.now += HOUR
    assert follow_triggers(world.service, world.now) == 1
    world.deliver()
    assert len(world.requests()) == 1
    why = "it did not start in time; the last that was heard of it: the receiver answered 503"
    assert world.run()["message"] == why


def test_a_request_that_is_never_answered_is_unknown(world: World) -> None:
    settings = {**world.runs.triggers["retrain"], "start_by": "72h", "finish_by": "96h"}
    world.runs.triggers["retrain"] = settings
    world.receiver.answer = lambda got: Answer(503 if got.path == "/runs" else 200)
    world.fire()
    for _ in range(20):
        world.deliver()
        world.now += 6 * HOUR
    assert world.run()["state"] == "unknown"
    assert world.told() == ["alert.firing", "retraining.unknown"]


def test_acknowledging_stops_reminders_and_is_undone_by_a_rise(world: World) -> None:
    rule = Rule("drift", "data_drift", notify=("ops",), remind=DAY)
    alert = world.fire(rule=rule)
    assert acknowledge(world.service, alert["id"], world.now)["acknowledged_at"] == clock.render(world.now)
    assert acknowledge(world.service, alert["id"], world.now + 1)["acknowledged_at"] == clock.render(world.now)
    world.fire(1, rule=rule)
    assert world.timeline(alert) == ["pending", "firing", "acknowledged"]
    assert world.fire(2, "critical", rule)["acknowledged_at"] is None
    world.fire(3, rule=rule)
    assert world.timeline(alert)[-3:] == ["raised", "unacknowledged", "reminder"]
    with pytest.raises(NotFound):
        acknowledge(world.service, "nope", world.now)


def test_resolving_by_hand_is_told_and_the_next_window_is_a_new_episode(world: World) -> None:
    alert = world.fire()
    after = resolve(world.service, alert["id"], world.now)
    assert (after["state"], after["resolve_reason"]) == ("resolved", "manual")
    world.deliver()
    assert world.told() == ["alert.firing", "alert.resolved"]
    for answer in (resolve, acknowledge):
        with pytest.raises(Conflict):
            answer(world.service, alert["id"], world.now)
    assert world.fire(1)["id"] != alert["id"]


def test_a_replay_waits_once_for_an_orchestrator_that_says_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "PATIENCE", 0.2)
    world.fire()
    outside = replaying.Outside(world.service, world.run()["model"], lambda: world.now)
    outside.settle()
    assert world.run()["state"] == "accepted"
    assert outside.awaited == {world.run()["id"]}
    monkeypatch.setattr(replaying, "PATIENCE", 3600)  # a second wait would never end
    outside.settle()
