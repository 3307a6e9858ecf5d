"""Channel ``discord``: one message per model and run, an embed per change, rewritten when things stand otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from alerting import chat_webhook, telling
from alerting.outbound import OutboundReply, OutboundRequest, Outcome, Sending, judge_by_status
from alerting.telling import cut
from alerting.words import SECOND

MAX_EMBEDS = 10
MAX_TITLE = 256
MAX_TOTAL = 6000  # characters over all embeds
MAX_CONTENT = 2000


def edits(_settings: Mapping[str, Any]) -> bool:
    """A webhook may rewrite what it said."""
    return True


def render(body: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending) -> OutboundRequest:
    """The request for a neutral body; ``settings`` are resolved."""
    method, parts = "POST", urlsplit(settings["webhook_url"])
    query = dict(parse_qsl(parts.query)) | {"wait": "true"}  # answer with the message, not with nothing
    if sending.edits is not None:
        method, parts = "PATCH", parts._replace(path=f"{parts.path.rstrip('/')}/messages/{sending.edits['id']}")
        query.pop("wait")
    url = urlunsplit(parts._replace(query=urlencode(query)))
    return chat_webhook.request(url, message(body), sending, method)


def judge(reply: OutboundReply, now: int) -> Outcome:
    """By status; the message's id is kept. How long to wait stands in the body, too."""
    outcome = judge_by_status(reply, now)
    found = _object(reply.body)
    if outcome.kind == "delivered" and str(found.get("id", "")).isdigit():
        return Outcome("delivered", receipt={"id": str(found["id"])})
    if outcome.kind == "retry" and outcome.after is None and isinstance(found.get("retry_after"), int | float):
        return replace(outcome, after=int(found["retry_after"] * SECOND))
    return outcome


def message(body: Mapping[str, Any]) -> dict[str, Any]:
    """The Discord message for a neutral body. Nobody is mentioned, whatever names say."""
    entries, left_out = telling.told(body, MAX_EMBEDS)
    title = escape(cut(telling.title(body), MAX_TITLE))
    more = f"\nand {left_out} more changes: {body['entries'][0]['links']['model']}" if left_out else ""
    room = MAX_TOTAL // len(entries) - MAX_TITLE - 1
    return {
        "content": f"**{title}**{more}"[:MAX_CONTENT],
        "embeds": [_embed(one, room, telling.footer(body)) for one in entries],
        "allowed_mentions": {"parse": []},
    }


def escape(text: str) -> str:
    """What Discord would take for markup, as it is."""
    return "".join(f"\\{letter}" if letter in "\\*_~`|>[]#" else letter for letter in text)


def _embed(one: telling.Entry, room: int, footer: str) -> dict[str, Any]:
    lines, more = telling.evidence(one)
    listed = [f"- {escape(line)}" for line in lines] + ([f"- and {more} more"] if more else [])
    footer = cut(footer, min(200, room // 3))
    text = [escape(telling.status(one)), escape(telling.reason(one)), *listed, *map(escape, telling.remarks(one))]
    return {
        "title": cut(f"{telling.sign(one)} {telling.about(one['alert'])}", MAX_TITLE),
        "url": one["links"]["alert"],
        "color": int(telling.COLOURS[telling.mood(one)][1:], 16),
        "description": telling.whole_lines(text, room - len(footer)),
        "footer": {"text": footer},
    }


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
