"""Alertmanager as a receiver: it forgets, so it hears again and again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerting.words import DAY, HOUR, SECOND
from monitor import clock
from monitor.actions.answer_alert import resolve
from monitor.actions.repeat_alerts import repeat_alerts
from monitor.store import repeats
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.channel_world import RULES, World, channel_world
from tests.monitor.delivery.receiver import Answer


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with channel_world(tmp_path, monkeypatch) as made:
        yield made


def test_alertmanager_hears_again_while_it_fires_and_for_a_while_that_it_is_over(world: World) -> None:
    world.channel(type="alertmanager", url=world.receiver.url)
    alert = world.drift(0, "warning")
    for _ in range(20):
        world.now += 60 * SECOND
        repeat_alerts(world.service, world.now)
        world.deliver()
    told = [got.json()[0] for got in world.receiver.received]
    assert len(told) == 1 + 5  # every four minutes
    assert len({json.dumps(one["labels"], sort_keys=True) for one in told}) == 1
    assert clock.parse(told[-1]["endsAt"]) > world.now + HOUR
    ids = {got.headers["webhook-id"] for got in world.receiver.received}
    assert len(ids) == 1
    resolve(world.service, alert["id"], world.now)
    world.deliver()
    ended = len(world.receiver.received)
    for _ in range(20):
        world.now += 60 * SECOND
        repeat_alerts(world.service, world.now)
        world.deliver()
    over = [got.json()[0] for got in world.receiver.received[ended - 1 :]]
    assert 3 <= len(over) <= 6
    assert all(clock.parse(one["endsAt"]) <= world.now for one in over)


def test_alertmanager_that_was_away_for_days_hears_of_what_still_fires(world: World) -> None:
    """It has forgotten everything, and no new firing would ever tell it."""
    world.channel(type="alertmanager", url=world.receiver.url)
    world.receiver.answer = lambda _: Answer(503)
    alert, ended = world.drift(0, "warning"), world.step(0, ("data_quality", "warning"))[0]

    def wait(minutes: int) -> set[str]:
        states = set()
        for _ in range(minutes):
            world.now += 60 * SECOND
            repeat_alerts(world.service, world.now)
            world.deliver()
            states.add(world.states(alert)[0])
        return states

    tries = len(world.receiver.received)
    wait(10)
    assert len(world.receiver.received) - tries >= 2 * 2  # of each every four minutes, not ever more rarely
    assert wait(80) == {"waiting"}  # it is tried on for as long as it fires
    resolve(world.service, ended["id"], world.now)
    world.now += 2 * DAY
    world.deliver()
    world.receiver.answer = lambda _: Answer()
    tries = len(world.receiver.received)
    wait(5)
    told = [got.json()[0] for got in world.receiver.received[tries:]]
    fires = [one for one in told if one["labels"]["alert_id"] == alert["id"]]
    assert clock.parse(fires[-1]["endsAt"]) > world.now + HOUR
    assert world.states(alert) == ["delivered"]
    assert all(clock.parse(one["endsAt"]) <= world.now for one in told if one not in fires)


@pytest.mark.one_engine
def test_an_alertmanager_that_refuses_a_message_is_not_sent_it_again(world: World) -> None:
    world.channel(type="alertmanager", url=world.receiver.url)
    world.receiver.answer = lambda _: Answer(400)
    alert = world.drift(0, "warning")
    for _ in range(10):
        world.now += 60 * SECOND
        repeat_alerts(world.service, world.now)
        world.deliver()
    assert (world.states(alert), len(world.receiver.received)) == (["given_up"], 1)


@pytest.mark.one_engine
def test_how_long_a_receiver_asks_for_is_obeyed_where_it_is_told_often(world: World) -> None:
    world.channel(type="alertmanager", url=world.receiver.url)
    world.receiver.answer = lambda _: Answer(429, {"Retry-After": "1800"})
    world.drift(0, "warning")
    for _ in range(29):
        world.now += 60 * SECOND
        repeat_alerts(world.service, world.now)
        world.deliver()
    assert len(world.receiver.received) == 1
    world.now += 60 * SECOND
    assert world.deliver() == 1


@pytest.mark.one_engine
def test_a_raised_alert_is_another_one_to_alertmanager(world: World) -> None:
    world.channel(type="alertmanager", url=world.receiver.url)
    world.drift(0, "warning")
    world.drift(1, "critical")
    now, before = world.receiver.received[-1].json()
    assert (now["labels"]["severity"], before["labels"]["severity"]) == ("critical", "warning")
    assert before["labels"] == world.receiver.received[0].json()[0]["labels"]
    assert clock.parse(before["endsAt"]) <= world.now < clock.parse(now["endsAt"])


@pytest.mark.one_engine
def test_what_alertmanager_heard_a_moment_ago_is_not_read_again(world: World) -> None:
    world.channel(type="alertmanager", url=world.receiver.url)
    segments = [f"origin={n}" for n in range(30)]
    found = [reading("warning", end=MIDNIGHT, segment=one) for one in segments]
    world.runs.run(RULES, *found, as_of=MIDNIGHT, wall_now=world.now)
    world.deliver()

    def due(later: int) -> int:
        when = {"since": world.now, "firing": world.now + later - 240 * SECOND, "ended": world.now}
        with world.runs.database.read() as connection:
            return len(repeats.due(connection, "it", **when))

    assert [due(later * SECOND) for later in (0, 239, 240)] == [0, 0, 30]
    world.now += 240 * SECOND
    assert repeat_alerts(world.service, world.now) == 30
    assert repeat_alerts(world.service, world.now) == 0
