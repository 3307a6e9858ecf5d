"""What holds for every channel and every trigger, present and future."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

import alerting
from alerting.conversation import Answer, Asked, Conversation
from alerting.options import BadSetting
from alerting.outbound import OutboundReply, OutboundRequest, Sending
from alerting.registry import CHANNELS, TRIGGERS, check_channel, check_trigger
from alerting.secrets import resolve, shown
from alerting.words import SECOND
from monitor import clock
from tests.alerting.notices import notice, one

SETTINGS: dict[str, dict[str, Any]] = {
    "slack": {"type": "slack", "webhook_url": "${ADDRESS}"},
    "webhook": {"type": "webhook", "url": "${ADDRESS}", "secret": "${SECRET}"},
}
TRIGGER_SETTINGS: dict[str, dict[str, Any]] = {
    "webhook": {"type": "webhook", "url": "${ADDRESS}", "secret": "${SECRET}", "start_by": "30m", "finish_by": "6h"},
}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ENVIRONMENT = {"ADDRESS": "https://receiver.example/T0/B0/very-secret-path", "SECRET": SECRET}
RUN = {
    "id": "run-1",
    "idempotency_key": "retrain-1",
    "callback_url": "http://plimsoll.test/v1/trigger-runs/run-1?token=t",
}


def request_of(kind: str, now: int, name: str) -> OutboundRequest:
    sending = Sending("msg_1", now)
    if kind == "channel":
        return CHANNELS[name].render(notice(), resolve(SETTINGS[name], ENVIRONMENT), sending)
    return next(TRIGGERS[name].start(asked(now), resolve(TRIGGER_SETTINGS[name], ENVIRONMENT)))


def asked(now: int) -> Asked:
    return Asked(RUN["idempotency_key"], "msg_1", now, 1, notice(one("retraining.requested")), RUN, {})


def meaning(kind: str, name: str, reply: OutboundReply) -> tuple[str, str, int | None]:
    """(what becomes of the message, why, after how long it is tried again)."""
    if kind == "channel":
        outcome = CHANNELS[name].judge(reply, 0)
        return outcome.kind, outcome.reason, outcome.after
    answer = settled(TRIGGERS[name].start(asked(0), resolve(TRIGGER_SETTINGS[name], ENVIRONMENT)), reply)
    kinds = {"accepted": "delivered", "retry": "retry", "refused": "give_up"}
    return kinds[answer.kind], answer.reason, answer.after


def settled(conversation: Conversation[Answer], reply: OutboundReply) -> Answer:
    """What it comes to when every request gets the same reply."""

    def whole() -> Generator[OutboundRequest, OutboundReply, None]:
        found.append((yield from conversation))

    found: list[Answer] = []
    running = whole()
    next(running)
    while not found:
        with suppress(StopIteration):
            running.send(reply)
    return found[0]


ALL = [*(("channel", name) for name in CHANNELS), ("trigger", "webhook")]  # others: tests/alerting/triggers


@pytest.mark.parametrize("folder", ["channels", "triggers"])
def test_one_file_one_line(folder: str) -> None:
    files = {path.stem for path in (Path(alerting.__file__).parent / folder).glob("*.py")} - {"__init__"}
    assert files == set(CHANNELS if folder == "channels" else TRIGGERS)


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_every_one_renders_a_post_that_is_the_same_for_the_same_attempt(kind: str, name: str) -> None:
    request = request_of(kind, 1_700_000_000 * SECOND, name)
    assert request == request_of(kind, 1_700_000_000 * SECOND, name)
    assert (request.method, request.url) == ("POST", ENVIRONMENT["ADDRESS"])
    assert request.headers["webhook-id"] == "msg_1"
    assert SECRET.encode() not in request.body
    assert isinstance(json.loads(request.body), dict)


@pytest.mark.parametrize(("kind", "name"), ALL)
@pytest.mark.parametrize("status", [None, 100, 200, 204, 301, 400, 404, 408, 410, 425, 429, 500, 502, 503])
def test_every_one_judges_every_status(kind: str, name: str, status: int | None) -> None:
    reply = OutboundReply(status, {"retry-after": "7"}, b"https://receiver.example/very-secret-path", "no answer")
    outcome, reason, after = meaning(kind, name, reply)
    expected = (
        "delivered"
        if status in (200, 204)
        else "retry"
        if status in (None, 408, 425, 429) or (status or 0) >= 500
        else "give_up"
    )
    assert outcome == expected
    assert "secret" not in reason
    if outcome == "retry" and status is not None:
        assert after == 7 * SECOND


@pytest.mark.parametrize(("kind", "name"), [one for one in ALL if one[1] == "webhook"])
def test_signatures_are_those_of_standard_webhooks(kind: str, name: str) -> None:
    request = request_of(kind, clock.now(), name)
    body = Webhook(SECRET).verify(request.body, dict(request.headers))
    assert list(body) == ["type", "timestamp", "data"]
    assert body["type"] == ("alert.firing" if kind == "channel" else "retraining.requested")
    assert body["data"]["links"] == {
        "alert": "http://plimsoll.test/alerts/alert-1",
        "model": "http://plimsoll.test/models/flight-delays",
    }
    assert ("trigger_run" in body["data"]) == (kind == "trigger")


def test_the_trigger_says_who_asks_and_where_to_report() -> None:
    request = request_of("trigger", 0, "webhook")
    assert json.loads(request.body)["data"]["trigger_run"] == RUN
    assert request.headers["idempotency-key"] == "retrain-1"


def test_without_a_secret_messages_are_not_signed() -> None:
    request = CHANNELS["webhook"].render(notice(), {"url": "https://x.example"}, Sending("msg_1", 0))
    assert "webhook-signature" not in request.headers


@pytest.mark.parametrize("name", CHANNELS)
def test_channel_settings_are_checked_and_shown_without_secrets(name: str) -> None:
    check_channel("x", SETTINGS[name])
    assert "very-secret" not in json.dumps(shown({**SETTINGS[name], "webhook_url": ENVIRONMENT["ADDRESS"]}))
    for wrong, key in (({"colour": "red"}, "colour"), ({next(k for k in SETTINGS[name] if "url" in k): None}, "url")):
        with pytest.raises(BadSetting) as caught:
            check_channel("x", {**SETTINGS[name], **wrong})
        assert key in caught.value.key


@pytest.mark.parametrize("name", TRIGGER_SETTINGS)
def test_trigger_settings_are_checked(name: str) -> None:
    check_trigger("x", TRIGGER_SETTINGS[name])
    for key, value in (
        ("colour", "red"),
        ("finish_by", "soon"),
        ("start_by", "0h"),
        ("url", "ftp://x"),
        ("secret", SECRET),
    ):
        with pytest.raises(BadSetting) as caught:
            check_trigger("x", {**TRIGGER_SETTINGS[name], key: value})
        assert caught.value.key == key
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("check", [check_channel, check_trigger])
def test_unknown_types_are_named(check: Any) -> None:
    with pytest.raises(BadSetting, match="pigeon") as caught:
        check("x", {"type": "pigeon"})
    assert caught.value.key == "type"
