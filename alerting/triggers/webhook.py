"""Trigger ``webhook``: asks an orchestrator for a retraining by a signed POST; it reports at the callback address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alerting import options
from alerting.conversation import Answer, Asked, Conversation
from alerting.message import standard_webhook
from alerting.outbound import OutboundRequest, Sending, judge_by_status
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


def start(asked: Asked, settings: Mapping[str, Any]) -> Conversation[Answer]:
    """Ask for a run; ``settings`` are resolved. 2xx is accepted, a final 4xx a refusal.

    ``idempotency-key`` is the same on every retry: a repeat must not start a second run.
    """
    body = standard_webhook(asked.body, asked.trigger_run)
    signed = signed_post(settings["url"], settings.get("secret"), body, Sending(asked.webhook_id, asked.now))
    headers = {**signed.headers, "idempotency-key": asked.key}
    reply = yield OutboundRequest(signed.method, signed.url, headers, signed.body)
    outcome = judge_by_status(reply, asked.now)
    kinds = {"delivered": "accepted", "retry": "retry", "give_up": "refused"}
    return Answer(kinds[outcome.kind], outcome.reason, after=outcome.after, status=reply.status)  # type: ignore[arg-type]
