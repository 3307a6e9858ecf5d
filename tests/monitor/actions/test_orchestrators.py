"""Retrainings through the service and its rules, at orchestrators that are served on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from alerting.retraining import callback_token
from alerting.rules import Rule
from alerting.words import DAY, HOUR, SECOND
from monitor import clock
from monitor.actions.answer_alert import resolve
from monitor.actions.deliver_messages import deliver_due
from monitor.actions.follow_triggers import follow_triggers, trigger_run_body
from monitor.actions.poll_orchestrators import poll_due
from monitor.actions.report_retraining import report_retraining
from monitor.actions.rows_link import Window, is_signed
from monitor.store import config
from monitor.store.installation import secret
from tests.alerting.make import MIDNIGHT, reading
from tests.orchestrators.base import Reply, Seen, basic
from tests.orchestrators.clusters import Kubeflow
from tests.orchestrators.every import ENVIRONMENT
from tests.orchestrators.schedulers import Prefect
from tests.orchestrators.world import QUALITY, RULE, World, world_of


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_of(tmp_path, Prefect()) as made:
        yield made


def test_a_run_is_asked_about_soon_and_then_rarely(world: World) -> None:
    world.fire()
    world.deliver()
    before = len(world.there.asked)
    for _ in range(150):
        world.poll(2 * SECOND)
    polls = len(world.there.asked) - before
    assert polls == 8  # after 2, 4, 8, 16, 32 s, and then every minute
    assert world.run().polls == polls


def test_two_who_poll_ask_once(world: World) -> None:
    world.fire()
    world.deliver()
    world.now += 2 * SECOND
    before = len(world.there.asked)
    together = threading.Barrier(2)

    def poll() -> None:
        together.wait()
        poll_due(world.service, lambda: world.now, environment=ENVIRONMENT)

    threads = [threading.Thread(target=poll) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.there.asked) - before == 1


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_what_goes_wrong_there_is_told_here(world: World, state: str) -> None:
    alert = world.fire()
    world.deliver()
    world.there.runs[0].state = world.there.states[state]
    assert world.poll(2 * SECOND).state == state
    assert world.told() == ["alert.firing", f"retraining.{state}"]
    assert "Prefect calls it Late" in world.timeline(alert)[-1]["reason"]
    world.poll(HOUR)
    assert world.run().state == state


def test_a_run_that_nobody_picks_up_is_stuck_with_what_was_heard_of_it(world: World) -> None:
    world.fire()
    world.deliver()
    world.poll(2 * SECOND)
    world.now += HOUR
    assert follow_triggers(world.service, world.now) == 1
    assert world.run().state == "stuck"
    assert world.run().message == "it did not start in time; the last that was heard of it: Prefect calls it Late"
    assert world.told() == ["alert.firing", "retraining.stuck"]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("reply", "words"),
    [((500, None), "it answered 500"), ((503, {"detail": "no database"}), "no database (503)"), (None, "failed")],
)
def test_a_run_of_one_that_only_fails_is_stuck_and_says_so(world: World, reply: Reply | None, words: str) -> None:
    world.fire()
    world.deliver()
    world.there.instead = lambda _request: reply
    for _ in range(4):
        world.poll(20 * SECOND)
    assert world.run().polls == 4
    world.now += HOUR
    assert follow_triggers(world.service, world.now) == 1
    said = world.run().message or ""
    assert said.startswith("it did not start in time; the last that was heard of it: ")
    assert words in said
    world.told()
    assert words in world.receiver.received[-1].json()["data"]["trigger_run"]["message"]


def test_a_run_that_was_never_taken_is_stuck_with_the_last_answer(world: World) -> None:
    world.there.instead = lambda _request: (502, None)
    world.fire()
    world.deliver()
    assert (world.run().state, world.run().message) == ("sent", "the orchestrator answered 502")
    world.now += HOUR
    follow_triggers(world.service, world.now)
    assert (world.run().message or "").endswith("the last that was heard of it: the orchestrator answered 502")


def test_what_was_heard_before_is_not_the_last_that_was_heard(world: World) -> None:
    world.there.instead = lambda _request: (502, None)
    world.fire()
    world.deliver()
    world.there.instead = None
    world.now += 10 * SECOND
    world.deliver()
    assert (world.run().state, world.run().message) == ("accepted", None)


def test_a_run_of_an_orchestrator_that_is_away_is_asked_about_again(world: World) -> None:
    world.fire()
    world.deliver()
    world.there.secret = "another"
    assert world.poll(2 * SECOND).message == "Unauthorized (401)"
    world.there.secret = Prefect.secret
    world.there.runs[0].state = "RUNNING"
    assert world.poll(60 * SECOND).state == "running"


def test_a_refusal_is_told_in_its_own_words(world: World) -> None:
    world.set(parameters={"rows": "{summary}"})
    alert = world.fire()
    world.deliver()
    assert world.run().state == "refused"
    assert "'rows' is not of type 'integer'" in world.timeline(alert)[-1]["reason"]
    assert world.told() == ["alert.firing", "retraining.refused"]
    assert "is not of type" in world.receiver.received[-1].json()["data"]["trigger_run"]["message"]


def test_a_dry_run_is_all_but_the_call(world: World) -> None:
    given = {"model": "{model}", "until": "{window_end}", "rows": ["{data_url}"], "key": "${TOKEN}"}
    world.set(dry_run=True, parameters=given)
    alert = world.fire()
    assert world.deliver() == 1
    assert (world.run().state, world.run().message) == ("cancelled", "dry run: nobody was asked")
    (said,) = [one for one in world.timeline(alert) if one["kind"] == "retraining_dry_run"]
    until = clock.render(MIDNIGHT)
    (shown,) = said["details"]["parameters"].values()
    assert (shown["model"], shown["until"], shown["key"]) == ("flight-delays", until, "${TOKEN}")
    assert world.there.asked == []
    with world.runs.database.read() as connection:
        link = trigger_run_body(world.service, connection, world.run())["data_url"]
    assert shown["rows"] == [f"{link.partition('&token=')[0]}&token=••••"]
    assert said["reason"].endswith("Its parameters, as they would have been sent but for secrets")


def test_broken_data_are_not_trained_on(world: World) -> None:
    broken = reading("warning", "dest", metric="missing_share", check="data_quality", kind="data_quality")
    alert = world.fire(0, (RULE, QUALITY), broken)
    assert world.count() == 0
    (said,) = [one for one in world.timeline(alert) if one["kind"] == "retraining_suppressed"]
    assert said["reason"].startswith("retrain was not started: the data are broken")
    world.deliver()
    drift = next(got for got in world.receiver.received if got.json()["data"]["alert"]["rule"] == "drift")
    assert drift.json()["data"]["alert"]["id"] == alert["id"]


def test_new_categories_are_no_reason_against_it(world: World) -> None:
    new = reading("warning", "dest", metric="unseen_category_share", check="data_quality", kind="data_quality")
    world.fire(0, (RULE, QUALITY), new)
    assert world.count() == 1


def test_at_most_so_many_a_day_and_enough_labels(world: World) -> None:
    world.set(min_labels=10)
    alert = world.fire()
    assert "0 rows have labels, and min_labels is 10" in world.timeline(alert)[-1]["reason"]
    assert world.count() == 0


def test_a_webhook_that_cannot_be_asked_is_not_asked_for_ever(world: World) -> None:
    world.runs.triggers = {"retrain": {"type": "webhook", "url": world.receiver.url}}
    with world.runs.database.write() as connection:
        config.put(connection, "trigger", "retrain", world.runs.triggers["retrain"])
    world.fire()
    world.deliver()
    assert (world.poll(2 * SECOND).state, world.run().next_poll_at) == ("accepted", None)


def test_an_alert_asks_once_unless_nothing_came_of_it(world: World) -> None:
    alert = world.fire()
    world.deliver()
    world.there.runs[0].state = "COMPLETED"
    assert world.poll(2 * SECOND).state == "succeeded"
    assert "has asked for one before" in world.ask_again(alert, DAY)
    assert world.count() == 1


class Slow(Kubeflow):
    """Something happens while it makes up its mind."""

    def __init__(self, meanwhile: Callable[[str], object]) -> None:
        super().__init__()
        self.meanwhile = meanwhile

    def create(self, body: Any) -> Reply:
        self.meanwhile(body["display_name"])
        return super().create(body)


def test_nobody_else_asks_while_an_orchestrator_takes_its_time(tmp_path: Path) -> None:
    """All requests of a talk, each as long as it may take: a second talk would find no run, and start one."""

    def meanwhile(_key: str) -> None:
        if not later:
            later.append(deliver_due(made.service, lambda: made.now + 5 * 15 * SECOND, environment=ENVIRONMENT))

    later: list[int] = []
    there = Slow(meanwhile)
    with world_of(tmp_path, there) as made:
        made.runs.channels = {}
        made.fire()
        made.deliver()
        assert (later, len(there.runs), made.run().state) == ([0], 1, "accepted")


@pytest.mark.one_engine
def test_attempts_that_cannot_have_arrived_are_no_doubts(tmp_path: Path) -> None:
    """Four attempts never come to asking; of the others, the third that nobody answers is not the last."""
    there = Kubeflow()

    def lost(request: Seen) -> Reply:
        return (502, None) if request.method == "POST" else there.answer(request)

    with world_of(tmp_path, there) as made:
        made.set(start_by="20h")
        made.fire()
        doubts = []
        for instead in [lambda _request: (503, None)] * 4 + [lost] * 3:
            there.instead = instead
            made.deliver()
            made.now += 3 * HOUR
            doubts.append(made.run().doubts)
        assert (doubts, made.run().state) == ([0, 0, 0, 0, 1, 2, 3], "sent")
        made.deliver()
        assert made.run().state == "unknown"
        assert "no run has this name" in (made.run().message or "")


def test_a_run_that_reports_before_its_answer_is_known_is_followed(tmp_path: Path) -> None:
    def meanwhile(_key: str) -> None:
        run = made.run()
        with made.runs.database.write() as connection:
            token = callback_token(secret(connection), run.id)
        report_retraining(made.service, run.id, token, {"status": "running"}, made.now)

    there = Slow(meanwhile)
    with world_of(tmp_path, there) as made:
        made.fire()
        made.deliver()
        assert (made.run().state, made.run().external_id) == ("running", there.runs[0].id)
        there.runs[0].state = "SUCCEEDED"
        assert made.poll(2 * SECOND).state == "succeeded"


def test_no_secret_of_an_address_is_kept_with_the_run(world: World) -> None:
    host = world.there.url.partition("://")[2]
    world.set(url="${ADDRESS}")
    world.there.secret = basic("ml", "very-secret")
    names = {**ENVIRONMENT, "ADDRESS": f"http://ml:very-secret@{host}/api"}
    world.fire()
    deliver_due(world.service, lambda: world.now, environment=names)
    assert world.run().state == "accepted"
    assert str(world.run().url).startswith(f"http://{host}/runs/flow-run/")
    world.now += 2 * SECOND
    poll_due(world.service, lambda: world.now, environment=names)
    assert world.run().polls == 1
    assert "very-secret" not in f"{world.run()}{world.timeline(world.fire(1))}"


def test_a_retraining_that_fails_is_told_though_its_alert_was_over_before_the_morning(world: World) -> None:
    world.now = clock.parse("2026-03-10T23:00:00Z")
    quiet = {"from": "22:00", "to": "07:00"}
    world.runs.channels = {"ops": {"type": "webhook", "url": world.receiver.url, "quiet": quiet}}
    with world.runs.database.write() as connection:
        config.put(connection, "channel", "ops", world.runs.channels["ops"])
    alert = world.fire()
    world.deliver()
    resolve(world.service, alert["id"], world.now)
    world.there.runs[0].state = "FAILED"
    assert world.poll(2 * SECOND).state == "failed"
    assert world.told() == []
    world.now += DAY // 2
    assert world.told() == ["retraining.failed"]


def test_the_link_to_the_rows_of_no_version_is_of_those_alone(world: World) -> None:
    world.set(parameters={"url": "{data_url}"})
    worse = Rule("drift", "performance", trigger="retrain")
    accuracy = {"check": "performance", "kind": "performance", "metric": "accuracy", "version": None}
    world.runs.run([worse], reading("warning", None, end=MIDNIGHT, **accuracy), as_of=MIDNIGHT, wall_now=world.now)
    with world.runs.database.read() as connection:
        told = trigger_run_body(world.service, connection, world.run())
    query = {name: values[0] for name, values in parse_qs(urlsplit(told["data_url"]).query, True).items()}
    assert query["version"] == ""
    start, end = (clock.parse(query[name]) for name in ("start", "end"))
    with world.runs.database.read() as connection:
        key = secret(connection)
    assert is_signed(key, Window("flight-delays", "", start, end), query["token"], world.now)
    assert not is_signed(key, Window("flight-delays", None, start, end), query["token"], world.now)
