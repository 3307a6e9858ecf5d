"""What connectors to orchestrators have in common: JSON over HTTP, and what a reply means when it is no answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from alerting import options
from alerting.conversation import Answer, Asked, Conversation, Problem, Progress
from alerting.options import BadSetting
from alerting.outbound import RETRIED_CLIENT_ERRORS, OutboundReply, OutboundRequest, retry_after
from alerting.parameters import unknown_placeholders
from alerting.words import finite

LONGEST_WORDS = 300
NO_ID = "it reported before it was known what the orchestrator calls it"
MOST_DOUBTS = 3
LONGEST_REPLY = 4 << 20  # bytes: a list of runs, or a job with its parameters


def known(
    raw: Mapping[str, Any], required: Sequence[str], optional: Sequence[str] = (), nested: Sequence[str] = ()
) -> None:
    """Raise BadSetting for a key that is missing or unknown, no text where one is asked for (``nested`` hold mappings),
    or a placeholder that nothing fills in."""
    texts = {key: value for key, value in raw.items() if key not in nested}
    options.known(texts, required, optional, others=nested)
    for key in nested:
        if not isinstance(raw.get(key, {}), Mapping):
            raise BadSetting(key, f"{key} must be a mapping of names to values")
        wrong = unknown_placeholders(raw.get(key, {}))
        if wrong:
            raise BadSetting(key, f"{key}: nothing fills in {{{wrong[0]}}}")


def base(settings: Mapping[str, Any]) -> str:
    """``url`` without a slash at its end."""
    return str(settings["url"]).rstrip("/")


def bearer(settings: Mapping[str, Any]) -> dict[str, str]:
    """The header of a token, if there is one."""
    return {"authorization": f"Bearer {settings['token']}"} if settings.get("token") else {}


def basic(settings: Mapping[str, Any]) -> dict[str, str]:
    """The header of a name and a password, if there are any."""
    if not settings.get("username"):
        return {}
    pair = f"{settings['username']}:{settings.get('password') or ''}"
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def get(url: str, headers: Mapping[str, str], **query: Any) -> OutboundRequest:
    """A GET; what is None is left out of the query."""
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    told = {"accept": "application/json", "user-agent": "plimsoll", **headers}
    return OutboundRequest("GET", f"{url}?{asked}" if asked else url, told, b"", LONGEST_REPLY)


def post(url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> OutboundRequest:
    """A POST of JSON."""
    told = {"accept": "application/json", "user-agent": "plimsoll", "content-type": "application/json", **headers}
    text = json.dumps(finite(body), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return OutboundRequest("POST", url, told, text.encode(), LONGEST_REPLY)


def told(reply: OutboundReply) -> Any:
    """The JSON in a reply; None where there is none."""
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def part(value: Any, *path: str) -> Any:
    """What stands at a path of keys; None where nothing does."""
    for key in path:
        value = mapping(value).get(key)
    return value


def text(value: Any) -> str | None:
    """A name or number as text, None for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None


def words(reply: OutboundReply, *keys: str) -> str:
    """What went wrong in the orchestrator's own words: the first of the keys of its JSON that says something.

    A body that is no JSON object is not repeated: nobody knows what it holds.
    """
    body = mapping(told(reply))
    for key in keys or ("detail", "message", "error_message", "error", "exception_message"):
        said = _sentence(body.get(key))
        if said:
            return f"{said} ({reply.status})"
    return f"it answered {reply.status}"


def plain_words(reply: OutboundReply) -> str:
    """``words``, and a short text of a receiver that writes no JSON."""
    if reply.headers.get("content-type", "").partition(";")[0].strip() != "text/plain" or mapping(told(reply)):
        return words(reply)
    said = _sentence(reply.body.decode("utf-8", "replace"))
    return f"{said} ({reply.status})" if said else words(reply)


def _sentence(value: Any) -> str:
    """A text, or the messages in a list of errors as FastAPI and others write them."""
    if isinstance(value, str):
        return " ".join(value.split())[:LONGEST_WORDS]
    if isinstance(value, list):
        said = [_sentence(mapping(one).get("msg") or mapping(one).get("message") or one) for one in value[:3]]
        return "; ".join(one for one in said if one)[:LONGEST_WORDS]
    return _sentence(mapping(value).get("message")) if isinstance(value, Mapping) else ""


def again(reply: OutboundReply, now: int) -> Answer | None:
    """The answer where asking again may help: nothing came back, too much at once, or it is broken; else None."""
    if reply.status is None:
        return Answer("retry", reply.error or "no answer")
    if reply.status >= 500 or reply.status in RETRIED_CLIENT_ERRORS:
        after = retry_after(reply.headers, now)
        return Answer("retry", f"the orchestrator answered {reply.status}", after=after, status=reply.status)
    return None


def no(reply: OutboundReply, *keys: str) -> Answer:
    """A refusal in its own words."""
    return Answer("refused", words(reply, *keys), status=reply.status)


def is_fine(reply: OutboundReply) -> bool:
    """Whether a reply is 2xx."""
    return reply.status is not None and 200 <= reply.status < 300


def unseen(reply: OutboundReply, *keys: str) -> Progress:
    """A poll that told nothing; the next one asks again."""
    return Progress(None, reply.error or "no answer" if reply.status is None else words(reply, *keys))


def unasked(reply: OutboundReply, key: str, *keys: str) -> Problem:
    """A check that was not answered with 2xx: sure where the orchestrator said no, unsure where it said nothing."""
    if reply.status is None:
        return Problem(key, reply.error or "no answer", unsure=True)
    unsure = reply.status >= 500 or reply.status in RETRIED_CLIENT_ERRORS
    return Problem(key, words(reply, *keys), unsure=unsure)


def made(
    asked: Asked, reply: OutboundReply, there: OutboundRequest, run: Answer, what: str, *keys: str
) -> Conversation[Answer]:
    """What the answer to making a ``run`` means whose name is the key: 409 is this very run, unless nothing is found
    ``there``. ``keys`` as for ``words``."""
    if is_fine(reply):
        return replace(run, status=reply.status)
    if reply.status != 409:
        return again(reply, asked.now) or no(reply, *keys)
    found = yield there
    if is_fine(found):
        return replace(run, kind="duplicate", reason=f"the {what} of this key was there", status=reply.status)
    return again(found, asked.now) or no(reply, *keys)


def in_doubt(asked: Asked, reply: OutboundReply, patience: int, nothing: str) -> Answer:
    """A request for a run that got no answer, and ``nothing`` was found of it: it may show after ``patience``
    (microseconds), so it is looked up before it is asked for again; after some such doubts that is not known. One that
    was not sent, or not let in, is no doubt."""
    later = again(reply, asked.now)
    if later is not None and (reply.unsent or reply.status in RETRIED_CLIENT_ERRORS):
        return later
    why = reply.error or f"the orchestrator answered {reply.status}"
    if asked.doubts >= MOST_DOUBTS:
        return Answer("unknown", f"{why}, and {nothing}", status=reply.status)
    wanted = 0 if later is None else later.after or 0
    return Answer("retry", why, after=max(patience, wanted), status=reply.status, doubt=True)
