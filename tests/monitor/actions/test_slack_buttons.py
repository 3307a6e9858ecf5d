"""Buttons of a bot in Slack: they do what they say, in the name of who pressed, and go when they are of no use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier

from alerting.words import DAY, HOUR, SECOND
from monitor import clock
from monitor.actions.answer_alert import acknowledge, resolve
from monitor.actions.follow_triggers import follow_triggers
from monitor.store import alerts, silences, trigger_runs
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import make_service
from tests.monitor.actions.slack_world import DRIFT, SIGNING, World, buttons, press, slack_world, text
from tests.monitor.api.calling import Api
from tests.monitor.delivery.slack_peer import said


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with slack_world(tmp_path) as made:
        yield made


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING", SIGNING)


def ask_for_approval(world: World) -> tuple[dict[str, Any], trigger_runs.TriggerRun]:
    """An alert whose retraining waits for somebody."""
    world.runs.triggers = {"retrain": {"type": "webhook", "url": "https://orchestrator.example/", "approval": True}}
    world.service = make_service(world.runs)
    rule = replace(DRIFT, trigger="retrain")
    (alert,) = world.runs.run([rule], reading("warning", end=MIDNIGHT), as_of=MIDNIGHT, wall_now=world.now)
    world.deliver()
    with world.runs.database.read() as connection:
        (run,) = trigger_runs.runs_of_alert(connection, alert["id"])
    return alert, run


@pytest.mark.one_engine
def test_a_question_that_nobody_answers_is_taken_back(world: World, signing: None) -> None:
    _, run = ask_for_approval(world)
    ((ts, root),) = world.slack.roots
    (asked,) = [one for one in world.slack.messages if one != ts]
    assert "retrain waits for approval" in text(root)
    world.now += DAY
    assert follow_triggers(world.service, world.now) == 1
    world.deliver()
    question = world.slack.messages[asked]
    assert buttons(question) == []
    assert "which nobody approved in time" in text(question)
    assert "waits for somebody" not in text(question)
    assert "retrain: nobody approved it within 24 hours" in text(world.slack.messages[ts])
    assert press(world, "plimsoll.approve", run.id) == 200  # an old copy of the message: it says so again
    assert world.deliver() == 2


@pytest.mark.one_engine
@pytest.mark.parametrize("over", [False, True])
def test_a_question_that_begins_a_thread_keeps_its_buttons_until_it_is_answered(
    world: World, signing: None, over: bool
) -> None:
    world.slack.before = [said(ok=False, error="not_in_channel")]
    alert, run = ask_for_approval(world)
    ((ts, root),) = world.slack.roots
    approve = [("Approve the retraining", run.id), ("Deny it", run.id)]
    assert buttons(root)[:2] == approve
    if over:
        resolve(world.service, alert["id"], world.now)
    else:
        acknowledge(world.service, alert["id"], world.now)
    world.deliver()
    now = world.slack.messages[ts]
    assert ("is resolved" if over else "Acknowledged") in text(now)
    assert "waits for somebody to approve it" in text(now)
    assert buttons(now)[:2] == approve
    assert press(world, "plimsoll.deny", run.id) == 200
    if not over:
        resolve(world.service, alert["id"], world.now)
    world.deliver()
    now = world.slack.messages[ts]
    assert buttons(now) == []
    assert "Denied by Grace" in text(now)
    assert "is resolved" in text(now)


def test_buttons_do_what_they_say_in_the_name_of_who_pressed(world: World, signing: None) -> None:
    (alert,) = world.step(0, (DRIFT, "warning"))
    ((ts, _),) = world.slack.roots
    assert press(world, "plimsoll.acknowledge", alert["id"]) == 200
    assert press(world, "plimsoll.acknowledge", alert["id"]) == 200
    with world.runs.database.read() as connection:
        story = alerts.list_transitions(connection, alert["id"])
        (now,) = alerts.get_alerts(connection, [alert["id"]])
    assert now["acknowledged_at"] is not None
    assert [one["reason"] for one in story if one["kind"] == "acknowledged"] == ["acknowledged by Grace"]
    for _ in range(2):  # the same press, sent twice
        assert press(world, "plimsoll.silence", alert["id"]) == 200
    with world.runs.database.read() as connection:
        (made,) = silences.list_silences(connection, limit=10, after=None)
    assert (made["author"], made["matchers"]) == ("Grace", {"model": "flight-delays", "rule": "drift"})
    assert clock.parse(made["until"]) == world.now + DAY
    world.deliver()
    assert buttons(world.slack.messages[ts]) == []
    assert "Acknowledged by Grace" in text(world.slack.messages[ts])
    assert "Silenced until" in text(world.slack.messages[ts])


@pytest.mark.parametrize(("action", "words"), [("approve", "approved by Grace"), ("deny", "denied by Grace")])
def test_a_retraining_is_approved_or_denied_in_its_thread(world: World, signing: None, action: str, words: str) -> None:
    alert, _ = ask_for_approval(world)
    ((ts, root),) = world.slack.roots
    (question,) = world.slack.replies(ts)
    assert [label for label, _ in buttons(root)] == ["Acknowledge", "Silence 24 h"]
    (approve, run_id), (deny, _) = buttons(question)
    assert (approve, deny) == ("Approve the retraining", "Deny it")
    assert press(world, f"plimsoll.{action}", run_id) == 200
    assert press(world, f"plimsoll.{action}", run_id) == 200
    world.deliver()
    asked = [
        payload
        for method, payload in world.slack.calls
        if method == "chat.update" and words in text(payload).lower().replace("grace", "Grace")
    ]
    question, root = sorted(asked, key=lambda payload: payload["ts"] == ts)
    assert buttons(question) == []
    assert f"which was {words.split()[0].lower()}" in text(question)
    assert "waits for" not in text(question) + text(root)
    assert [label for label, _ in buttons(root)] == ["Acknowledge", "Silence 24 h"]
    with world.runs.database.read() as connection:
        (run,) = trigger_runs.runs_of_alert(connection, alert["id"])
    assert run.approval is not None
    assert (run.approval["by"], run.approval["open"]) == ("Grace", False)


@pytest.mark.one_engine
def test_a_button_of_an_alert_that_is_over_makes_the_message_say_so(world: World, signing: None) -> None:
    (alert,) = world.step(0, (DRIFT, "warning"))
    resolve(world.service, alert["id"], world.now)
    assert press(world, "plimsoll.acknowledge", alert["id"]) == 200
    assert press(world, "plimsoll.acknowledge", "alert-of-nobody") == 200
    assert press(world, "of.another.program", alert["id"]) == 200
    world.deliver()
    ((_, root),) = world.slack.roots
    assert "is resolved" in text(root)


@pytest.mark.one_engine
def test_only_slack_may_press(world: World, signing: None) -> None:
    (alert,) = world.step(0, (DRIFT, "warning"))
    assert press(world, "plimsoll.acknowledge", alert["id"], secret="another") == 401
    assert press(world, "plimsoll.acknowledge", alert["id"], at=world.now - HOUR) == 401
    api = Api(world.service, world.now)
    assert api.call("POST", "/v1/slack/actions", content=b"payload={}").status_code == 401
    with world.runs.database.read() as connection:
        assert alerts.get_alerts(connection, [alert["id"]])[0]["acknowledged_at"] is None


@pytest.mark.one_engine
def test_a_body_that_slack_would_not_send_is_refused(world: World, signing: None) -> None:
    stamp = str(world.now // SECOND)
    for sent in (b"payload=%5B", b"x=1", b"payload=%7B%22type%22%3A%22block_actions%22%7D"):
        signature = SignatureVerifier(SIGNING).generate_signature(timestamp=stamp, body=sent)
        headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": str(signature)}
        answer = Api(world.service, world.now).call("POST", "/v1/slack/actions", headers, content=sent)
        assert answer.status_code == 400
