"""A bot in Slack, and a service whose rules tell it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier

from alerting.rules import Rule
from alerting.words import DAY, SECOND
from monitor import clock
from monitor.store import outbox
from tests.alerting.make import MIDNIGHT, reading
from tests.monitor.actions.alert_store import Delivering, make_runs, make_service
from tests.monitor.api.calling import Api
from tests.monitor.delivery.receiver import receiving
from tests.monitor.delivery.slack_peer import TOKEN, SlackPeer

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

    def log(self, webhook_id: str) -> Any:
        with self.runs.database.read() as connection:
            return outbox.find(connection, webhook_id)

    def states(self, alert: dict[str, Any]) -> list[tuple[str, str | None]]:
        return [(one["state"], one["last_error"]) for one in self.deliveries(alert)]


@contextmanager
def slack_world(tmp_path: Path) -> Iterator[World]:
    """Slack, and a service whose rules tell it."""
    with receiving() as receiver:
        runs = make_runs(tmp_path)
        bot = {"type": "slack", "token": "${TOKEN}", "channel": "#ml", "api_url": f"{receiver.url}/api"}
        runs.channels = {"bot": {**bot, "signing_secret": "${SIGNING}"}}
        receiver.answer = slack = SlackPeer()
        yield World(runs, make_service(runs), clock.now(), {"TOKEN": TOKEN, "SIGNING": SIGNING}, slack)
        runs.database.close()


def text(message: dict[str, Any]) -> str:
    """What its blocks say."""
    return json.dumps(message["blocks"], ensure_ascii=False)


def buttons(message: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and value of each button."""
    rows = [block for block in message["blocks"] if block["type"] == "actions"]
    return [(button["text"]["text"], button["value"]) for row in rows for button in row["elements"]]


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
