"""Trigger ``webhook``: asks an orchestrator for a retraining by a signed POST; it reports at the callback address.

With ``status_url`` it is asked, too, how far the run is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from alerting import options, orchestrator
from alerting.conversation import Answer, AnswerKind, Asked, Conversation, Progress, RunState, Started
from alerting.message import standard_webhook
from alerting.options import BadSetting
from alerting.orchestrator import LONGEST_WORDS, is_fine, mapping, plain_words, text, told, unseen
from alerting.outbound import OutboundRequest, Sending, judge_by_status
from alerting.parameters import fill
from alerting.signing import signature, signed_post

STATES: Mapping[str, RunState] = {state: state for state in ("accepted", "running", "succeeded", "failed", "cancelled")}
KEY = "{key}"
_KINDS: Mapping[str, AnswerKind] = {"delivered": "accepted", "retry": "retry", "give_up": "refused"}


@dataclass(frozen=True, slots=True)
class Settings:
    """``url`` is where to post; ``{key}`` in ``status_url`` is the run's key; without a ``secret`` nothing is signed.
    ``parameters`` go along with the run."""

    url: str
    secret: str | None
    status_url: str | None
    parameters: Mapping[str, Any]

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Settings as written; raises BadSetting."""
        orchestrator.known(raw, ("url",), ("secret", "status_url"), ("parameters",))
        status_url = options.address(raw, "status_url") if raw.get("status_url") else None
        if status_url is not None and KEY not in status_url:
            raise BadSetting("status_url", f"status_url must hold {KEY}, which names the run")
        return cls(options.address(raw, "url"), options.secret(raw), status_url, raw.get("parameters", {}))


def start(asked: Asked, settings: Mapping[str, Any]) -> Conversation[Answer]:
    """Ask for a run; ``settings`` are resolved. 2xx is accepted, a final 4xx a refusal.

    ``idempotency-key`` is the same on every retry: a repeat must not start a second run.
    """
    run = dict(asked.trigger_run)
    if settings.get("parameters"):
        run["parameters"] = fill(settings["parameters"], asked.fields)
    body = standard_webhook(asked.body, run)
    signed = signed_post(settings["url"], settings.get("secret"), body, Sending(asked.webhook_id, asked.now))
    headers = {**signed.headers, "idempotency-key": asked.key}
    reply = yield OutboundRequest(signed.method, signed.url, headers, signed.body)
    outcome = judge_by_status(reply, asked.now)
    said = plain_words(reply)
    reason = outcome.reason if outcome.kind == "delivered" or said.startswith("it answered") else said
    return Answer(_KINDS[outcome.kind], reason, after=outcome.after, status=reply.status)


def follow(run: Started, settings: Mapping[str, Any], now: int) -> Conversation[Progress]:
    """``{"status", "message"?, "url"?, "version"?}`` at the status address; a GET with the headers of Standard
    Webhooks, over an empty body, where there is a secret."""
    if not settings.get("status_url"):
        return Progress(None)
    url = str(settings["status_url"]).replace(KEY, quote(run.key, safe=""))
    headers = {"accept": "application/json", "user-agent": "plimsoll"}
    headers |= signature(settings.get("secret"), "", Sending(run.key, now))
    reply = yield OutboundRequest("GET", url, headers, b"")
    if not is_fine(reply):
        return unseen(reply)
    found = mapping(told(reply))
    page = text(found.get("url"))
    page = page if page is not None and page.startswith(("https://", "http://")) else None
    state = STATES.get(str(found.get("status")))
    why = text(found.get("message")) or (f"it is {state}" if state else "its answer names no status that is known")
    made = text(found.get("version"))
    return Progress(state, why[:LONGEST_WORDS], page, None if made is None else made[:LONGEST_WORDS])
