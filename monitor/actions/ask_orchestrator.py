"""Asks an orchestrator for the run that a message of the outbox is about, and reads what its answer means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alerting.conversation import Answer, Asked
from alerting.outbound import Outcome
from alerting.parameters import fields
from alerting.registry import Trigger
from alerting.secrets import masked, page, resolve
from monitor.actions.follow_triggers import after_attempt
from monitor.delivery.addresses import AddressPolicy
from monitor.delivery.talk import talk
from monitor.service import Service
from monitor.store.database import Connection
from monitor.store.outbox import Outgoing


def ask(
    trigger: Trigger,
    message: Outgoing,
    run: Mapping[str, Any],
    settings: Mapping[str, Any],
    policy: AddressPolicy,
    environment: Mapping[str, str],
    now: int,
    doubts: int,
) -> Answer:
    """The answer; ``doubts`` as in ``Asked``. Raises MissingSecret, BadSecret and what the connector runs into."""
    asked = Asked(
        key=str(run["idempotency_key"]),
        webhook_id=message.webhook_id,
        now=now,
        doubts=doubts,
        body=message.body,
        trigger_run=run,
        fields=fields(message.body, str(run.get("data_url") or "")),
    )
    answer = talk(trigger.start(asked, resolve(settings, environment)), policy)
    reason, url = masked(answer.reason, settings, environment), page(answer.url, settings, environment)
    return replace(answer, reason=reason, url=url)


def outcome_of(answer: Answer) -> Outcome:
    """What becomes of the message."""
    if answer.kind in ("accepted", "duplicate", "unknown"):
        return Outcome("delivered", answer.reason)
    if answer.kind == "retry":
        return Outcome("retry", answer.reason, answer.after)
    return Outcome("give_up", answer.reason)


def note_answer(service: Service, connection: Connection, run: str, answer: Answer, now: int) -> None:
    """The run's state after an answer that settles its message."""
    known = {name: value for name, value in (("external_id", answer.external_id), ("url", answer.url)) if value}
    state = "unknown" if answer.kind == "unknown" else "accepted"
    after_attempt(service, connection, run, state, answer.reason or None, now, **known)
