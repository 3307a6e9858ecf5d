"""Channel ``pagerduty``: Events API v2, an incident per alert; news of retrainings page nobody.

An alert that is raised to critical is an incident of its own, and the one before it ends: an incident that somebody
acknowledged, here or there, pages nobody again, whatever is triggered under its key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerting import options, telling
from alerting.message import ACKNOWLEDGED, FIRING, NO_DATA, REMINDER, RESOLVED, TEST
from alerting.outbound import OutboundReply, OutboundRequest, Outcome, Sending, judge_by_status
from alerting.telling import cut
from alerting.words import SECOND

API = "https://events.pagerduty.com"
MAX_SUMMARY = 1024
MAX_KEY = 255
MAX_DETAIL = 4000
SEVERITIES = {"critical": "critical", "warning": "warning", "test": "info", "resolved": "info"}
_TRIGGERS = (FIRING, REMINDER, NO_DATA, TEST)
ACTIONS = {**dict.fromkeys(_TRIGGERS, "trigger"), RESOLVED: "resolve", ACKNOWLEDGED: "acknowledge"}
PAUSE = 60 * SECOND  # its limits count by the minute


@dataclass(frozen=True, slots=True)
class Settings:
    """``routing_key`` is the integration key of an Events API v2 integration. ``api_url`` for its region in the EU."""

    routing_key: str | None
    api_url: str = API

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        options.known(raw, ("routing_key",), ("api_url",))
        return cls(options.secret(raw, "routing_key"), options.address({"api_url": API, **raw}, "api_url"))


def render(body: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending) -> OutboundRequest:
    """The request for a neutral body with one entry; ``settings`` are resolved."""
    (one,) = body["entries"]
    action = ACTIONS.get(one["type"])
    path, event = ("/v2/enqueue", _event(body, one, action)) if action else ("/v2/change/enqueue", _change(body, one))
    return _post(path, event, settings, sending)


def besides(body: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending) -> Sequence[OutboundRequest]:
    """With the rise of an alert, and again with its end, the incident of before the rise is resolved."""
    (one,) = body["entries"]
    if not _was_raised(one["alert"]) or one["type"] not in (FIRING, RESOLVED):
        return ()
    event = {"event_action": "resolve", "dedup_key": str(one["alert"]["id"])[:MAX_KEY]}
    return (_post("/v2/enqueue", event, settings, sending),)


def judge(reply: OutboundReply, now: int) -> Outcome:
    """202 is delivered, 429 waits for a minute at least; anything else by its status."""
    outcome = judge_by_status(reply, now)
    return replace(outcome, after=PAUSE) if reply.status == 429 and outcome.after is None else outcome


def _post(path: str, event: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending) -> OutboundRequest:
    base = settings.get("api_url", API).rstrip("/")
    headers = {"content-type": "application/json", "user-agent": "plimsoll", "webhook-id": sending.webhook_id}
    payload = telling.as_json({"routing_key": settings["routing_key"], **event})
    return OutboundRequest("POST", f"{base}{path}", headers, payload)


def _was_raised(alert: Mapping[str, Any]) -> bool:
    return bool((alert.get("details") or {}).get("raised"))


def _key(alert: Mapping[str, Any]) -> str:
    again = "-2" if _was_raised(alert) else ""
    return f"{str(alert['id'])[: MAX_KEY - len(again)]}{again}"


def _event(body: Mapping[str, Any], one: telling.Entry, action: str) -> dict[str, Any]:
    alert = one["alert"]
    event = {"event_action": action, "dedup_key": _key(alert)}
    if action != "trigger":
        return event
    payload = {
        "summary": cut(f"{alert['model']}: {telling.about(alert)}: {alert['summary']}", MAX_SUMMARY),
        "source": cut(str(alert["model"]), MAX_SUMMARY),
        "severity": SEVERITIES[telling.mood(one)],
        "timestamp": body["timestamp"],
        "component": cut(str(alert["rule"]), 255),
        "class": cut(str(alert["check"]), 255),
        "custom_details": {
            "what": telling.reason(one),
            "found": telling.whole_lines([*telling.evidence(one)[0], *telling.remarks(one)], MAX_DETAIL),
            "owner": cut(str(alert.get("owner") or "nobody"), 255),
        },
    }
    links = [{"href": one["links"]["alert"], "text": "The alert"}, {"href": one["links"]["model"], "text": "The model"}]
    return event | {"payload": payload, "links": links, "client": "Plimsoll", "client_url": one["links"]["alert"]}


def _change(body: Mapping[str, Any], one: telling.Entry) -> dict[str, Any]:
    """What is news of an alert without being trouble of its own."""
    summary = cut(f"{body['model']}: {telling.about(one['alert'])} {telling.verb(one)}: {one['reason']}", MAX_SUMMARY)
    payload = {"summary": summary, "source": cut(str(body["model"]), MAX_SUMMARY), "timestamp": body["timestamp"]}
    return {"payload": payload, "links": [{"href": one["links"]["alert"], "text": "The alert"}]}
