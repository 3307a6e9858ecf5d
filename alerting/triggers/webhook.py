"""Trigger ``webhook``: asks an orchestrator for a retraining by a signed POST; it reports at the callback address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alerting import options
from alerting.message import standard_webhook
from alerting.outbound import OutboundReply, OutboundRequest, Outcome, Sending, judge_by_status
from alerting.signing import signed_post


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` is where to post. The run has to start within ``start_by`` and to end within ``finish_by``."""

    url: str
    secret: str | None
    start_by: int
    finish_by: int

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        options.known(raw, ("url",), ("secret", "start_by", "finish_by"))
        start_by, finish_by = options.length(raw, "start_by", "1h"), options.length(raw, "finish_by", "24h")
        return cls(options.address(raw, "url"), options.secret(raw), start_by, finish_by)


def start(
    body: Mapping[str, Any], trigger_run: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending
) -> OutboundRequest:
    """The request for a run. ``settings`` are resolved; ``trigger_run`` is {id, idempotency_key, callback_url}.

    ``idempotency-key`` is the same on every retry: a repeat must not start a second run.
    """
    request = signed_post(settings["url"], settings.get("secret"), standard_webhook(body, trigger_run), sending)
    headers = {**request.headers, "idempotency-key": str(trigger_run["idempotency_key"])}
    return OutboundRequest(request.method, request.url, headers, request.body)


def judge(reply: OutboundReply, now: int) -> Outcome:
    """2xx is accepted; a final 4xx is a refusal."""
    return judge_by_status(reply, now)
