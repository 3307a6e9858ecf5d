"""What goes over the wire and what comes back, and what that means: shapes that the shell's delivery knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from alerting.words import SECOND, to_datetime

RETRIED_CLIENT_ERRORS = (408, 425, 429)
GATEWAY_TIMEOUT = 504  # of whoever stands before the receiver, which may have got it
SHORT = 64 * 1024  # bytes of a reply that tells how it went


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """One HTTP request, ready to send. Header names are as sent; nothing in it may be logged: it holds secrets.

    ``most`` is how many bytes of the reply's body are read.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    most: int = SHORT


@dataclass(frozen=True, slots=True)
class OutboundMail:
    """One mail, ready to send: ``content`` is its whole text with headers. ``security``: how the way is guarded."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str | None
    password: str | None
    sender: str
    recipients: tuple[str, ...]
    message_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OutboundNotice:
    """One message for a service that Apprise knows; ``url`` names the service and holds its secrets."""

    url: str
    title: str
    text: str
    kind: Literal["failure", "warning", "success", "info"]


Outbound = OutboundRequest | OutboundMail | OutboundNotice


@dataclass(frozen=True, slots=True)
class OutboundReply:
    """What came back. ``status`` None: nothing did, and ``error`` says why without naming the address; ``unsent`` where
    it is certain that nothing was sent. Of mail it is SMTP's reply code, and ``message-id`` among the headers.

    Header names are in lower case; the body is cut at what the request asked for.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str | None = None
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reply means for the message. ``after`` is how long the other side asked to wait, in microseconds.

    ``unanswered`` says that the request may have arrived although no reply did. ``receipt`` is what the receiver calls
    the message: kept with it, and handed to later messages of its thread. It holds no secret. ``gone``: the receiver
    wants no message any more, whichever it is.
    """

    kind: Literal["delivered", "retry", "give_up"]
    reason: str = ""
    after: int | None = None
    unanswered: bool = False
    receipt: Mapping[str, Any] | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """This attempt: the message's id, the same on every retry, and the wall time in microseconds.

    ``thread`` is the receipt of the message that this one answers, ``edits`` that of the one it replaces,
    which may itself answer ``thread``.
    """

    webhook_id: str
    now: int
    thread: Mapping[str, Any] | None = None
    edits: Mapping[str, Any] | None = None


def judge_by_status(reply: OutboundReply, now: int) -> Outcome:
    """The usual reading of a reply: 2xx is delivered; other 3xx and 4xx are final but for 408, 425 and 429."""
    if reply.status is None:
        return Outcome("retry", reply.error or "no answer", unanswered=not reply.unsent)
    if 200 <= reply.status < 300:
        return Outcome("delivered")
    if reply.status >= 500 or reply.status in RETRIED_CLIENT_ERRORS:
        after, lost = retry_after(reply.headers, now), reply.status == GATEWAY_TIMEOUT
        return Outcome("retry", f"the receiver answered {reply.status}", after, unanswered=lost)
    return Outcome("give_up", f"the receiver answered {reply.status}")


def retry_after(headers: Mapping[str, str], now: int) -> int | None:
    """``Retry-After`` in microseconds from now, given as seconds or as a date; None where absent or unreadable."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return int(text[:9]) * SECOND
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0, int((aware - to_datetime(now)).total_seconds() * SECOND))
