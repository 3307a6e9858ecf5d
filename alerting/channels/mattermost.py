"""Channel ``mattermost``: one message per model and run, an attachment per change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerting import chat_webhook, telling
from alerting.outbound import OutboundReply, OutboundRequest, Outcome, Sending, judge_by_status
from alerting.telling import cut

MAX_ATTACHMENTS = 20
MAX_TOTAL = 14_000  # characters over all; a post holds 16383
MAX_TITLE = 300


def render(body: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending) -> OutboundRequest:
    """The request for a neutral body; ``settings`` are resolved."""
    return chat_webhook.request(settings["webhook_url"], message(body), sending)


def judge(reply: OutboundReply, now: int) -> Outcome:
    """2xx is delivered; anything else by its status."""
    return judge_by_status(reply, now)


def message(body: Mapping[str, Any]) -> dict[str, Any]:
    """The Mattermost message for a neutral body."""
    entries, left_out = telling.told(body, MAX_ATTACHMENTS)
    text = f"**{escape(cut(telling.title(body), MAX_TITLE))}**"
    if left_out:
        text += f"\nand {left_out} more changes: {body['entries'][0]['links']['model']}"
    room = MAX_TOTAL // len(entries)
    return {"text": text, "attachments": [_attachment(one, room, telling.footer(body)) for one in entries]}


def escape(text: str) -> str:
    """What Mattermost would take for markup or a mention, as it is."""
    marked = "".join(f"\\{letter}" if letter in "\\*_~`|>[]#<" else letter for letter in text)
    return marked.replace("@", "@\u200b")  # an invisible space: @all calls everybody


def _attachment(one: telling.Entry, room: int, footer: str) -> dict[str, Any]:
    lines, more = telling.evidence(one)
    listed = [f"- {escape(line)}" for line in lines] + ([f"- and {more} more"] if more else [])
    title = cut(f"{telling.sign(one)} {telling.about(one['alert'])}", MAX_TITLE)
    text = [escape(telling.status(one)), escape(telling.reason(one)), *listed, *map(escape, telling.remarks(one))]
    footer = cut(footer, 100)
    return {
        "fallback": cut(title, 100),
        "color": telling.COLOURS[telling.mood(one)],
        "title": escape(title),
        "title_link": one["links"]["alert"],
        "text": telling.whole_lines(text, max(200, room - len(escape(title)) - len(footer) - 100)),
        "footer": footer,
    }
