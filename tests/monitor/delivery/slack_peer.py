"""A receiver that behaves as Slack's Web API is documented to: threads, edits, and errors in a 200."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.monitor.delivery.receiver import Answer, Received

TOKEN = "xoxb-only-for-tests"


@dataclass
class SlackPeer:
    """Messages by their ``ts``; ``before`` are answers that come first, in turn."""

    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: list[Answer] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, got: Received) -> Answer:
        if self.before:
            return self.before.pop(0)
        if got.headers.get("authorization") != f"Bearer {TOKEN}":
            return said(ok=False, error="invalid_auth")
        method, payload = got.path.rsplit("/", 1)[1], got.json()
        self.calls.append((method, payload))
        return {"chat.postMessage": self._post, "chat.update": self._update}[method](payload)

    def _post(self, payload: dict[str, Any]) -> Answer:
        if payload["channel"] not in ("#ml", "C1"):
            return said(ok=False, error="channel_not_found")
        ts = f"1700000000.{len(self.messages) + 1:06d}"
        self.messages[ts] = payload
        return said(ok=True, channel="C1", ts=ts, message=payload)

    def _update(self, payload: dict[str, Any]) -> Answer:
        if payload["ts"] not in self.messages or payload["channel"] != "C1":
            return said(ok=False, error="message_not_found")
        self.messages[payload["ts"]] = payload
        return said(ok=True, channel="C1", ts=payload["ts"])

    @property
    def roots(self) -> list[tuple[str, dict[str, Any]]]:
        """Messages that begin a thread, in order."""
        return [(ts, one) for ts, one in self.messages.items() if "thread_ts" not in one]

    def replies(self, ts: str) -> list[dict[str, Any]]:
        """What answers a message."""
        return [one for one in self.messages.values() if one.get("thread_ts") == ts]


def said(**answer: Any) -> Answer:
    """Slack's way to answer."""
    return Answer(200, {"content-type": "application/json"}, json.dumps(answer).encode())
