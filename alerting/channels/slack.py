"""Channel ``slack``: one message per model and run, in Block Kit within its limits.

To an incoming webhook, or with a bot's token: then later changes answer in the thread of the message that told of the
alert, that message is rewritten to show how things stand, and it has buttons.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ContextBlock,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)

from alerting import options, telling
from alerting.outbound import OutboundReply, OutboundRequest, Outcome, Sending, judge_by_status, retry_after
from alerting.routing import Threading
from alerting.telling import cut

API = "https://slack.com/api"
MAX_BLOCKS = 50
MAX_SECTION = 3000
MAX_HEADER = 150
MAX_TEXT = 3000
MAX_BUTTON = 75
MAX_TOTAL = 12_000  # characters over all sections: Slack refuses blocks that are too long together
SIZES = ((20, 10), (20, 3), (20, 1), (10, 1), (5, 1))  # changes and findings of each, the most that fit

Buttons = Literal["none", "given", "all"]
ACKNOWLEDGE, SILENCE = "plimsoll.acknowledge", "plimsoll.silence"
APPROVE, DENY = "plimsoll.approve", "plimsoll.deny"
UNCLEAR = ("internal_error", "fatal_error")  # it may have been posted all the same
PASSING = (
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
)  # what Slack's own trouble is called


@dataclass(frozen=True, slots=True)
class Settings:
    """Either ``webhook_url``, the address of an incoming webhook and a secret by itself; or a bot's ``token`` and the
    ``channel`` it posts to. ``signing_secret`` is what Slack signs clicks with: without it there are no buttons.
    """

    webhook_url: str | None
    token: str | None
    channel: str | None
    api_url: str = API
    signing_secret: str | None = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        if "token" not in raw:
            options.known(raw, ("webhook_url",))
            return cls(options.secret_address(raw, "webhook_url"), None, None)
        if "webhook_url" in raw:
            raise options.BadSetting("webhook_url", "write webhook_url, or token and channel, not both")
        options.known(raw, ("token", "channel"), ("api_url", "signing_secret"))
        api_url = options.address({"api_url": API, **raw}, "api_url").rstrip("/")
        token, signing = options.secret(raw, "token"), options.secret(raw, "signing_secret")
        return cls(None, token, str(raw["channel"]), api_url, signing)


def edits(settings: Mapping[str, Any]) -> bool:
    """Whether messages can be rewritten: only a bot's."""
    return "token" in settings


def threading(settings: Mapping[str, Any]) -> Threading:
    """A bot's messages have threads."""
    return "split" if "token" in settings else "none"


def render(body: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending) -> OutboundRequest:
    """The request for a neutral body; ``settings`` are resolved."""
    headers = {"content-type": "application/json", "user-agent": "plimsoll", "webhook-id": sending.webhook_id}
    if not edits(settings):
        return OutboundRequest("POST", settings["webhook_url"], headers, telling.as_json(message(body)))
    said = message(body, buttons=_offered(settings, answers=sending.thread is not None))
    # Slack shows metadata to programs that read the channel: who finds an id twice has found a repeat
    meta = {"event_type": "plimsoll", "event_payload": {"webhook_id": sending.webhook_id}}
    payload = {"channel": settings["channel"], **said, "metadata": meta, "unfurl_links": False}
    method = "chat.postMessage"
    if sending.edits is not None:
        method = "chat.update"
        payload |= {"channel": sending.edits["channel"], "ts": sending.edits["ts"]}
    elif sending.thread is not None:
        payload |= {"channel": sending.thread["channel"], "thread_ts": sending.thread["ts"]}
    headers |= {"content-type": "application/json; charset=utf-8", "authorization": f"Bearer {settings['token']}"}
    return OutboundRequest(
        "POST", f"{settings.get('api_url', API).rstrip('/')}/{method}", headers, telling.as_json(payload)
    )


def judge(reply: OutboundReply, now: int) -> Outcome:
    """By status, and of the Web API by what its body says: it answers 200 to what it refuses.

    Slack's word for what is wrong is kept, cut short, where the answer is final.
    """
    answer = _object(reply.body)
    if reply.status == 200 and answer is not None and "ok" in answer:
        return _judge_answer(answer, retry_after(reply.headers, now))
    if reply.status == 200 and reply.body.lstrip()[:1] == b"<":  # a proxy's page, say: Slack answers a word or JSON
        return Outcome("retry", "what answered is not Slack: it sent a page")
    outcome = judge_by_status(reply, now)
    word = reply.body[:60].decode("utf-8", "replace").strip()
    if outcome.kind == "give_up" and _is_word(word):
        return Outcome("give_up", f"{outcome.reason}: {word}")
    return outcome


def _judge_answer(answer: Mapping[str, Any], after: int | None) -> Outcome:
    if answer["ok"] is True:
        where = {key: str(answer[key]) for key in ("channel", "ts") if answer.get(key)}
        return Outcome("delivered", receipt=where if len(where) == 2 else None)
    word = str(answer.get("error", ""))[:60]
    said = f"Slack answered {word}" if _is_word(word) else "Slack refused it"
    if word not in PASSING:
        return Outcome("give_up", said)
    return Outcome("retry", said, after, unanswered=word in UNCLEAR)


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _is_word(text: str) -> bool:
    return text.replace("_", "").isalpha()


def _offered(settings: Mapping[str, Any], answers: bool) -> Buttons:
    if not settings.get("signing_secret"):
        return "none"
    return "given" if answers else "all"  # the beginning of a thread has those of every alert


def message(body: Mapping[str, Any], *, buttons: Buttons = "none") -> dict[str, Any]:
    """The Slack message for a neutral body: ``text`` for notifications, ``blocks`` for the eye.

    ``buttons``: none, those that the body gives, or those for its alerts, too.
    """
    title = telling.title(body)
    for most, findings in SIZES:
        entries, left_out = telling.told(body, most)
        texts = [_entry_text(one, findings) for one in entries]
        if sum(map(len, texts)) <= MAX_TOTAL:
            break
    blocks: list[Block] = [HeaderBlock(text=PlainTextObject(text=cut(title, MAX_HEADER), emoji=True))]
    for one, text in zip(entries, texts, strict=True):
        found = [_button(**button) for button in _buttons(one, buttons)]
        blocks.append(SectionBlock(text=MarkdownTextObject(text=text)))
        blocks += [ActionsBlock(elements=found)] if found else []
    if left_out:
        link = _link(body["entries"][0]["links"]["model"], "see them all")
        blocks.append(SectionBlock(text=MarkdownTextObject(text=f"and {left_out} more changes: {link}")))
    blocks.append(ContextBlock(elements=[MarkdownTextObject(text=_footer(body))]))
    if len(blocks) > MAX_BLOCKS:
        raise ValueError(f"{len(blocks)} blocks are more than Slack takes")
    return {"text": cut(escape(title), MAX_TEXT), "blocks": [block.to_dict() for block in blocks]}


def escape(text: str) -> str:
    """Slack's three control characters, as it asks for them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _entry_text(one: telling.Entry, findings: int) -> str:
    about, link = telling.about(one["alert"]), one["links"]["alert"]
    head = f"{telling.sign(one)} *{_link(link, about)}* {escape(telling.status(one))}"
    lines, more = telling.evidence(one, findings)
    listed = [f"• {escape(line)}" for line in lines] + ([f"• {_link(link, f'and {more} more')}"] if more else [])
    return _fit("\n".join([head, escape(telling.reason(one)), *listed, *map(escape, telling.remarks(one))]))


def _buttons(one: telling.Entry, wanted: Buttons) -> list[Mapping[str, Any]]:
    """What can be done about an alert that is open; what others put into the body comes first."""
    alert = one["alert"]
    own: list[Mapping[str, Any]] = []
    if wanted == "all" and alert.get("state") == "firing" and telling.mood(one) in ("warning", "critical"):
        if not alert.get("acknowledged_at"):
            own.append({"action": ACKNOWLEDGE, "value": alert["id"], "text": "Acknowledge"})
        if not one.get("silenced"):
            own.append({"action": SILENCE, "value": alert["id"], "text": "Silence 24 h"})
    return [] if wanted == "none" else [*one.get("buttons", ()), *own]


def _button(action: str, value: str, text: str, style: str | None = None) -> ButtonElement:
    return ButtonElement(text=cut(text, MAX_BUTTON), action_id=action, value=str(value), style=style)


def _footer(body: Mapping[str, Any]) -> str:
    link = _link(body["entries"][0]["links"]["model"], str(body["model"]))
    return f"{link} · {escape(telling.footer(body))}"


def _link(url: str, text: str) -> str:
    safe = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return f"<{safe}|{escape(cut(text, telling.MAX_WORD)).replace('|', '¦')}>"


def _fit(text: str) -> str:
    """Whole lines only, so that no link and no escape is cut in two."""
    lines = text.split("\n")
    while len("\n".join(lines)) > MAX_SECTION - 2:
        lines = [*lines[:-2], "…"]
    return "\n".join(lines)
