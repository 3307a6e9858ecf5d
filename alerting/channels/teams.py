"""Channel ``teams``: one Adaptive Card per model and run, to a Workflows webhook of Microsoft Teams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerting import chat_webhook, telling
from alerting.outbound import OutboundReply, OutboundRequest, Outcome, Sending, judge_by_status
from alerting.telling import cut

MAX_BYTES = 27_000  # Teams takes about 28 KB
MAX_ENTRIES = 20
MAX_TITLE = 200
COLOURS = {"critical": "attention", "warning": "warning", "resolved": "good", "test": "accent"}
THROTTLED = b"HTTP error 429"  # older connectors answer 200 and say so in the text


def render(body: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending) -> OutboundRequest:
    """The request for a neutral body; ``settings`` are resolved."""
    return chat_webhook.request(settings["webhook_url"], message(body), sending)


def judge(reply: OutboundReply, now: int) -> Outcome:
    """2xx is delivered, unless its text says that it was too much at once; anything else by its status."""
    if reply.status == 200 and THROTTLED in reply.body:
        return Outcome("retry", "the receiver answered 429")
    return judge_by_status(reply, now)


def message(body: Mapping[str, Any]) -> dict[str, Any]:
    """The message for a neutral body: as many changes and lines as fit."""
    for entries, lines in ((MAX_ENTRIES, 10), (MAX_ENTRIES, 3), (10, 3), (10, 1), (5, 1)):
        made = _message(body, entries, lines)
        if len(telling.as_json(made)) <= MAX_BYTES:
            return made
    return _message(body, 3, 1)


def _message(body: Mapping[str, Any], most: int, lines: int) -> dict[str, Any]:
    entries, left_out = telling.told(body, most)
    parts = [_text(cut(telling.title(body), MAX_TITLE), size="medium", weight="bolder")]
    for one in entries:
        parts += _entry(one, lines)
    if left_out:
        parts.append(_text(f"and {left_out} more changes"))
    parts.append(_text(telling.footer(body), subtle=True, size="small"))
    link = {"type": "Action.OpenUrl", "title": "Open in Plimsoll", "url": _where(body["entries"])}
    card = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "body": parts,
        "actions": [link],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _entry(one: telling.Entry, most: int) -> list[dict[str, Any]]:
    lines, more = telling.evidence(one, most)
    listed = [f"• {line}" for line in lines] + ([f"• and {more} more"] if more else [])
    colour = COLOURS[telling.mood(one)]
    head = f"{telling.sign(one)} {cut(telling.about(one['alert']), MAX_TITLE)} {telling.status(one)}"
    return [
        _text(head, weight="bolder", color=colour, separator=True),
        *(_text(line) for line in [telling.reason(one), *listed, *telling.remarks(one)]),
    ]


def _text(words: str, *, separator: bool = False, size: str = "default", **look: Any) -> dict[str, Any]:
    """Text as it is: in runs nothing is taken for markup."""
    run = {
        "type": "TextRun",
        "text": words,
        "size": size,
        **{{"subtle": "isSubtle"}.get(k, k): v for k, v in look.items()},
    }
    return {"type": "RichTextBlock", "separator": separator, "spacing": "small", "inlines": [run]}


def _where(entries: Sequence[telling.Entry]) -> str:
    links = entries[0]["links"]
    return str(links["alert"] if len(entries) == 1 else links["model"])
