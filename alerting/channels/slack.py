"""Channel ``slack``: one message per model and run to an incoming webhook, in Block Kit within its limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slack_sdk.models.blocks import Block, ContextBlock, HeaderBlock, MarkdownTextObject, PlainTextObject, SectionBlock

from alerting import options
from alerting.outbound import OutboundReply, OutboundRequest, Outcome, Sending, judge_by_status
from alerting.words import WRITTEN

MAX_BLOCKS = 50
MAX_SECTION = 3000
MAX_HEADER = 150
MAX_TEXT = 3000
MAX_ENTRIES = 20
MAX_LINES = 10
MAX_SENTENCE = 220


@dataclass(frozen=True, slots=True)
class Settings:
    """``webhook_url`` is the address of a Slack incoming webhook; it is a secret by itself."""

    webhook_url: str

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        options.known(raw, ("webhook_url",))
        return cls(options.secret_address(raw, "webhook_url"))


def render(body: Mapping[str, Any], settings: Mapping[str, Any], sending: Sending) -> OutboundRequest:
    """The request for a neutral body; ``settings`` are resolved."""
    headers = {"content-type": "application/json", "user-agent": "plimsoll", "webhook-id": sending.webhook_id}
    payload = json.dumps(message(body), ensure_ascii=False)
    return OutboundRequest("POST", settings["webhook_url"], headers, payload.encode())


def judge(reply: OutboundReply, now: int) -> Outcome:
    """By status; Slack's word for what is wrong is kept, cut short, where the answer is final."""
    outcome = judge_by_status(reply, now)
    word = reply.body[:60].decode("utf-8", "replace").strip()
    if outcome.kind == "give_up" and word.replace("_", "").isalpha():
        return Outcome("give_up", f"{outcome.reason}: {word}")
    return outcome


def message(body: Mapping[str, Any]) -> dict[str, Any]:
    """The Slack message for a neutral body: ``text`` for notifications, ``blocks`` for the eye."""
    entries = body["entries"]
    title = _title(str(body["model"]), entries)
    told, untold = entries[:MAX_ENTRIES], entries[MAX_ENTRIES:]
    blocks: list[Block] = [HeaderBlock(text=PlainTextObject(text=_cut(title, MAX_HEADER), emoji=True))]
    for one in told:
        blocks += _entry_blocks(one)
    if untold:
        link = _link(untold[0]["links"]["model"], "see them all")
        blocks.append(SectionBlock(text=MarkdownTextObject(text=f"and {len(untold)} more changes: {link}")))
    blocks.append(ContextBlock(elements=[MarkdownTextObject(text=_footer(body))]))
    if len(blocks) > MAX_BLOCKS:
        raise ValueError(f"{len(blocks)} blocks are more than Slack takes")
    return {"text": _cut(escape(title), MAX_TEXT), "blocks": [block.to_dict() for block in blocks]}


def escape(text: str) -> str:
    """Slack's three control characters, as it asks for them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _title(model: str, entries: Sequence[Mapping[str, Any]]) -> str:
    (one, *others) = entries
    if others:
        return f"{model}: {len(entries)} changes ({_counted(entries)})"
    return (
        f"{_SIGNS.get(_mood(one), '')} {model}: {one['alert']['rule']} {_VERBS.get(one['type'], one['type'])}".strip()
    )


def _counted(entries: Sequence[Mapping[str, Any]]) -> str:
    words = [str(one["type"]).split(".")[-1] for one in entries]
    return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))


_VERBS = {
    "alert.firing": "is firing",
    "alert.resolved": "is resolved",
    "alert.reminder": "is still firing",
    "alert.no_data": "lacks data",
    "retraining.failed": "asked for a retraining, which failed",
    "retraining.stuck": "asked for a retraining, which is stuck",
    "retraining.refused": "asked for a retraining, which was refused",
    "retraining.unknown": "asked for a retraining, of which nothing is known",
}

_SIGNS = {"critical": "🔴", "warning": "🟠", "resolved": "🟢"}


def _mood(one: Mapping[str, Any]) -> str:
    return "resolved" if one["type"] == "alert.resolved" else str(one["alert"]["severity"])


def _entry_blocks(one: Mapping[str, Any]) -> list[Block]:
    head = f"{_SIGNS.get(_mood(one), '')} *{_link(one['links']['alert'], _about(one['alert']))}* {_status(one)}"
    text = "\n".join([head, escape(_cut(str(one["reason"]), MAX_SENTENCE * 2)), *_evidence(one), *_triggered(one)])
    return [SectionBlock(text=MarkdownTextObject(text=_fit(text)))]


def _about(alert: Mapping[str, Any]) -> str:
    scope = [f"version {alert['version']}"] if alert.get("version") else []
    scope += [str(alert["segment"])] if alert.get("segment") else []
    return " · ".join([str(alert["rule"]), *scope])


def _moment(text: Any) -> str:
    """RFC 3339 as people read it."""
    return datetime.fromisoformat(str(text)).strftime(WRITTEN) if text else "now"


def _status(one: Mapping[str, Any]) -> str:
    alert = one["alert"]
    since = alert.get("fired_at") or alert.get("started_at")
    words = _VERBS.get(one["type"], escape(str(one["type"])))
    return f"{words} ({alert['severity']}, since {_moment(since)})"


def _evidence(one: Mapping[str, Any]) -> list[str]:
    readings = one["readings"][:MAX_LINES]
    lines = [f"• {escape(_cut(_sentence(reading), MAX_SENTENCE))}" for reading in readings]
    more = int(one.get("total", 0)) - len(readings)
    return [*lines, f"• {_link(one['links']['alert'], f'and {more} more')}"] if more > 0 else lines


def _sentence(reading: Mapping[str, Any]) -> str:
    summary = str(
        reading["details"].get("summary") or f"{reading['feature'] or reading['metric']}: {reading['verdict']}"
    )
    sure = reading.get("alpha")
    return summary if sure is None else f"{summary}, α = {sure:.2g}"


def _triggered(one: Mapping[str, Any]) -> list[str]:
    return [f"Retraining: {escape(_cut(str(one['triggered']), MAX_SENTENCE))}"] if one.get("triggered") else []


def _footer(body: Mapping[str, Any]) -> str:
    first = body["entries"][0]
    owner = first["alert"].get("owner")
    parts = [_link(first["links"]["model"], str(body["model"])), f"as of {_moment(body['timestamp'])}"]
    return " · ".join(parts + ([f"owner {escape(_cut(str(owner), MAX_SENTENCE))}"] if owner else []))


def _link(url: str, text: str) -> str:
    safe = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return f"<{safe}|{escape(_cut(text, MAX_SENTENCE)).replace('|', '¦')}>"


def _fit(text: str) -> str:
    """Whole lines only, so that no link and no escape is cut in two."""
    lines = text.split("\n")
    while len("\n".join(lines)) > MAX_SECTION - 2:
        lines = [*lines[:-2], "…"]
    return "\n".join(lines)


def _cut(text: str, limit: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
