"""Channels through the service: routing, quiet hours, order, tests by hand, the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerting.rules import Rule
from alerting.words import DAY, HOUR, SECOND
from monitor import clock
from monitor.actions import apply_config
from monitor.actions.answer_alert import acknowledge, resolve
from monitor.actions.channels import list_channels
from monitor.actions.deliver_messages import LEASES
from monitor.config.reading import from_object
from monitor.store import locks, outbox, threads
from monitor.store.tables import outbox as table
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.channel_world import NIGHT, World, channel_world
from tests.monitor.delivery.receiver import Answer, Received
from tests.monitor.delivery.smtp_server import mail_server


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with channel_world(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("only", "told"),
    [
        ({"models": ["flight-delays"]}, True),
        ({"models": ["other"]}, False),
        ({"owners": ["#ml"]}, True),
        ({"owners": ["#nobody"]}, False),
        ({"severity": "critical"}, False),
        ({"segments": ["origin"]}, True),
        ({"segments": ["origin=JFK"]}, True),
        ({"segments": ["origin=LGA", "carrier"]}, False),
    ],
)
def test_a_channel_takes_what_it_is_for(world: World, only: dict[str, Any], told: bool) -> None:
    world.hook(only=only)
    world.drift(0, "warning", segment="origin=JFK")
    assert world.kinds() == (["alert.firing"] if told else [])


@pytest.mark.one_engine
def test_who_was_not_told_of_the_beginning_is_not_told_of_the_end(world: World) -> None:
    world.hook(only={"severity": "critical"})
    world.drift(0, "warning")
    world.drift(1, "ok")
    world.drift(2, "ok")
    assert world.kinds() == []
    world.drift(3, "warning")
    world.drift(4, "critical")
    world.drift(5, "ok")
    world.drift(6, "ok")
    assert world.kinds() == ["alert.firing", "alert.resolved"]


@pytest.mark.one_engine
def test_quiet_hours_hold_back_until_they_end(world: World) -> None:
    world.now = NIGHT
    world.hook(quiet={"from": "22:00", "to": "07:00", "timezone": "Europe/Berlin"})
    world.drift(0, "warning")
    assert world.kinds() == []
    world.now = clock.parse("2026-03-11T05:59:59Z")  # 06:59:59 in Berlin
    assert world.deliver() == 0
    world.now += SECOND
    assert world.deliver() == 1
    assert world.kinds() == ["alert.firing"]


def test_what_is_worse_breaks_the_quiet_and_takes_along_what_waits(world: World) -> None:
    world.now = NIGHT
    world.hook(quiet={"from": "22:00", "to": "07:00"})
    world.drift(0, "warning")
    assert world.kinds() == []
    world.drift(1, "critical")
    assert [got.json()["data"]["alert"]["severity"] for got in world.receiver.received] == ["warning", "critical"]


def test_what_was_over_before_the_morning_is_not_told(world: World) -> None:
    world.now = NIGHT
    world.hook(quiet={"from": "22:00", "to": "07:00"})
    alert = world.drift(0, "warning")
    world.drift(1, "ok")
    world.drift(2, "ok")
    world.now += DAY // 2
    assert world.deliver() == 0
    assert world.kinds() == []
    assert world.states(alert) == ["dropped"]


def test_of_a_list_that_waits_only_what_is_over_is_left_out(world: World) -> None:
    world.now = NIGHT
    world.channel(type="mattermost", webhook_url="${ADDRESS}", quiet={"from": "22:00", "to": "07:00"})
    world.step(0, ("data_drift", "warning"), ("data_quality", "warning"))
    world.step(1, ("data_drift", "ok"), ("data_quality", "warning"))
    world.step(2, ("data_drift", "ok"), ("data_quality", "warning"))
    world.now += DAY // 2
    assert world.deliver() == 1
    (got,) = world.receiver.received
    assert "quality is firing" in got.json()["text"]
    assert len(got.json()["attachments"]) == 1


@pytest.mark.one_engine
def test_pagerduty_has_one_incident_per_alert(world: World) -> None:
    world.receiver.answer = lambda _: Answer(202, body=b'{"status":"success"}')
    world.channel(type="pagerduty", routing_key="${KEY}", api_url=world.receiver.url)
    alert = world.drift(0, "critical")
    acknowledge(world.service, alert["id"], world.now)
    world.deliver()
    resolve(world.service, alert["id"], world.now)
    world.deliver()
    events = [got.json() for got in world.receiver.received]
    assert [one["event_action"] for one in events] == ["trigger", "acknowledge", "resolve"]
    assert {one["dedup_key"] for one in events} == {alert["id"]}
    assert events[0]["payload"]["severity"] == "critical"
    assert {got.path for got in world.receiver.received} == {"/v2/enqueue"}


@pytest.mark.one_engine
def test_pagerduty_pages_again_when_an_acknowledged_alert_is_raised(world: World) -> None:
    """As PagerDuty does: a trigger for an acknowledged incident notifies nobody, one after its resolve is a new one."""
    world.receiver.answer = lambda _: Answer(202, body=b'{"status":"success"}')
    world.channel(type="pagerduty", routing_key="${KEY}", api_url=world.receiver.url)
    alert = world.drift(0, "warning")
    acknowledge(world.service, alert["id"], world.now)
    refusing = iter([202, 202, 503])  # the acknowledgement, the new incident, the end of the first
    world.receiver.answer = lambda _: Answer(next(refusing, 202))
    world.drift(1, "critical")
    world.now += HOUR
    world.deliver()
    acknowledge(world.service, alert["id"], world.now)
    resolve(world.service, alert["id"], world.now)
    world.deliver()
    events = [got.json() for got in world.receiver.received]
    first, second = alert["id"], f"{alert['id']}-2"
    rise = [("trigger", second), ("resolve", first)]
    assert [(one["event_action"], one["dedup_key"]) for one in events] == [
        ("trigger", first),
        ("acknowledge", first),
        *rise,
        *rise,  # the whole message again: both are harmless
        ("acknowledge", second),
        ("resolve", second),
        ("resolve", first),
    ]
    assert [one["payload"]["severity"] for one in events if "payload" in one] == ["warning", "critical", "critical"]


@pytest.mark.one_engine
def test_discord_rewrites_what_it_said(world: World) -> None:
    world.receiver.answer = lambda _: Answer(200, body=b'{"id": "77"}')
    world.channel(type="discord", webhook_url="${ADDRESS}")
    alert = world.drift(0, "warning")
    resolve(world.service, alert["id"], world.now)
    world.deliver()
    paths = [got.path for got in world.receiver.received]
    assert paths == ["/very-secret-path?wait=true", "/very-secret-path?wait=true", "/very-secret-path/messages/77"]
    assert "is resolved" in world.receiver.received[-1].json()["content"]


@pytest.mark.one_engine
def test_a_mail_about_the_same_alert_answers_the_first(world: World) -> None:
    with mail_server() as box:
        given = {"host": "localhost", "port": str(box.port), "security": "none"}
        world.channel(type="email", **given, **{"from": "plimsoll@ours.example", "to": "ml@ours.example"})
        alert = world.drift(0, "warning")
        resolve(world.service, alert["id"], world.now)
        world.deliver()
        first, second = [content.decode() for _, _, content in box.mails]
    name = next(line for line in first.splitlines() if line.startswith("Message-ID")).split()[1]
    assert f"In-Reply-To: {name}" in second
    assert world.states(alert) == ["delivered", "delivered"]


def test_a_receiver_that_is_gone_is_left_alone_until_a_test_arrives(world: World) -> None:
    world.hook()
    world.receiver.answer = lambda _: Answer(410)
    world.drift(0, "warning")
    world.drift(1, "critical")
    assert len(world.receiver.received) == 1
    (shown,) = list_channels(world.service)
    assert shown["disabled_because"] == "the receiver answered 410"
    assert shown["given_up"] == 2
    world.receiver.answer = lambda _: Answer(204, body=b"")
    tried = world.api().call("POST", "/v1/channels/it/test").json()
    assert (tried["delivered"], tried["status"]) == (True, 204)
    assert world.receiver.received[-1].json()["type"] == "channel.test"
    (shown,) = list_channels(world.service)
    assert shown["disabled_at"] is None
    resolve(world.service, world.drift(2, "critical")["id"], world.now)
    world.deliver()
    assert world.kinds()[-1] == "alert.resolved"


def test_a_new_configuration_enables_it_again(world: World) -> None:
    world.hook()
    world.receiver.answer = lambda _: Answer(410)
    world.drift(0, "warning")
    elsewhere = {"channels": {"it": {"type": "webhook", "url": f"{world.receiver.url}/new"}}}
    apply_config.apply(world.service.database, from_object(elsewhere), world.now)
    assert list_channels(world.service)[0]["disabled_at"] is None


@pytest.mark.one_engine
@pytest.mark.parametrize("kind", ["slack", "webhook", "discord", "mattermost", "teams", "pagerduty", "alertmanager"])
def test_a_test_says_what_the_receiver_answered_and_no_secret(world: World, kind: str) -> None:
    settings = {
        "webhook": {"url": "${ADDRESS}", "secret": "${SECRET}"},
        "pagerduty": {"routing_key": "${KEY}", "api_url": world.receiver.url},
        "alertmanager": {"url": world.receiver.url, "token": "${KEY}"},
    }
    world.channel(type=kind, **settings.get(kind, {"webhook_url": "${ADDRESS}"}))

    def repeats_secrets(got: Received) -> Answer:
        body = got.body.decode() if kind == "pagerduty" else ""
        told = f"no: {got.path} {got.headers.get('authorization')} {body} {world.names['ADDRESS']}"
        return Answer(403, body=told.encode())

    world.receiver.answer = repeats_secrets
    found = world.api().call("POST", "/v1/channels/it/test")
    assert (found.json()["delivered"], found.json()["status"]) == (False, 403)
    assert "no: " in found.json()["answer"]
    assert "very-secret" not in found.text
    page = world.api().call("POST", "/channels/it/test", {"accept": "text/html"})
    assert page.status_code == 200
    assert "the receiver answered 403" in page.text
    assert "very-secret" not in page.text


@pytest.mark.one_engine
def test_a_test_tells_what_is_missing(world: World) -> None:
    world.channel(type="slack", webhook_url="${NOT_THERE}")
    found = world.api().call("POST", "/v1/channels/it/test").json()
    assert (found["delivered"], found["status"]) == (False, None)
    assert found["reason"] == "NOT_THERE is not set in the environment of the service"
    assert world.api().call("POST", "/v1/channels/nobody/test").status_code == 404


@pytest.mark.one_engine
def test_no_secret_is_kept_anywhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        world.receiver.answer = lambda got: Answer(400, body=f"{got.path} {got.body!r}".encode())
        world.channel(type="mattermost", webhook_url="${ADDRESS}")
        alert = world.drift(0, "warning")
        world.channel(type="pagerduty", routing_key="${KEY}", api_url=world.receiver.url)
        world.drift(1, "critical")
    with world.runs.database.read() as connection:
        stored = [dict(row) for row in connection.execute(table.select()).mappings()]
    shown = [world.api().call("GET", path).text for path in ("/v1/channels", f"/v1/alerts/{alert['id']}")]
    pages = [
        world.api().call("GET", path, {"accept": "text/html"}).text for path in ("/channels", f"/alerts/{alert['id']}")
    ]
    for text in (json.dumps(stored), caplog.text, *shown, *pages):
        assert "very-secret" not in text


def test_a_message_goes_out_again_by_hand_with_the_same_id(world: World) -> None:
    world.hook()
    world.receiver.answer = lambda _: Answer(404)
    alert = world.drift(0, "warning")
    (log,) = world.api().call("GET", f"/v1/alerts/{alert['id']}").json()["deliveries"]
    assert log["state"] == "given_up"
    world.receiver.answer = lambda _: Answer()
    again = world.api().call("POST", f"/v1/deliveries/{log['id']}/replay").json()
    assert (again["state"], again["again"]) == ("waiting", 1)
    assert world.api().call("POST", f"/v1/deliveries/{log['id']}/replay").status_code == 409
    assert world.api().call("POST", "/v1/deliveries/msg_nobody/replay").status_code == 404
    world.deliver()
    page = world.api().call("POST", f"/alerts/{alert['id']}/deliveries/{log['id']}/replay", {"accept": "text/html"})
    assert page.status_code == 303
    world.deliver()
    assert [got.headers["webhook-id"] for got in world.receiver.received] == [log["id"]] * 3
    shown = world.api().call("GET", f"/alerts/{alert['id']}", {"accept": "text/html"}).text
    assert "sent again 2 times" in shown
    assert "Send again" in shown


def test_retrainings_are_not_asked_for_again_from_the_log(world: World) -> None:
    world.hook()
    rule = Rule("drift", "data_drift", trigger="retrain")
    (alert,) = world.runs.run([rule], reading("warning", end=MIDNIGHT), as_of=MIDNIGHT, wall_now=world.now)
    world.names["RETRAIN"] = "x"
    (log,) = world.api().call("GET", f"/v1/alerts/{alert['id']}").json()["deliveries"]
    answer = world.api().call("POST", f"/v1/deliveries/{log['id']}/replay")
    assert (answer.status_code, "second one" in answer.text) == (409, True)


def test_the_page_lists_channels_and_how_they_do(world: World) -> None:
    world.hook()
    assert "not used yet" in world.api().call("GET", "/channels", {"accept": "text/html"}).text
    world.drift(0, "warning")
    page = world.api().call("GET", "/channels", {"accept": "text/html"}).text
    assert "Signed webhook" in page
    assert "works" in page
    assert "Send a test" in page


def test_the_page_keeps_what_came_of_the_newest_test(world: World) -> None:
    world.channel(type="webhook", url="${ADDRESS}")

    def page() -> str:
        return str(world.api().call("GET", "/channels", {"accept": "text/html"}).text)

    assert "<small>Webhook</small>" in page()  # it has no secret to sign with
    assert list_channels(world.service)[0]["last_test"] is None
    world.receiver.answer = lambda got: Answer(403, body=f"no such hook {got.path}".encode())
    world.api().call("POST", "/v1/channels/it/test")
    shown = page()
    assert "test failed" in shown
    assert "not used yet" not in shown
    assert "10 Mar 2026, 12:00" in shown
    assert "refused, the receiver answered 403. Its words: “no such hook" in shown
    assert "very-secret" not in shown
    again = {"channels": world.runs.channels, "default_notify": ["it"]}
    apply_config.apply(world.service.database, from_object(again), world.now)
    assert "test failed" in page()  # the channel is what it was
    world.now += SECOND
    world.receiver.answer = lambda _: Answer()
    world.drift(0, "warning")
    assert "test failed" not in page()
    assert "works" in page()
    world.now += SECOND
    world.receiver.answer = lambda _: Answer(410)
    world.api().call("POST", "/v1/channels/it/test")
    assert "disabled" in page()
    elsewhere = {"channels": {"it": {"type": "webhook", "url": f"{world.receiver.url}/new"}}}
    apply_config.apply(world.service.database, from_object(elsewhere), world.now)
    assert "works" in page()
    (known,) = list_channels(world.service)
    assert (known["last_test"], known["disabled_at"]) == (None, None)


def test_an_end_is_told_once_though_the_channel_is_of_another_type_by_now(world: World) -> None:
    world.hook()
    alert = world.drift(0, "warning")
    world.channel(type="mattermost", webhook_url="${ADDRESS}")
    world.drift(1, "critical")
    resolve(world.service, alert["id"], world.now)
    world.deliver()
    assert len(world.receiver.received) == 3
    assert "is resolved" in world.receiver.received[-1].json()["text"]


def test_what_is_on_its_way_is_not_taken_back(world: World) -> None:
    """Between looking and dropping somebody may have begun to send it: then its end is told."""
    world.hook()
    world.step(0, ("data_drift", "warning"), deliver=False)
    with world.runs.database.write(locks.OUTBOX) as connection:
        sent = outbox.claim_due(connection, world.now, LEASES)
        assert sent is not None
        assert not threads.drop(connection, sent.id, world.now)
        assert not threads.say_less(connection, sent.id, {})
        assert outbox.settle(connection, sent, state="delivered", now=world.now, status=200, error=None)
