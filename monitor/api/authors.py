"""Who does something, and why: from the body, else the name of the key."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from monitor.actions.answer_alert import By
from monitor.api.access import name_held
from monitor.api.wire import json_object
from monitor.errors import Invalid

LONGEST = 2000


async def said_by(request: Request) -> By:
    """Who and why, from a body that says nothing else: ``{"author"?, "comment"?}``, or nothing at all.

    Raises Invalid for another key, and as ``by_of`` does.
    """
    body = await json_object(request)
    refuse_others(body, ("author", "comment"))
    return await run_in_threadpool(by_of, request, body)


def by_of(request: Request, body: Mapping[str, Any]) -> By:
    """``author`` and ``comment`` of a body, both optional; without an author the key's name.

    Raises Invalid for anything but texts.
    """
    return By(text_of(body, "author") or name_held(request), text_of(body, "comment"))


def text_of(body: Mapping[str, Any], name: str) -> str | None:
    """A text of at most 2000 characters without blanks around it, None where it is empty or not there."""
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > LONGEST):
        raise Invalid(f"{name} is a text of at most {LONGEST} characters", field=name)
    return (value or "").strip() or None


def refuse_others(body: Mapping[str, Any], known: Collection[str]) -> None:
    """Raises Invalid for a key that means nothing here."""
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise Invalid(f"{unknown[0]!r} is not known here; there are {', '.join(known)}", field=unknown[0])
