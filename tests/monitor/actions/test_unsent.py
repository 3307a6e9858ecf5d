"""What was over before its receiver took any of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerting.words import HOUR
from monitor.actions.answer_alert import resolve
from monitor.actions.deliver_messages import LEASES
from monitor.store import locks, outbox
from tests.monitor.actions.channel_world import World, channel_world
from tests.monitor.delivery.receiver import Answer


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with channel_world(tmp_path, monkeypatch) as made:
        yield made


def test_what_was_refused_until_it_was_over_is_dropped_with_its_end(world: World) -> None:
    world.channel(type="mattermost", webhook_url="${ADDRESS}")
    world.receiver.answer = lambda _: Answer(500)
    (first,) = world.step(0, ("data_drift", "warning"))
    second = world.step(1, ("data_drift", "warning"), ("data_quality", "warning"))[1]
    world.step(2, ("data_drift", "warning"), ("data_quality", "ok"))
    world.step(3, ("data_drift", "warning"), ("data_quality", "ok"))
    assert world.states(second) == ["dropped"]  # behind the first, which still fires
    assert world.states(first) == ["waiting"]
    world.step(4, ("data_drift", "ok"))
    world.step(5, ("data_drift", "ok"))
    assert world.states(first) == ["dropped"]
    world.receiver.answer = lambda _: Answer()
    world.now += HOUR
    assert world.deliver() == 0


@pytest.mark.one_engine
def test_what_could_not_be_sent_at_all_is_dropped_with_its_end(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen: connections are refused
        world.channel(type="webhook", url=f"http://127.0.0.1:{taken.getsockname()[1]}/x")
        alert = world.drift(0, "warning")
        resolve(world.service, alert["id"], world.now)
    assert world.states(alert) == ["dropped"]


@pytest.mark.parametrize("lost", ["answer", "sender"])
def test_what_may_have_arrived_is_told_of_its_end(world: World, lost: str) -> None:
    world.hook()
    alert = world.step(0, ("data_drift", "warning"), deliver=False)[0]
    if lost == "answer":
        world.receiver.answer = lambda _: Answer(slowly=0.6)
        assert world.deliver(patience=0.2) == 1
    else:  # one that sends and dies; then the receiver refuses
        with world.runs.database.write(locks.OUTBOX) as connection:
            assert outbox.claim_due(connection, world.now, LEASES) is not None
    world.now += HOUR
    world.receiver.answer = lambda _: Answer(500)
    world.deliver()
    resolve(world.service, alert["id"], world.now)
    assert world.states(alert) == ["waiting", "waiting"]
    world.receiver.answer = lambda _: Answer()
    world.now += HOUR
    assert world.deliver() == 2
    assert world.kinds()[-2:] == ["alert.firing", "alert.resolved"]
