"""Messages leave the outbox: retries, order, giving up, and what the log says of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from alerting.message import test_body as words_of_a_test
from alerting.rules import Rule
from alerting.words import DAY, HOUR, SECOND
from monitor import clock, scheduler
from monitor.actions.deliver_messages import LEASE, LEASES
from monitor.store import config, locks
from monitor.store import outbox as store
from monitor.store.outbox import claim_due
from monitor.store.tables import outbox
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import CHAT, HOOK, Delivering, make_runs, make_service
from tests.monitor.delivery.receiver import Answer, Received, Receiver, receiving

RULE = Rule("drift", "data_drift", notify=("chat", "ops"))
OPS = Rule("drift", "data_drift", notify=("ops",))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class World(Delivering):
    receiver: Receiver

    def fire(self, rule: Rule, verdict: str, n: int = 0) -> dict[str, Any]:
        as_of = MIDNIGHT + n * DAY
        (alert,) = self.runs.run([rule], reading(verdict, end=as_of), as_of=as_of, wall_now=self.now)
        return alert

    def answer(self, *answers: Answer) -> None:
        """Give these answers in turn, the last one for ever."""
        left = list(answers)
        self.receiver.answer = lambda _: left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with receiving() as receiver:
        runs = make_runs(tmp_path)
        runs.channels = {"chat": CHAT, "ops": {**HOOK, "url": f"{receiver.url}/ops"}}
        names = {"CHAT_URL": f"{receiver.url}/chat/hidden-path", "OPS_SECRET": SECRET}
        yield World(runs, make_service(runs), clock.now(), names, receiver)
        runs.database.close()


def test_everything_due_is_delivered_once(world: World) -> None:
    alert = world.fire(RULE, "critical")
    assert world.deliver() == 2
    assert world.deliver() == 0
    by_path = {got.path: got for got in world.receiver.received}
    chat, ops = by_path["/chat/hidden-path"], by_path["/ops"]
    assert "blocks" in chat.json()
    body = Webhook(SECRET).verify(ops.body, ops.headers)
    assert (body["type"], body["timestamp"]) == ("alert.firing", clock.render(MIDNIGHT))
    assert body["data"]["alert"]["id"] == alert["id"]
    assert body["data"]["readings"][0]["feature"] == "temp"
    log = world.deliveries(alert)
    assert [(one["channel"], one["state"], one["attempts"], one["last_status"]) for one in log] == [
        ("chat", "delivered", 1, 200),
        ("ops", "delivered", 1, 200),
    ]
    assert log[1]["id"] == ops.headers["webhook-id"]


def test_retries_keep_the_id_and_follow_the_schedule(world: World) -> None:
    alert = world.fire(OPS, "warning")
    world.answer(Answer(500), Answer(429, {"Retry-After": "90"}), Answer(204, body=b""))
    assert world.deliver() == 1
    (first, *_) = world.deliveries(alert)
    assert (first["state"], first["last_error"]) == ("waiting", "the receiver answered 500")
    world.now += 5 * SECOND - 1
    assert world.deliver() == 0
    world.now += 1
    assert world.deliver() == 1
    world.now += 89 * SECOND
    assert world.deliver() == 0
    world.now += SECOND
    assert world.deliver() == 1
    ids = {got.headers["webhook-id"] for got in world.receiver.received}
    stamps = [int(got.headers["webhook-timestamp"]) for got in world.receiver.received]
    assert (len(ids), len(stamps)) == (1, 3)
    assert stamps == sorted(set(stamps))
    assert (world.deliveries(alert)[0]["state"], world.deliveries(alert)[0]["attempts"]) == ("delivered", 3)


def silent(_got: Received) -> Answer:
    raise OSError("it hangs up without a word")


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("first", "wait"),
    [
        (lambda _: Answer(500), 5),
        (lambda _: Answer(408), 5),
        (lambda _: Answer(425), 5),
        (lambda _: Answer(429, {"Retry-After": "40"}), 40),
        (silent, 5),
        (lambda got: Answer(302, {"Location": f"http://{got.headers['host']}/elsewhere"}), None),
        (lambda _: Answer(404), None),
        (lambda _: Answer(410), None),
    ],
    ids=["500", "408", "425", "429", "nothing", "302", "404", "410"],
)
def test_what_is_answered_decides_when_it_is_told_again(
    first: Callable[[Received], Answer], wait: int | None, world: World
) -> None:
    alert = world.fire(OPS, "warning")
    world.receiver.answer = first
    assert world.deliver() == 1
    world.receiver.answer = lambda _: Answer()
    world.now += (wait or DAY // SECOND) * SECOND - 1
    assert world.deliver() == 0
    world.now += 1
    assert world.deliver() == (wait is not None)
    sent = world.receiver.received
    assert world.deliveries(alert)[0]["state"] == ("given_up" if wait is None else "delivered")
    assert [got.path for got in sent] == ["/ops"] * (1 if wait is None else 2)
    for got in sent:
        Webhook(SECRET).verify(got.body, got.headers)
    assert {got.headers["webhook-id"] for got in sent} == {world.deliveries(alert)[0]["id"]}
    if wait is not None:
        assert int(sent[1].headers["webhook-timestamp"]) - int(sent[0].headers["webhook-timestamp"]) == wait


@pytest.mark.one_engine
def test_a_receiver_that_takes_too_long_is_told_again_with_the_same_id(world: World) -> None:
    """It may have taken the message all the same: by the id it knows the repeat."""
    alert = world.fire(OPS, "warning")
    world.answer(Answer(slowly=1.5), Answer())
    started = time.monotonic()
    assert world.deliver(patience=0.5) == 1
    assert time.monotonic() - started < 1.4
    (waits,) = world.deliveries(alert)
    assert (waits["state"], waits["last_error"]) == ("waiting", "no answer within 0.5 s")
    assert clock.parse(waits["next_at"]) - world.now == 5 * SECOND
    assert world.deliver(patience=0.5) == 0
    world.now += 5 * SECOND
    assert world.deliver(patience=5.0) == 1
    first, second = world.receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 5
    for got in (first, second):
        Webhook(SECRET).verify(got.body, got.headers)
    assert [(one["state"], one["attempts"]) for one in world.deliveries(alert)] == [("delivered", 2)]


def test_a_refusal_is_final_and_visible(world: World) -> None:
    alert = world.fire(OPS, "warning")
    world.answer(Answer(410))
    world.deliver()
    assert [(one["state"], one["last_status"], one["last_error"]) for one in world.deliveries(alert)] == [
        ("given_up", 410, "the receiver answered 410")
    ]


def test_a_receiver_that_stays_away_is_given_up_after_a_day(world: World) -> None:
    alert = world.fire(OPS, "warning")
    world.answer(Answer(503))
    started = world.now
    while (entry := world.deliveries(alert)[0])["state"] == "waiting":
        world.now = clock.parse(entry["next_at"])
        assert world.deliver() == 1
    assert entry["state"] == "given_up"
    assert 18 * HOUR < world.now - started <= 24 * HOUR


def test_messages_of_an_alert_stay_in_order(world: World) -> None:
    world.fire(OPS, "warning")
    world.answer(Answer(500), Answer())
    world.deliver()
    world.fire(OPS, "critical", 1)
    assert world.deliver() == 0  # the rise waits for the firing
    world.now += 5 * SECOND
    assert world.deliver() == 2
    severities = [got.json()["data"]["alert"]["severity"] for got in world.receiver.received]
    assert severities == ["warning", "warning", "critical"]


def test_a_dead_channel_holds_up_no_other(world: World) -> None:
    def answer(got: Received) -> Answer:
        return Answer(500) if got.path == "/ops" else Answer()

    world.receiver.answer = answer
    alert = world.fire(RULE, "warning")
    world.deliver()
    assert {one["channel"]: one["state"] for one in world.deliveries(alert)} == {"chat": "delivered", "ops": "waiting"}


def test_missing_and_bad_secrets_wait_and_are_told_without_their_value(world: World) -> None:
    alert = world.fire(RULE, "warning")
    world.deliver(environment={"OPS_SECRET": "whsec_too-short"})
    errors = {one["channel"]: one["last_error"] for one in world.deliveries(alert)}
    assert errors["chat"] == "CHAT_URL is not set in the environment of the service"
    assert "whsec_ followed by base64" in errors["ops"]
    assert "too-short" not in json.dumps(errors)
    world.now += 5 * SECOND
    assert world.deliver() == 2
    assert {one["state"] for one in world.deliveries(alert)} == {"delivered"}


def test_the_log_never_repeats_an_address(world: World) -> None:
    alert = world.fire(RULE, "warning")
    world.deliver(environment={"CHAT_URL": "http://127.0.0.1:1/hidden-path", "OPS_SECRET": SECRET})
    assert "hidden-path" not in json.dumps(world.deliveries(alert))
    assert "no connection could be made" in json.dumps(world.deliveries(alert))


def test_a_service_for_others_does_not_call_this_machine(world: World) -> None:
    alert = world.fire(OPS, "warning")
    world.service = make_service(world.runs, host="0.0.0.0")
    world.deliver()
    assert world.receiver.received == []
    assert "PLIMSOLL_ALLOW_TARGETS" in world.deliveries(alert)[0]["last_error"]


def test_a_channel_that_is_gone_is_given_up(world: World) -> None:
    alert = world.fire(OPS, "warning")
    with world.runs.database.write() as connection:
        connection.execute(outbox.update().values(target="gone"))
    world.deliver()
    assert world.deliveries(alert)[0]["last_error"] == "no channel is called gone any more"


def test_a_message_whose_sender_died_is_sent_again_when_its_lease_is_over(world: World) -> None:
    alert = world.fire(OPS, "warning")
    with world.runs.database.write() as connection:
        dead = claim_due(connection, world.now, LEASES)
        assert dead is not None
        assert claim_due(connection, world.now, LEASES) is None
    assert world.deliver() == 0
    world.now += LEASE
    assert world.deliver() == 1
    assert world.deliveries(alert)[0]["state"] == "delivered"
    with world.runs.database.write() as connection:
        assert not store.settle(connection, dead, state="given_up", now=world.now, status=None, error="late")


def test_counts_tell_what_waits(world: World) -> None:
    world.fire(RULE, "warning")
    world.answer(Answer(500))
    with world.runs.database.read() as connection:
        assert (store.count_untried(connection, world.now), store.counts(connection)) == (2, (2, 0))
    world.deliver()
    world.fire(OPS, "critical", 1)  # behind one that waits for its retry
    with world.runs.database.read() as connection:
        assert store.count_untried(connection, world.now) == 0
        assert store.counts(connection) == (3, 0)
        assert connection.execute(select(outbox.c.lease_until)).scalars().all() == [None] * 3


@pytest.mark.one_engine
def test_a_receiver_that_takes_its_time_holds_up_no_other(world: World) -> None:
    """With the ticks of a service: what comes while somebody thinks goes out at once."""
    arrived: dict[str, float] = {}
    both = threading.Event()

    def answer(got: Received) -> Answer:
        arrived[got.path] = time.monotonic()
        if len(arrived) == 2:
            both.set()
        return Answer(slowly=3.0 if got.path == "/slow" else 0.0)

    def tell(name: str) -> float:
        with world.runs.database.write(locks.OUTBOX) as connection:
            config.put(connection, "channel", name, {"type": "webhook", "url": f"{world.receiver.url}/{name}"})
            body = words_of_a_test(name, "http://plimsoll.test", clock.now())
            store.enqueue(
                connection,
                webhook_id=f"msg_{name}",
                kind="channel",
                target=name,
                lane=name,
                body=body,
                alert_ids=[],
                now=clock.now(),
            )
        return time.monotonic()

    world.receiver.answer = answer
    ticking = scheduler.start(world.service)
    try:
        tell("slow")
        until = time.monotonic() + 5
        while "/slow" not in arrived and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.5)  # its tick has nothing else to do
        sent = tell("fast")
        assert both.wait(5)
    finally:
        ticking.shutdown()
    assert arrived["/fast"] - sent < 1.5
    assert arrived["/fast"] - arrived["/slow"] < 3
