"""A bot in Slack: one thread per alert, rewritten when things stand otherwise, and buttons that do what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_sdk.signature import SignatureVerifier
from sqlalchemy import event

from alerting.message import body, entry
from alerting.rules import Rule
from alerting.words import DAY, HOUR, SECOND
from monitor import clock
from monitor.actions.answer_alert import By, acknowledge, resolve
from monitor.actions.rewrite_messages import rewrite, rewrite_answered
from monitor.actions.tell_alert import tell
from monitor.store import alerts, silences, trigger_runs
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import Delivering, make_runs, make_service
from tests.monitor.api.calling import Api
from tests.monitor.delivery.receiver import Answer, receiving
from tests.monitor.delivery.slack_peer import TOKEN, SlackPeer, said

DRIFT = Rule("drift", "data_drift", notify=("bot",))
QUALITY = Rule("quality", "data_quality", notify=("bot",))
SIGNING = "the-signing-secret-of-a-test"


@dataclass
class World(Delivering):
    slack: SlackPeer

    def deliver(self, **given: Any) -> int:
        return super().deliver(senders=1, **given)

    def step(self, day: int, *verdicts: tuple[Rule, str], **given: Any) -> list[dict[str, Any]]:
        as_of = MIDNIGHT + day * DAY
        found = [reading(verdict, check=rule.check, end=as_of, **given) for rule, verdict in verdicts]
        made = self.runs.run([DRIFT, QUALITY], *found, as_of=as_of, wall_now=self.now)
        self.deliver()
        return made

    def states(self, alert: dict[str, Any]) -> list[tuple[str, str | None]]:
        return [(one["state"], one["last_error"]) for one in self.deliveries(alert)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with receiving() as receiver:
        runs = make_runs(tmp_path)
        bot = {"type": "slack", "token": "${TOKEN}", "channel": "#ml", "api_url": f"{receiver.url}/api"}
        runs.channels = {"bot": {**bot, "signing_secret": "${SIGNING}"}}
        receiver.answer = slack = SlackPeer()
        yield World(runs, make_service(runs), clock.now(), {"TOKEN": TOKEN, "SIGNING": SIGNING}, slack)
        runs.database.close()


def text(message: dict[str, Any]) -> str:
    return json.dumps(message["blocks"], ensure_ascii=False)


def buttons(message: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [block for block in message["blocks"] if block["type"] == "actions"]
    return [(button["text"]["text"], button["value"]) for row in rows for button in row["elements"]]


def test_one_thread_from_firing_to_resolve_and_the_first_message_shows_how_things_stand(world: World) -> None:
    (alert,) = world.step(0, (DRIFT, "warning"))
    ((ts, root),) = world.slack.roots
    assert root["metadata"]["event_type"] == "plimsoll"
    assert buttons(root) == [("Acknowledge", alert["id"]), ("Silence 24 h", alert["id"])]
    world.step(1, (DRIFT, "critical"))
    world.step(2, (DRIFT, "ok"))
    world.step(3, (DRIFT, "ok"))
    assert [one for one, _ in world.slack.roots] == [ts]
    raised, resolved = world.slack.replies(ts)
    assert "is firing (critical" in text(raised)
    assert "is resolved" in text(resolved)
    assert buttons(raised) == []
    assert "is resolved" in text(world.slack.messages[ts])
    assert buttons(world.slack.messages[ts]) == []
    assert {state for state, _ in world.states(alert)} == {"delivered"}
    ids = [payload["metadata"]["event_payload"]["webhook_id"] for _, payload in world.slack.calls]
    assert len(set(ids)) == len(ids)


@pytest.mark.one_engine
def test_without_delivery_nothing_is_said_and_nothing_rewritten(world: World) -> None:
    world.step(0, (DRIFT, "warning"))
    for day, verdict in enumerate(("critical", "ok", "ok"), 1):
        end = MIDNIGHT + day * DAY
        world.runs.run([DRIFT], reading(verdict, end=end), as_of=end, wall_now=world.now, deliver=False)
    assert world.deliver() == 0
    assert len(world.slack.calls) == 1


def test_each_alert_is_answered_in_its_own_thread_and_a_shared_one_is_rewritten_in_part(world: World) -> None:
    world.step(0, (DRIFT, "warning"), (QUALITY, "warning"))
    ((ts, root),) = world.slack.roots
    assert "2 changes" in root["text"]
    world.step(1, (DRIFT, "ok"), (QUALITY, "critical"))
    world.step(2, (DRIFT, "ok"), (QUALITY, "critical"))
    assert [one for one, _ in world.slack.roots] == [ts]
    now = text(world.slack.messages[ts])
    assert now.count("is resolved") == 1
    assert now.count("is firing (critical") == 1


def test_a_thread_whose_beginning_was_given_up_begins_anew(world: World) -> None:
    world.slack.before = [said(ok=False, error="not_in_channel")]
    (alert,) = world.step(0, (DRIFT, "warning"))
    assert world.states(alert) == [("given_up", "Slack answered not_in_channel")]
    world.step(1, (DRIFT, "critical"))
    ((ts, root),) = world.slack.roots
    assert "critical" in text(root)
    world.step(2, (DRIFT, "ok"))
    world.step(3, (DRIFT, "ok"))
    assert [one for one, _ in world.slack.roots] == [ts]
    assert len(world.slack.replies(ts)) == 1


def test_a_beginning_that_is_given_up_later_lets_the_answer_begin_and_spares_the_rewriting(world: World) -> None:
    world.slack.before = [Answer(500, body=b"")]
    world.step(0, (DRIFT, "warning"))
    world.step(1, (DRIFT, "ok"))
    (alert,) = world.step(2, (DRIFT, "critical"))
    world.slack.before = [said(ok=False, error="not_in_channel")]
    world.now += 10 * SECOND
    world.deliver()
    ((ts, root),) = world.slack.roots
    assert "critical" in text(root)
    assert [state for state, _ in world.states(alert)] == ["given_up", "delivered", "dropped"]
    world.step(3, (DRIFT, "ok"))
    world.step(4, (DRIFT, "ok"))
    assert len(world.slack.replies(ts)) == 1
    assert "is resolved" in text(world.slack.messages[ts])


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("answer", "state", "error"),
    [
        (
            Answer(429, {"Retry-After": "40"}, b'{"ok":false,"error":"ratelimited"}'),
            "waiting",
            "the receiver answered 429",
        ),
        (said(ok=False, error="ratelimited"), "waiting", "Slack answered ratelimited"),
        (said(ok=False, error="internal_error"), "waiting", "Slack answered internal_error"),
        (said(ok=False, error="invalid_auth"), "given_up", "Slack answered invalid_auth"),
        (said(ok=False, error="<b>channel of xoxb</b>"), "given_up", "Slack refused it"),
    ],
)
def test_what_slack_says_is_read_from_its_words(world: World, answer: Answer, state: str, error: str) -> None:
    world.slack.before = [answer]
    (alert,) = world.step(0, (DRIFT, "warning"))
    assert world.states(alert) == [(state, error)]
    if answer.headers.get("Retry-After"):
        world.now += 39 * SECOND
        assert world.deliver() == 0
        world.now += SECOND
        assert world.deliver() == 1
        assert len(world.slack.roots) == 1


def test_what_people_do_elsewhere_shows_in_the_message(world: World) -> None:
    (alert,) = world.step(0, (DRIFT, "warning"))
    acknowledge(world.service, alert["id"], world.now, By("Ada"))
    world.deliver()
    ((ts, root),) = world.slack.roots
    assert "Acknowledged by Ada" in text(root)
    assert buttons(root) == [("Silence 24 h", alert["id"])]
    resolve(world.service, alert["id"], world.now)
    world.deliver()
    assert "resolved by a person" in text(world.slack.messages[ts])
    assert len(world.slack.replies(ts)) == 1


def test_a_question_in_a_thread_has_buttons_until_it_is_answered(world: World) -> None:
    (alert,) = world.step(0, (DRIFT, "warning"))
    ((ts, _),) = world.slack.roots
    asked = [{"action": "plimsoll.approve", "value": "run-1", "text": "Approve", "style": "primary"}]
    question = entry("retraining.approval", alert, [], public_url="http://plimsoll.test", reason="?", buttons=asked)
    with world.runs.database.write() as connection:
        tell(connection, alert["id"], 1, body("flight-delays", world.now, [question]), world.now)
    world.deliver()
    (reply,) = world.slack.replies(ts)
    assert buttons(reply) == [("Approve", "run-1")]
    with world.runs.database.write() as connection:
        assert rewrite_answered(connection, alert["id"], "run-2", "denied", world.now) == 0
        assert rewrite_answered(connection, alert["id"], "run-1", "Approved by Ada", world.now) == 1
    world.deliver()
    (method, now) = world.slack.calls[-1]
    assert (method, buttons(now)) == ("chat.update", [])
    assert now["ts"] != ts
    assert "Approved by Ada" in text(now)
    assert buttons(world.slack.messages[ts]) != []


def press(world: World, action: str, value: str, *, secret: str = SIGNING, at: int | None = None) -> int:
    """Press a button as Slack reports it; the status of the answer."""
    moment = world.now if at is None else at
    payload = {
        "type": "block_actions",
        "user": {"id": "U1", "username": "grace", "name": "Grace"},
        "actions": [{"action_id": action, "value": value, "action_ts": "1700000000.1", "type": "button"}],
    }
    sent = urlencode({"payload": json.dumps(payload)})
    stamp = str(moment // SECOND)
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=sent)
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": str(signature),
    }
    return Api(world.service, world.now).call("POST", "/v1/slack/actions", headers, content=sent).status_code


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING", SIGNING)


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


@pytest.mark.parametrize(("action", "words"), [("approve", "Approved by Grace"), ("deny", "Denied by Grace")])
def test_a_retraining_is_approved_or_denied_in_its_thread(world: World, signing: None, action: str, words: str) -> None:
    world.runs.triggers = {"retrain": {"type": "webhook", "url": "https://orchestrator.example/", "approval": True}}
    world.service = make_service(world.runs)
    rule = replace(DRIFT, trigger="retrain")
    (alert,) = world.runs.run([rule], reading("warning", end=MIDNIGHT), as_of=MIDNIGHT, wall_now=world.now)
    world.deliver()
    ((ts, root),) = world.slack.roots
    (question,) = world.slack.replies(ts)
    assert [label for label, _ in buttons(root)] == ["Acknowledge", "Silence 24 h"]
    (approve, run_id), (deny, _) = buttons(question)
    assert (approve, deny) == ("Approve the retraining", "Deny it")
    assert press(world, f"plimsoll.{action}", run_id) == 200
    assert press(world, f"plimsoll.{action}", run_id) == 200
    world.deliver()
    asked = [payload for method, payload in world.slack.calls if method == "chat.update" and words in text(payload)]
    assert [buttons(payload) for payload in asked] == [[]]
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


@pytest.mark.one_engine
def test_a_message_that_lists_many_alerts_is_rewritten_without_reading_each_story(world: World) -> None:
    """A run that resolves one of many holds the model while it does: what it asks does not grow with their number."""

    def asked(alert_id: str) -> int:
        said: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            said.append(statement)

        with world.runs.database.write() as connection:
            event.listen(connection, "before_cursor_execute", note)
            assert rewrite(connection, [alert_id], world.now) == 1
        return len(said)

    (alone,) = world.step(0, (DRIFT, "warning"))
    found = [reading("warning", end=MIDNIGHT + DAY, segment=f"origin={n}") for n in range(40)]
    made = world.runs.run([DRIFT], *found, as_of=MIDNIGHT + DAY, wall_now=world.now)
    world.deliver()
    many = [one["id"] for one in made if one["segment"] is not None]
    assert len(many) == 40
    assert asked(many[0]) < asked(alone["id"]) + 10
