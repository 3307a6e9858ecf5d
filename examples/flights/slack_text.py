"""Slack's Block Kit as HTML, the way people would see it: enough of it for the messages of a monitor."""

from __future__ import annotations

import re
from html import escape
from typing import Any

_LINK = re.compile(r"&lt;(https?://[^|&]+(?:&amp;[^|&]+)*)(?:\|([^&]*(?:&(?!gt;)[^&]*)*))?&gt;")


def mrkdwn(text: str) -> str:
    """Slack's own markup: links, bold, italics, code, lines."""
    marked = escape(text.replace("&lt;", "\0lt").replace("&gt;", "\0gt").replace("&amp;", "\0amp"), quote=False)
    marked = _LINK.sub(lambda found: f'<a href="{found[1]}">{found[2] or found[1]}</a>', marked)
    marked = re.sub(r"(?<!\w)\*([^*\n]+)\*(?!\w)", r"<b>\1</b>", marked)
    marked = re.sub(r"(?<!\w)_([^_\n]+)_(?!\w)", r"<i>\1</i>", marked)
    marked = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", marked)
    marked = marked.replace("\0lt", "&lt;").replace("\0gt", "&gt;").replace("\0amp", "&amp;")
    return marked.replace("\n", "<br>")


def blocks(message: dict[str, Any]) -> str:
    """A message's blocks, or its text where it has none."""
    found = [_block(block) for block in message.get("blocks") or []]
    return "".join(found) or f"<p>{mrkdwn(str(message.get('text', '')))}</p>"


def _text(element: dict[str, Any]) -> str:
    text = str(element.get("text", ""))
    return mrkdwn(text) if element.get("type") == "mrkdwn" else escape(text)


def _block(block: dict[str, Any]) -> str:
    kind = block.get("type")
    if kind == "header":
        return f"<h3>{_text(block['text'])}</h3>"
    if kind == "section":
        body = f"<p>{_text(block['text'])}</p>" if block.get("text") else ""
        fields = "".join(f"<li>{_text(field)}</li>" for field in block.get("fields") or [])
        return body + (f"<ul class=fields>{fields}</ul>" if fields else "")
    if kind == "context":
        return f"<p class=context>{' · '.join(_text(element) for element in block.get('elements', []))}</p>"
    if kind == "actions":
        return "<p class=actions>" + "".join(_button(element) for element in block.get("elements", [])) + "</p>"
    return "<hr>" if kind == "divider" else ""


def _button(element: dict[str, Any]) -> str:
    label = _text(element.get("text", {}))
    return f'<a class=button href="{escape(element.get("url", "#"))}">{label}</a>'
