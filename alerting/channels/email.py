"""Channel ``email``: one mail per model and run, as plain text and HTML; later ones answer the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from html import escape
from typing import Any, Literal, cast

from alerting import options, telling
from alerting.options import BadSetting
from alerting.outbound import OutboundMail, OutboundReply, Outcome, Sending
from alerting.routing import Threading
from alerting.telling import cut
from alerting.words import to_datetime

PORTS = {"starttls": 587, "tls": 465, "none": 25}
MAX_SUBJECT = 200
MAX_ENTRIES = 50
MAX_PLAIN = 100_000
Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class Settings:
    """``host`` and ``port`` of an SMTP server, ``security`` of the way there; ``from`` and ``to`` are addresses,
    several with commas."""

    host: str
    port: int
    security: Security
    username: str | None
    password: str | None
    sender: str
    recipients: tuple[str, ...]

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        texts = {key: str(value) if key == "port" and type(value) is int else value for key, value in raw.items()}
        options.known(texts, ("host", "from", "to"), ("port", "security", "username", "password"))
        security = str(texts.get("security", "starttls"))
        if security not in PORTS:
            raise BadSetting("security", f"security is one of {', '.join(PORTS)}")
        password = options.secret(texts, "password")
        if ("username" in texts) != (password is not None):
            raise BadSetting("password", "username and password go together")
        if security == "none" and password is not None:
            raise BadSetting("security", "a password is not sent over a way that is open; use starttls or tls")
        (sender,) = _addresses(texts, "from")[:1]
        port = _port(texts, PORTS[security])
        return cls(
            str(texts["host"]),
            port,
            cast(Security, security),
            texts.get("username"),
            password,
            sender,
            _addresses(texts, "to"),
        )


def threading(_settings: Mapping[str, Any]) -> Threading:
    """A mail whose alerts were all told of before answers the first."""
    return "whole"


def render(body: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending) -> OutboundMail:
    """The mail for a neutral body; ``settings`` are resolved."""
    security = cast(Security, str(settings.get("security", "starttls")))
    sender, recipients = _addresses(settings, "from")[0], _addresses(settings, "to")
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))  # not every server takes 8 bits
    mail["Subject"] = ("Re: " if sending.thread else "") + cut(f"[Plimsoll] {telling.subject(body)}", MAX_SUBJECT)
    mail["From"], mail["To"] = str(settings["from"]), str(settings["to"])
    mail["Date"] = format_datetime(to_datetime(sending.now))
    mail["Message-ID"] = f"<{sending.webhook_id}@{sender.rpartition('@')[2]}>"  # the same on every retry
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Plimsoll-Webhook-Id"] = sending.webhook_id
    if sending.thread:
        mail["In-Reply-To"] = mail["References"] = str(sending.thread["message_id"])
    mail.set_content(telling.plain(body, MAX_PLAIN))
    mail.add_alternative(page(body), subtype="html")
    mail.set_boundary(f"=_{sending.webhook_id}")  # else it is a random one
    return OutboundMail(
        host=str(settings["host"]),
        port=_port(settings, PORTS[security]),
        security=security,
        username=settings.get("username"),
        password=settings.get("password"),
        sender=sender,
        recipients=recipients,
        message_id=str(mail["Message-ID"]),
        content=mail.as_bytes(),
    )


def judge(reply: OutboundReply, _now: int) -> Outcome:
    """SMTP's codes: 2xx is accepted, 4xx passes, 5xx is final."""
    if reply.status is None:
        return Outcome("retry", reply.error or "no answer", unanswered=not reply.unsent)
    if 200 <= reply.status < 300:
        partly = reply.body.decode("ascii", "replace") if b"refused" in reply.body else ""
        name = reply.headers.get("message-id")
        return Outcome("delivered", partly, receipt={"message_id": name} if name else None)
    words = f"the mail server answered {reply.status}"
    return Outcome("retry" if 400 <= reply.status < 500 else "give_up", words)


def page(body: Mapping[str, Any]) -> str:
    """The mail as HTML: no script, no picture, nothing from elsewhere."""
    entries, left_out = telling.told(body, MAX_ENTRIES)
    parts = [f'<h2 style="font-size:18px">{escape(cut(telling.title(body), MAX_SUBJECT))}</h2>']
    parts += [_entry(one) for one in entries]
    if left_out:
        link = escape(body["entries"][0]["links"]["model"])
        parts.append(f'<p><a href="{link}">and {left_out} more changes</a></p>')
    parts.append(f'<p style="color:#666;font-size:12px">{escape(telling.footer(body))}</p>')
    style = "font-family:sans-serif;font-size:14px;max-width:640px"
    return f'<!doctype html><html><body style="{style}">{"".join(parts)}</body></html>'


def _entry(one: telling.Entry) -> str:
    lines, more = telling.evidence(one)
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines) + (f"<li>and {more} more</li>" if more else "")
    about, link = escape(cut(telling.about(one["alert"]), MAX_SUBJECT)), escape(one["links"]["alert"])
    colour = telling.COLOURS[telling.mood(one)]
    remarks = "".join(f"<p>{escape(words)}</p>" for words in telling.remarks(one))
    return (
        f'<div style="border-left:4px solid {colour};padding-left:12px;margin:16px 0">'
        f'<p><a href="{link}"><strong>{about}</strong></a> {escape(telling.status(one))}</p>'
        f"<p>{escape(telling.reason(one))}</p><ul>{listed}</ul>{remarks}</div>"
    )


def _addresses(raw: Mapping[str, Any], key: str) -> tuple[str, ...]:
    text = str(raw[key])
    found = tuple(address for _, address in getaddresses([text]) if address)
    whole = all("@" in one and not set(one) & set("\r\n<>, ") for one in found)
    if not found or not whole or "\n" in text or "\r" in text:
        raise BadSetting(key, f"{key} must be an address such as ml@example.org, several with commas")
    return found


def _port(raw: Mapping[str, Any], default: int) -> int:
    text = str(raw.get("port", default))
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise BadSetting("port", "port must be a whole number from 1 to 65535")
    return int(text)
