"""Channel ``webhook``: every transition to a program, signed the Standard Webhooks way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from alerting import options
from alerting.message import standard_webhook
from alerting.outbound import OutboundReply, OutboundRequest, Outcome, Sending, judge_by_status
from alerting.signing import signed_post


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` is where to post; without a ``secret`` the messages go out unsigned."""

    url: str
    secret: str | None = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        options.known(raw, ("url",), ("secret",))
        return cls(options.address(raw, "url"), options.secret(raw))


def render(body: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending) -> OutboundRequest:
    """The request for a neutral body with one entry; ``settings`` are resolved."""
    return signed_post(settings["url"], settings.get("secret"), standard_webhook(body), sending)


def judge(reply: OutboundReply, now: int) -> Outcome:
    """2xx is delivered; 410 means that the receiver wants nothing more; anything else by its status."""
    outcome = judge_by_status(reply, now)
    return replace(outcome, gone=True) if reply.status == 410 else outcome
