"""What channels have in common that are a chat's incoming webhook: an address that is a secret by itself, and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alerting import options, telling
from alerting.outbound import OutboundRequest, Sending


@dataclass(frozen=True, slots=True)
class Settings:
    """``webhook_url`` is the address of the webhook; who knows it can post to it."""

    webhook_url: str

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        options.known(raw, ("webhook_url",))
        return cls(options.secret_address(raw, "webhook_url"))


def request(url: str, message: Mapping[str, Any], sending: Sending, method: str = "POST") -> OutboundRequest:
    """A message in the chat's own shape, to a resolved address."""
    headers = {"content-type": "application/json", "user-agent": "plimsoll", "webhook-id": sending.webhook_id}
    return OutboundRequest(method, url, headers, telling.as_json(message))
