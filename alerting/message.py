"""What is told, before any channel has a say in how: entries, one per transition, in one neutral body.

A body is JSON values and holds no secret: ``{"model", "timestamp", "entries": [{"type", "alert", "readings", "total",
"reason", "links", "triggered"?, "trigger_run"?, "notes"?, "buttons"?}]}``. Channels render it when it is sent.
``notes`` are lines to add, ``buttons`` ``{"action", "value", "text", "style"?}`` for channels that have any.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from alerting.words import finite, rfc3339

FIRING = "alert.firing"
RESOLVED = "alert.resolved"
REMINDER = "alert.reminder"
NO_DATA = "alert.no_data"
ACKNOWLEDGED = "alert.acknowledged"  # to receivers that keep incidents of their own
TEST = "channel.test"
RETRAINING_REQUESTED = "retraining.requested"
MAX_READINGS = 20
MAX_BYTES = 20_000  # what Standard Webhooks advises

MESSAGE_TYPES: Mapping[str, str] = {
    "firing": FIRING,
    "raised": FIRING,
    "uncovered": FIRING,
    "resolved": RESOLVED,
    "reminder": REMINDER,
    "data_missing": NO_DATA,
    "check_failing": NO_DATA,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to send to one target. Messages of one lane go out in order.

    ``thread_of`` is the key of the message that it answers; ``not_before`` (microseconds) when it may go out at the
    earliest, None for at once.
    """

    kind: Literal["channel", "trigger"]
    target: str
    lane: str
    body: Mapping[str, Any]
    alert_ids: tuple[str, ...]
    trigger_run_id: str | None = None
    thread_of: int | None = None
    not_before: int | None = None


def links(public_url: str, alert: Mapping[str, Any]) -> dict[str, str]:
    """Where a person reads on."""
    return {
        "alert": f"{public_url}/alerts/{quote(str(alert['id']))}",
        "model": f"{public_url}/models/{quote(str(alert['model']))}",
    }


def entry(
    kind: str,
    alert: Mapping[str, Any],
    readings: Sequence[Mapping[str, Any]],
    *,
    public_url: str,
    reason: str,
    total: int = 0,
    **more: Any,
) -> dict[str, Any]:
    """One transition as it is told; ``more`` that is None is left out."""
    extra = {name: value for name, value in more.items() if value is not None}
    worst = [dict(reading) for reading in readings[:MAX_READINGS]]
    return {
        "type": kind,
        "alert": dict(alert),
        "readings": worst,
        "total": max(total, len(worst)),
        "reason": reason,
        "links": links(public_url, alert),
        **extra,
    }


def body(model: str, at: int, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The neutral body; ``at`` is the run's as_of, which in a replay is the replay's time."""
    return {"model": model, "timestamp": rfc3339(at), "entries": [dict(one) for one in entries]}


def standard_webhook(neutral: Mapping[str, Any], trigger_run: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The body of a webhook message, ``{"type", "timestamp", "data"}``, of a neutral body with one entry: as many of
    the worst readings, each with its line among the alert's reasons, as fit into ``MAX_BYTES``; ``total`` counts all.
    """
    (one,) = neutral["entries"]
    run = trigger_run if trigger_run is not None else one.get("trigger_run")
    more = {} if run is None else {"trigger_run": dict(run)}
    readings, reasons = one["readings"], one["alert"].get("reasons") or ()
    rest = {"total": one.get("total", len(readings)), "links": one["links"]}
    for most in range(max(len(readings), len(reasons)), -1, -1):
        alert = {**one["alert"]} | ({"reasons": list(reasons[: max(1, most)])} if reasons else {})
        shown = {"alert": alert, "readings": list(readings[:most])}
        whole = {"type": one["type"], "timestamp": neutral["timestamp"], "data": {**shown, **rest, **more}}
        if len(as_json(whole)) <= MAX_BYTES:
            break
    return whole


def as_json(whole: Mapping[str, Any]) -> bytes:
    """A body of a webhook as it goes over the wire."""
    text = json.dumps(finite(whole), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


def test_body(channel: str, public_url: str, at: int) -> dict[str, Any]:
    """A message that says of itself that it is a test and that nothing is wrong."""
    words = (
        f"This is a test of the channel {channel}, sent by hand from Plimsoll. Nothing is wrong; there is nothing to do"
    )
    alert = {
        "id": f"test-{at}",
        "model": "plimsoll-test",
        "rule": f"Test of {channel}",
        "check": "test",
        "version": None,
        "segment": None,
        "severity": "warning",
        "state": "firing",
        "condition": "ok",
        "started_at": rfc3339(at),
        "fired_at": rfc3339(at),
        "resolved_at": None,
        "resolve_reason": None,
        "acknowledged_at": None,
        "summary": words,
        "owner": None,
        "reasons": [words],
    }
    here = {"alert": f"{public_url}/channels", "model": f"{public_url}/channels"}
    one = {**entry(TEST, alert, [], public_url=public_url, reason=words), "links": here}
    return body(str(alert["model"]), at, [one])
