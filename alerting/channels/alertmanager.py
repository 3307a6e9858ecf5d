"""Channel ``alertmanager``: Alertmanager's API v2, for those who have their routes there.

It holds alerts in memory and lets them end by themselves: each is told again every few minutes, with an end past the
next expected run; an end is told again for five minutes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerting import options, telling
from alerting.message import RESOLVED, TEST
from alerting.outbound import OutboundReply, OutboundRequest, Outcome, Sending, judge_by_status
from alerting.telling import cut
from alerting.words import HOUR, SECOND, rfc3339

EVERY = 240 * SECOND
ENDED_FOR = 300 * SECOND
STRIDES = ((24, HOUR), (168, 4 * HOUR))  # windows shorter than so many hours end so often; others daily
SLACK = HOUR  # that a run may come late
TEST_LASTS = 300 * SECOND
MAX_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` is where Alertmanager is, without ``/api/v2``; ``username`` and ``password`` for basic authentication, or
    a ``token``."""

    url: str
    username: str | None = None
    password: str | None = None
    token: str | None = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        options.known(raw, ("url",), ("username", "password", "token"))
        if ("username" in raw) != ("password" in raw):
            raise options.BadSetting("password", "username and password go together")
        password, token = options.secret(raw, "password"), options.secret(raw, "token")
        return cls(options.address(raw, "url"), raw.get("username"), password, token)


def render(body: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending) -> OutboundRequest:
    """The request for a neutral body with one entry; ``settings`` are resolved."""
    headers = {"content-type": "application/json", "user-agent": "plimsoll", "webhook-id": sending.webhook_id}
    headers |= options.authorization(settings)
    alerts = [_alert(one, sending.now) for one in body["entries"]]
    # the severity is a label, for routes: the alert that it was before is another one to Alertmanager, and over
    alerts += [_as_it_was(one, sending.now) for one in body["entries"] if one.get("raised")]
    text = json.dumps(alerts, ensure_ascii=False, separators=(",", ":")).encode()
    return OutboundRequest("POST", f"{settings['url'].rstrip('/')}/api/v2/alerts", headers, text)


def judge(reply: OutboundReply, now: int) -> Outcome:
    """2xx is delivered; anything else by its status."""
    return judge_by_status(reply, now)


def _alert(one: telling.Entry, now: int) -> dict[str, Any]:
    """Labels say which alert it is, and hold no measured value: another value would be another alert."""
    alert = one["alert"]
    labels = {
        "alertname": "PlimsollTest" if one["type"] == TEST else str(alert["rule"]),
        "alert_id": str(alert["id"]),
        "model": str(alert["model"]),
        "check": str(alert["check"]),
        "version": str(alert.get("version") or ""),
        "segment": str(alert.get("segment") or ""),
        "owner": str(alert.get("owner") or ""),
        "severity": str(alert["severity"]),
    }
    notes = {
        "summary": cut(str(alert["summary"]), MAX_TEXT),
        "description": telling.whole_lines([telling.reason(one), *telling.evidence(one)[0]], MAX_TEXT),
    }
    begun = _moment(alert.get("fired_at") or alert["started_at"])
    ends = _ends(one, begun, now)
    return {
        "labels": {name: cut(value, MAX_TEXT) for name, value in labels.items() if value},
        "annotations": notes,
        "startsAt": rfc3339(min(begun, ends)),
        "endsAt": rfc3339(ends),
        "generatorURL": one["links"]["alert"],
    }


def _as_it_was(one: telling.Entry, now: int) -> dict[str, Any]:
    before = _alert({**one, "alert": {**one["alert"], "severity": "warning"}}, now)
    return {**before, "endsAt": rfc3339(max(now, _moment(before["startsAt"])))}


def _ends(one: telling.Entry, begun: int, now: int) -> int:
    if one["type"] == RESOLVED or one["alert"]["state"] == "resolved":
        over = one["alert"].get("resolved_at")
        return max(begun, min(now, _moment(over))) if over else now
    if one["type"] == TEST:
        return now + TEST_LASTS
    longest = max((_length(reading) for reading in one["readings"]), default=168)
    stride = next((every for below, every in STRIDES if longest < below), 24 * HOUR)
    return now + stride + SLACK


def _length(reading: Mapping[str, Any]) -> int:
    window = reading["window"]
    return (_moment(window["end"]) - _moment(window["start"])) // HOUR


def _moment(text: Any) -> int:
    return int(datetime.fromisoformat(str(text)).timestamp()) * SECOND
