"""What holds for every channel and every trigger, present and future."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import astuple
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

import alerting
from alerting.conversation import Answer, Asked, Conversation
from alerting.message import test_body as body_of_a_test
from alerting.options import BadSetting
from alerting.outbound import Outbound, OutboundMail, OutboundNotice, OutboundReply, OutboundRequest, Sending
from alerting.registry import CHANNELS, TRIGGERS, check_channel, check_trigger, route_of
from alerting.secrets import masked, references, resolve, shown
from alerting.words import SECOND
from monitor import clock
from tests.alerting.notices import alert, notice, one

SETTINGS: dict[str, dict[str, Any]] = {
    "slack": {"type": "slack", "webhook_url": "${ADDRESS}"},
    "discord": {"type": "discord", "webhook_url": "${ADDRESS}"},
    "mattermost": {"type": "mattermost", "webhook_url": "${ADDRESS}"},
    "teams": {"type": "teams", "webhook_url": "${ADDRESS}"},
    "email": {
        "type": "email",
        "host": "mail.example",
        "from": "Plimsoll <plimsoll@ours.example>",
        "to": "ml@ours.example, ops@ours.example",
        "username": "plimsoll",
        "password": "${PASSWORD}",
    },
    "pagerduty": {"type": "pagerduty", "routing_key": "${KEY}"},
    "alertmanager": {"type": "alertmanager", "url": "https://am.example", "token": "${KEY}"},
    "webhook": {"type": "webhook", "url": "${ADDRESS}", "secret": "${SECRET}"},
    "apprise": {"type": "apprise", "url": "${ADDRESS}"},
}
BOT = {"type": "slack", "token": "${KEY}", "channel": "#ml", "signing_secret": "${PASSWORD}"}
TRIGGER_SETTINGS: dict[str, dict[str, Any]] = {
    "webhook": {"type": "webhook", "url": "${ADDRESS}", "secret": "${SECRET}", "start_by": "30m", "finish_by": "6h"},
}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ENVIRONMENT = {
    "ADDRESS": "https://receiver.example/T0/B0/very-secret-path",
    "SECRET": SECRET,
    "KEY": "very-secret-key",
    "PASSWORD": "very-secret-password",
}
RUN = {
    "id": "run-1",
    "idempotency_key": "retrain-1",
    "callback_url": "http://plimsoll.test/v1/trigger-runs/run-1?token=t",
}
LONG = "n" * 10_000
MOST = {"slack": 24_000, "discord": 30_000, "mattermost": 60_000, "teams": 28 * 1024, "pagerduty": 512 * 1024,
        "alertmanager": 100_000, "email": 400_000, "apprise": 130_000}  # fmt: skip


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every channel by its settings; a Slack bot beside the webhook."""
    yield from SETTINGS.items()
    yield "slack-bot", BOT


CASES = dict(cases())


def outbound_of(name: str, body: dict[str, Any], sending: Sending) -> Outbound:
    raw = CASES[name]
    return CHANNELS[raw["type"]].render(body, resolve(raw, ENVIRONMENT), sending)


def content_of(outbound: Outbound) -> bytes:
    """What people or programs get to see of it."""
    if isinstance(outbound, OutboundNotice):
        return f"{outbound.title}\n{outbound.text}".encode()
    return outbound.content if isinstance(outbound, OutboundMail) else outbound.body


def request_of(kind: str, now: int, name: str) -> Outbound:
    sending = Sending("msg_1", now)
    if kind == "channel":
        return outbound_of(name, notice(), sending)
    return next(TRIGGERS[name].start(asked(now), resolve(TRIGGER_SETTINGS[name], ENVIRONMENT)))


def asked(now: int) -> Asked:
    return Asked(RUN["idempotency_key"], "msg_1", now, 1, notice(one("retraining.requested")), RUN, {})


def meaning(kind: str, name: str, reply: OutboundReply) -> tuple[str, str, int | None]:
    """(what becomes of the message, why, after how long it is tried again)."""
    if kind == "channel":
        outcome = CHANNELS[CASES[name]["type"]].judge(reply, 0)
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


ALL = [*(("channel", name) for name in CASES), ("trigger", "webhook")]  # others: tests/alerting/triggers
OVER_HTTP = [case for case in ALL if case[1] not in ("email", "apprise")]


@pytest.mark.parametrize("folder", ["channels", "triggers"])
def test_one_file_one_line(folder: str) -> None:
    files = {path.stem for path in (Path(alerting.__file__).parent / folder).glob("*.py")} - {"__init__"}
    assert files == set(CHANNELS if folder == "channels" else TRIGGERS)


def test_every_channel_is_tried_here() -> None:
    assert {raw["type"] for raw in CASES.values()} == set(CHANNELS)


@pytest.mark.parametrize(("kind", "name"), OVER_HTTP)
def test_every_one_renders_a_post_that_is_the_same_for_the_same_attempt(kind: str, name: str) -> None:
    request = request_of(kind, 1_700_000_000 * SECOND, name)
    assert request == request_of(kind, 1_700_000_000 * SECOND, name)
    assert isinstance(request, OutboundRequest)
    assert request.method == "POST"
    raw = CASES[name] if kind == "channel" else TRIGGER_SETTINGS[name]
    if "${ADDRESS}" in raw.values():
        assert request.url.split("?")[0] == ENVIRONMENT["ADDRESS"]
    assert request.headers["webhook-id"] == "msg_1"
    assert isinstance(json.loads(request.body), dict | list)


@pytest.mark.parametrize("name", CASES)
def test_secrets_are_in_no_message_and_in_none_of_its_kinds(name: str) -> None:
    own = {ENVIRONMENT[key] for key in references(CASES[name])}
    if CASES[name]["type"] == "pagerduty":
        own -= {ENVIRONMENT["KEY"]}  # its protocol has the key in the body
    for kind in (
        "alert.firing",
        "alert.resolved",
        "alert.reminder",
        "alert.acknowledged",
        "retraining.failed",
        "x.new",
    ):
        content = content_of(outbound_of(name, notice(one(kind)), Sending("msg_1", 0))).decode()
        assert not [secret for secret in own if secret in content]


GOLDEN = Path(__file__).parents[1] / "golden" / "channels"


@pytest.mark.parametrize("name", CASES)
def test_golden_payloads(name: str) -> None:
    """``GOLDEN=write`` in the environment writes them anew; look at the difference before committing it."""
    entries = [one(features=2, triggered="retrain was asked for"), one("alert.resolved", alert=alert(id="alert-2"))]
    if CHANNELS[CASES[name]["type"]].one_by_one:
        entries = entries[:1]
    content = content_of(outbound_of(name, notice(*entries), Sending("msg_1", 1_700_000_000 * SECOND))).decode()
    is_json = content[0] in "[{"
    text = json.dumps(json.loads(content), indent=1, ensure_ascii=False) if is_json else content
    file = GOLDEN / f"{name}.{'json' if is_json else 'txt'}"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text.replace("\r\n", "\n") + "\n", "utf-8")
    assert text.replace("\r\n", "\n") + "\n" == file.read_text("utf-8")


@pytest.mark.parametrize("name", CASES)
def test_a_test_message_says_that_it_is_one(name: str) -> None:
    content = content_of(
        outbound_of(name, body_of_a_test("my channel", "http://plimsoll.test", 0), Sending("msg_1", 0))
    )
    text = content.decode().replace("=\r\n", "")
    assert "test" in text.lower()
    assert "Nothing is wrong" in text


@pytest.mark.parametrize("name", [name for name in CASES if name != "webhook"])
@pytest.mark.parametrize("how_many", [1, 100])
def test_every_one_stays_within_its_limits_under_long_names_and_many_features(name: str, how_many: int) -> None:
    subject = alert(
        rule=LONG, model="m" * 100, segment=f"s={LONG}", owner=LONG, summary=LONG * 3, check=LONG, version=LONG
    )
    entry = one(features=20, total=500, reason=LONG, triggered=LONG, alert=subject, notes=[LONG])
    for reading in entry["readings"]:
        reading["feature"] = LONG
        reading["details"]["summary"] = f"{LONG}: 12 % of rows moved"
    if CHANNELS[CASES[name]["type"]].one_by_one:
        how_many = 1
    body = {**notice(*[entry] * how_many), "model": "m" * 100}
    assert len(content_of(outbound_of(name, body, Sending("msg_1", 0)))) <= MOST[CASES[name]["type"]]


@pytest.mark.parametrize("name", CASES)
def test_the_number_of_drifted_features_is_told(name: str) -> None:
    content = content_of(outbound_of(name, notice(one(features=20, total=500)), Sending("msg_1", 0))).decode()
    if not CHANNELS[CASES[name]["type"]].one_by_one:
        assert "and 490 more" in content
    assert "f0: 12 % of rows moved" in content or name == "webhook"


@pytest.mark.parametrize(("kind", "name"), OVER_HTTP)
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


@pytest.mark.parametrize(
    ("status", "kind"),
    [(None, "retry"), (250, "delivered"), (421, "retry"), (450, "retry"), (535, "give_up"), (550, "give_up")],
)
def test_mail_goes_by_the_codes_of_smtp(status: int | None, kind: str) -> None:
    outcome = CHANNELS["email"].judge(OutboundReply(status, body=b"<ml@ours.example> very-secret"), 0)
    assert outcome.kind == kind
    assert "secret" not in outcome.reason


@pytest.mark.parametrize(("kind", "name"), [one for one in ALL if one[1] == "webhook"])
def test_signatures_are_those_of_standard_webhooks(kind: str, name: str) -> None:
    request = request_of(kind, clock.now(), name)
    assert isinstance(request, OutboundRequest)
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
    assert isinstance(request, OutboundRequest)
    assert json.loads(request.body)["data"]["trigger_run"] == RUN
    assert request.headers["idempotency-key"] == "retrain-1"


def test_without_a_secret_messages_are_not_signed() -> None:
    request = CHANNELS["webhook"].render(notice(), {"url": "https://x.example"}, Sending("msg_1", 0))
    assert isinstance(request, OutboundRequest)
    assert "webhook-signature" not in request.headers


def test_a_mail_has_two_faces_and_answers_the_first() -> None:
    first = outbound_of("email", notice(), Sending("msg_1", 0))
    assert isinstance(first, OutboundMail)
    assert (first.host, first.port, first.sender) == ("mail.example", 587, "plimsoll@ours.example")
    assert first.recipients == ("ml@ours.example", "ops@ours.example")
    mail = message_from_bytes(first.content, policy=SMTP)
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert (mail["Message-ID"], mail["In-Reply-To"]) == ("<msg_1@ours.example>", None)
    outcome = CHANNELS["email"].judge(OutboundReply(250, {"message-id": first.message_id}), 0)
    later = outbound_of("email", notice(one("alert.resolved")), Sending("msg_2", 0, thread=outcome.receipt))
    assert isinstance(later, OutboundMail)
    answer = message_from_bytes(later.content, policy=SMTP)
    assert (answer["In-Reply-To"], answer["References"]) == ("<msg_1@ours.example>", "<msg_1@ours.example>")
    assert answer["Subject"] == f"Re: {mail['Subject']}"


def test_what_people_write_cannot_add_a_header_to_a_mail() -> None:
    subject = alert(rule="x\r\nBcc: everybody@example.org")
    mail = outbound_of("email", notice(one(alert=subject)), Sending("msg_1", 0))
    assert message_from_bytes(content_of(mail), policy=SMTP)["Bcc"] is None


@pytest.mark.parametrize("name", CASES)
def test_channel_settings_are_checked_and_shown_without_secrets(name: str) -> None:
    raw = CASES[name]
    check_channel(raw)
    check_channel({**raw, "only": {"models": ["m"]}, "quiet": {"from": "22:00", "to": "07:00"}})
    literal = {key: ENVIRONMENT[value[2:-1]] if str(value).startswith("${") else value for key, value in raw.items()}
    assert "very-secret" not in json.dumps(shown({**literal, "webhook_url": ENVIRONMENT["ADDRESS"]}))
    needed = next(key for key in raw if key not in ("type", "password", "signing_secret"))
    for wrong, key in (({"colour": "red"}, "colour"), ({needed: None}, needed)):
        with pytest.raises(BadSetting) as caught:
            check_channel({**raw, **wrong})
        assert key in caught.value.key
    for key, value in raw.items():
        if str(value).startswith("${") and raw["type"] != "webhook":
            with pytest.raises(BadSetting) as caught:
                check_channel({**raw, key: "very-secret-in-clear"})
            assert "very-secret" not in str(caught.value)


def test_what_a_receiver_says_is_shown_without_secrets() -> None:
    said = f"no such key very-secret-key; see {ENVIRONMENT['ADDRESS']} for more"
    assert masked(said, BOT, ENVIRONMENT) == "no such key ••••; see •••• for more"


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"only": "m"}, "only"),
        ({"only": {"model": ["m"]}}, "only.model"),
        ({"only": {"models": "m"}}, "only.models"),
        ({"only": {"severity": "loud"}}, "only.severity"),
        ({"quiet": {"from": "22:00"}}, "quiet.to"),
        ({"quiet": {"from": "22:00", "to": "25:00"}}, "quiet.to"),
        ({"quiet": {"from": "22:00", "to": "22:00"}}, "quiet.to"),
        ({"quiet": {"from": "22:00", "to": "07:00", "timezone": "Europe/Atlantis"}}, "quiet.timezone"),
        ({"quiet": {"from": "22:00", "to": "07:00", "severity": "none"}}, "quiet.severity"),
    ],
)
def test_what_every_channel_may_have_is_checked(given: dict[str, Any], key: str) -> None:
    with pytest.raises(BadSetting) as caught:
        check_channel({**SETTINGS["webhook"], **given})
    assert caught.value.key == key


def test_routes_are_read_from_settings() -> None:
    assert route_of({"type": "pigeon"}) is None
    bot, hook = route_of(BOT), route_of(SETTINGS["slack"])
    assert bot is not None
    assert hook is not None
    assert (bot.threading, bot.edits, hook.threading, hook.edits) == ("split", True, "none", False)
    assert len(astuple(bot)) == 5


@pytest.mark.parametrize("name", TRIGGER_SETTINGS)
def test_trigger_settings_are_checked(name: str) -> None:
    check_trigger(TRIGGER_SETTINGS[name])
    for key, value in (
        ("colour", "red"),
        ("finish_by", "soon"),
        ("start_by", "0h"),
        ("url", "ftp://x"),
        ("secret", SECRET),
    ):
        with pytest.raises(BadSetting) as caught:
            check_trigger({**TRIGGER_SETTINGS[name], key: value})
        assert caught.value.key == key
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("check", [check_channel, check_trigger])
def test_unknown_types_are_named(check: Any) -> None:
    with pytest.raises(BadSetting, match="pigeon") as caught:
        check({"type": "pigeon"})
    assert caught.value.key == "type"


def test_a_refused_webhook_trigger_is_told_in_the_orchestrators_words() -> None:
    for body, words in ((b'{"error": "no such job"}', "no such job (400)"), (b"<html>", "the receiver answered 400")):
        kind, reason, _ = meaning("trigger", "webhook", OutboundReply(400, {}, body))
        assert (kind, reason) == ("give_up", words)


def test_a_proxys_page_is_no_slack() -> None:
    page = OutboundReply(200, {"content-type": "text/html"}, b"\n<html>proxy login</html>")
    assert CHANNELS["slack"].judge(page, 0).kind == "retry"
    assert CHANNELS["slack"].judge(OutboundReply(200, {}, b"ok"), 0).kind == "delivered"
