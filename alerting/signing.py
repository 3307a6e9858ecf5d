"""Standard Webhooks: the headers that name a message, this attempt's time, and who signed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from standardwebhooks import Webhook

from alerting.message import as_json
from alerting.outbound import OutboundRequest, Sending
from alerting.secrets import signing_key
from alerting.words import SECOND, to_datetime


def signed_post(url: str, secret: str | None, body: Mapping[str, Any], sending: Sending) -> OutboundRequest:
    """A POST of a JSON body with ``webhook-id``, ``webhook-timestamp`` and, with a secret, ``webhook-signature``.

    Raises BadSecret for a secret that is none.
    """
    text = as_json(body).decode()
    headers = {"content-type": "application/json", "user-agent": "plimsoll", **signature(secret, text, sending)}
    return OutboundRequest("POST", url, headers, text.encode())


def signature(secret: str | None, text: str, sending: Sending) -> dict[str, str]:
    """``webhook-id``, ``webhook-timestamp`` and, with a secret, ``webhook-signature`` of a body.

    Raises BadSecret for a secret that is none.
    """
    headers = {"webhook-id": sending.webhook_id, "webhook-timestamp": str(sending.now // SECOND)}
    if secret is not None:
        signer = Webhook(signing_key(secret))
        headers["webhook-signature"] = signer.sign(sending.webhook_id, to_datetime(sending.now), text)
    return headers
