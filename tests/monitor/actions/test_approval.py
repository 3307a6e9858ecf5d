"""Retrainings that wait for a person to approve them, through the service and its rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from alerting.channels.slack import message
from alerting.words import DAY, HOUR
from monitor.actions.answer_alert import By
from monitor.actions.answer_chat import answer_click
from monitor.actions.approve_retraining import approve, deny
from monitor.actions.follow_triggers import follow_triggers
from monitor.errors import Conflict, NotFound
from monitor.store.tables import outbox
from tests.orchestrators.schedulers import Prefect
from tests.orchestrators.world import World, world_of


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_of(tmp_path, Prefect()) as made:
        yield made


def test_a_person_approves(world: World) -> None:
    world.set(approval=True)
    alert = world.fire()
    assert world.told() == ["alert.firing", "retraining.approval"]
    assert world.receiver.received[1].json()["data"]["trigger_run"]["id"] == world.run().id
    assert (world.run().state, world.run().waits, world.there.asked) == ("requested", True, [])
    world.fire(1)  # nobody is asked twice
    assert world.told() == ["alert.firing", "retraining.approval"]
    world.now += 23 * HOUR
    assert follow_triggers(world.service, world.now) == 0
    told = approve(world.service, world.run().id, world.now, By("Ada", "after hours"))
    assert told["approval"]["answer"] == "approved"
    assert approve(world.service, world.run().id, world.now)["approval"]["by"] == "Ada"
    with pytest.raises(Conflict):
        deny(world.service, world.run().id, world.now)
    world.deliver()
    assert (world.run().state, len(world.there.runs)) == ("accepted", 1)
    world.now += HOUR - 1
    assert follow_triggers(world.service, world.now) == 0  # start_by counts from the approval
    world.now += 1
    assert follow_triggers(world.service, world.now) == 1
    assert "retrain: approved by Ada: after hours" in [one["reason"] for one in world.timeline(alert)]


def test_a_person_says_no(world: World) -> None:
    world.set(approval=True)
    world.fire()
    deny(world.service, world.run().id, world.now)
    assert (world.run().state, world.run().message) == ("cancelled", "denied by a person")
    with pytest.raises(Conflict):
        approve(world.service, world.run().id, world.now)
    with pytest.raises(NotFound):
        approve(world.service, "run-nope", world.now)
    assert world.told() == ["alert.firing", "retraining.approval", "retraining.cancelled"]


def test_nobody_answers_for_a_day(world: World) -> None:
    world.set(approval=True)
    world.fire()
    world.now += DAY
    assert follow_triggers(world.service, world.now) == 1
    assert (world.run().state, world.run().message) == ("cancelled", "nobody approved it within 24 hours")
    assert (world.told()[2:], world.there.asked) == (["retraining.cancelled"], [])


def test_a_button_in_a_chat_approves(world: World) -> None:
    """The message has the buttons, and a press of one with Slack's form does what it says."""
    world.set(approval=True)
    world.fire()
    with world.runs.database.read() as connection:
        (asked,) = [
            body["entries"][0]
            for (body,) in connection.execute(select(outbox.c.body))
            if body["entries"][0]["type"] == "retraining.approval"
        ]
    rendered = message({"model": "m", "timestamp": asked["alert"]["started_at"], "entries": [asked]}, buttons=True)
    (buttons,) = [block["elements"] for block in rendered["blocks"] if block["type"] == "actions"]
    assert [one["action_id"] for one in buttons[:2]] == ["plimsoll.approve", "plimsoll.deny"]
    for pressed, state in ((buttons[0], "requested"), (buttons[1], "requested")):
        actions = [{"action_id": pressed["action_id"], "value": pressed["value"], "action_ts": "1"}]
        payload = {"type": "block_actions", "user": {"id": "U1", "name": "ada"}, "actions": actions}
        answer_click(world.service, urlencode({"payload": json.dumps(payload)}).encode(), world.now)
        assert world.run().state == state
    assert (world.run().approval or {})["by"] == "ada"
    world.deliver()
    assert len(world.there.runs) == 1


def test_an_alert_whose_retraining_was_denied_may_ask_again(world: World) -> None:
    world.set(approval=True)
    alert = world.fire()
    first = world.run()
    deny(world.service, first.id, world.now)
    assert "waits for approval" in world.ask_again(alert, DAY)
    assert world.run().idempotency_key != first.idempotency_key
    assert approve(world.service, world.run().id, world.now)["state"] == "requested"
