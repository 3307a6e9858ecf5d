"""What people do by the buttons of a chat message: each button's action has its line here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from slack_sdk.signature import Clock, SignatureVerifier

from alerting.channels.slack import ACKNOWLEDGE, APPROVE, DENY, SILENCE
from alerting.secrets import MissingSecret, resolve
from monitor import clock
from monitor.actions.answer_alert import By, acknowledge, open_alert
from monitor.actions.approve_retraining import approve_by_button, deny_by_button
from monitor.actions.rewrite_messages import rewrite, rewrite_answered
from monitor.actions.silence_alerts import silence
from monitor.errors import BadRequest, Conflict, NotFound, Unauthorized
from monitor.service import Service
from monitor.store import config, locks, trigger_runs

NAP = clock.DAY
MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Click:
    """A button that somebody pressed: its ``value``, whose name it was, when by Slack's word, and which press it is."""

    action: str
    value: str
    author: str
    key: str
    now: int


def acknowledge_by_button(service: Service, click: Click) -> None:
    """Somebody looks after the alert; one that is over stays as it is."""
    acknowledge(service, click.value, click.now, By(click.author))


def silence_by_button(service: Service, click: Click) -> None:
    """Nobody is told of the alert's rule on its model for a day; the same press again changes nothing."""
    with service.database.read() as connection:
        alert = open_alert(connection, click.value)
    press = hashlib.sha256(f"{click.value}\0{click.key}".encode()).hexdigest()[:16]
    matchers = {"model": str(alert["model"]), "rule": str(alert["rule"])}
    by = By(click.author, "by the button in Slack")
    silence(service, matchers, click.now + NAP, by, click.now, f"silence-{press}")


HANDLERS: Mapping[str, Callable[[Service, Click], None]] = {
    ACKNOWLEDGE: acknowledge_by_button,
    SILENCE: silence_by_button,
    APPROVE: approve_by_button,
    DENY: deny_by_button,
}


def signed_by_slack(
    service: Service, body: bytes, headers: Mapping[str, str], now: int, environment: Mapping[str, str]
) -> None:
    """Raises Unauthorized unless a channel's signing secret signed this body within the last five minutes."""
    at = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    if at.isascii() and at.isdigit() and len(at) < 16 and signature.isascii() and _is_text(body):
        for secret in _signing_secrets(service, environment):
            if SignatureVerifier(secret, _At(now)).is_valid(body, at, signature):
                return
    raise Unauthorized("This needs a signature of Slack with the signing_secret of a channel, at most 5 minutes old")


def answer_click(service: Service, body: bytes, now: int) -> int:
    """Do what the pressed buttons say; how many did something. A button of another program, and one of an alert that is
    over or gone, does nothing.

    Raises BadRequest for a body that is no press of a button.
    """
    done = 0
    for click in _clicks(body, now):
        handler = HANDLERS.get(click.action)
        if handler is None:
            continue
        try:
            handler(service, click)
        except (Conflict, NotFound):
            _show(service, click)  # it is over: the message shall say so
        else:
            done += 1
    return done


def _show(service: Service, click: Click) -> None:
    with service.database.write(locks.OUTBOX) as connection:
        run = trigger_runs.get_run(connection, click.value)
        if run is None:
            rewrite(connection, [click.value], click.now)
        else:
            rewrite_answered(connection, run.alert_id, run.id, click.now)


def _signing_secrets(service: Service, environment: Mapping[str, str]) -> list[str]:
    with service.database.read() as connection:
        channels = config.objects(connection, "channel")
    found = []
    for settings in channels.values():
        if settings.get("type") == "slack" and settings.get("signing_secret"):
            try:
                found.append(str(resolve({"it": settings["signing_secret"]}, environment)["it"]))
            except MissingSecret:
                continue  # it is told where the channel is tested
    return found


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


class _At(Clock):
    """A clock that stands."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> float:
        """Seconds since 1970."""
        return self._now / clock.SECOND


def _clicks(body: bytes, now: int) -> list[Click]:
    try:
        payload = json.loads(parse_qs(body.decode(), max_num_fields=20)["payload"][0])
        if payload.get("type") != "block_actions":
            return []
        author = _author(payload["user"])
        return [
            Click(str(one["action_id"]), str(one.get("value", "")), author, str(one.get("action_ts", "")), now)
            for one in payload["actions"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise BadRequest("The body is not what Slack sends when a button is pressed") from error


def _author(user: Mapping[str, Any]) -> str:
    return str(user.get("name") or user.get("username") or user["id"])[:MAX_NAME]
