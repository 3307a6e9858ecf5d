"""A bot in Slack: one thread per alert, and its beginning rewritten when things stand otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, update

from alerting.words import DAY, SECOND, in_words
from monitor.actions.answer_alert import By, acknowledge, resolve
from monitor.actions.deliver_messages import LEASES
from monitor.actions.forget_episodes import forget_episodes
from monitor.actions.rewrite_messages import rewrite
from monitor.store import outbox, tables
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.slack_world import DRIFT, QUALITY, World, buttons, slack_world, text
from tests.monitor.delivery.receiver import Answer
from tests.monitor.delivery.slack_peer import said


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with slack_world(tmp_path) as made:
        yield made


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


def numbers(severity: str, share: str) -> dict[str, Any]:
    """What a reading says in words."""
    return {"details": {"summary": f"temp: {share} of rows moved ({severity})"}}


def test_what_is_rewritten_shows_the_newest_evidence(world: World) -> None:
    (alert,) = world.step(0, (DRIFT, "warning"), **numbers("warning", "4 %"))
    ((ts, root),) = world.slack.roots
    assert "4 % of rows moved" in text(root)
    world.step(1, (DRIFT, "critical"), **numbers("critical", "40 %"))
    raised = text(world.slack.messages[ts])
    assert "is firing (critical" in raised
    assert "40 % of rows moved (critical)" in raised
    assert "from warning to critical" in raised
    assert "4 % of rows moved (warning)" not in raised
    acknowledge(world.service, alert["id"], world.now, By("Ada"))
    world.deliver()
    assert "40 % of rows moved (critical)" in text(world.slack.messages[ts])
    for day in (2, 3):
        world.step(day, (DRIFT, "ok"), **numbers("ok", "1 %"))
    resolved = text(world.slack.messages[ts])
    assert "1 % of rows moved (ok)" in resolved
    assert f"as of {in_words(MIDNIGHT + 3 * DAY)}" in resolved
    assert "40 %" not in resolved


def test_what_joins_is_shown_in_the_message_and_sends_none(world: World) -> None:
    world.step(0, (DRIFT, "critical"), **numbers("critical", "40 %"))
    ((ts, _),) = world.slack.roots
    other = {"feature": "wind", "details": {"summary": "wind: 30 % of rows moved"}}
    world.step(1, (DRIFT, "critical"), **other)
    shown = text(world.slack.messages[ts])
    assert ["wind: 30 % of rows moved" in shown, "temp:" in shown] == [True, False]
    assert "by nothing that this alert was about" in shown
    assert (len(world.slack.roots), world.slack.replies(ts)) == (1, [])
    calls = len(world.slack.calls)
    world.step(2, (DRIFT, "critical"), **other)
    assert len(world.slack.calls) == calls


def test_the_last_to_rewrite_a_message_shows_the_newest_whoever_wrote_it_down_first(world: World) -> None:
    """A silence that began before a run and was committed after it knows nothing of what the run found."""
    (alert,) = world.step(0, (DRIFT, "warning"))
    ((ts, _),) = world.slack.roots
    with world.runs.database.read() as connection:
        root = outbox.find(connection, world.slack.messages[ts]["metadata"]["event_payload"]["webhook_id"])
    assert root is not None
    world.step(1, (DRIFT, "critical"))
    with world.runs.database.write() as connection:
        outbox.enqueue(
            connection,
            webhook_id="msg_of_the_silence",
            kind="channel",
            target="bot",
            lane=root["lane"],
            body=root["body"],  # as it stood before the run
            alert_ids=[alert["id"]],
            now=world.now,
            model_id=1,
            edits=root["id"],
        )
    world.deliver()
    method, sent = world.slack.calls[-1]
    assert (method, sent["metadata"]["event_payload"]["webhook_id"]) == ("chat.update", "msg_of_the_silence")
    assert "is firing (critical" in text(world.slack.messages[ts])
    assert world.log("msg_of_the_silence")["body"]["entries"][0]["alert"]["severity"] == "critical"


@pytest.mark.one_engine
def test_what_told_of_an_alert_that_a_replay_forgot_shows_that_it_is_over(world: World) -> None:
    (alert,) = world.step(0, (DRIFT, "warning"))
    ((ts, root),) = world.slack.roots
    assert alert["id"] in json.dumps(root["blocks"])
    with world.runs.database.write() as connection:
        url = world.service.settings.public_url
        assert forget_episodes(connection, 1, MIDNIGHT - DAY, now=world.now, public_url=url) == 1
    world.deliver()
    (reply,) = world.slack.replies(ts)
    for message in (world.slack.messages[ts], reply):
        assert "is resolved" in text(message)
        assert "a replay began anew" in text(message)
        assert f"/alerts/{alert['id']}" not in json.dumps(message)


@pytest.mark.one_engine
def test_a_message_that_cannot_be_made_again_goes_out_as_it_was_written_down(world: World) -> None:
    (alert,) = world.step(0, (DRIFT, "warning"))
    ((ts, _),) = world.slack.roots
    resolve(world.service, alert["id"], world.now)
    with world.runs.database.write() as connection:
        first = tables.outbox.c.edits.is_(None) & (tables.outbox.c.state == "delivered")
        connection.execute(update(tables.outbox).where(first).values(body={"entries": [{"of": "another version"}]}))
    world.deliver()
    assert "resolved by a person" in text(world.slack.messages[ts])


def test_one_message_of_a_lane_is_on_its_way_at_a_time(world: World) -> None:
    """Also where one that got its number first comes to light last."""
    with world.runs.database.write() as connection:
        connection.execute(insert(tables.outbox).values(id=9, **a_message("msg_9", world.now)))
        late = outbox.claim_due(connection, world.now, LEASES)
        assert late is not None
        connection.execute(insert(tables.outbox).values(id=7, **a_message("msg_7", world.now)))
        assert outbox.count_due(connection, world.now) == 0
        assert outbox.claim_due(connection, world.now, LEASES) is None
        assert outbox.settle(connection, late, state="delivered", now=world.now, status=200, error=None)
        early = outbox.claim_due(connection, world.now, LEASES)
    assert early is not None
    assert (late.webhook_id, early.webhook_id) == ("msg_9", "msg_7")


def a_message(webhook_id: str, now: int) -> dict[str, Any]:
    """A row of the outbox."""
    said = {
        "webhook_id": webhook_id,
        "kind": "channel",
        "target": "bot",
        "lane": "bot|model 1",
        "body": {"entries": []},
    }
    return {**said, "state": "waiting", "attempts": 0, "created_at": now, "next_at": now}


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
