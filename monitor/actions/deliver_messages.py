"""Sends what waits in the outbox: claims a message, sends it outside any transaction, settles it or tries again later.

A sender that dies leaves its lease to run out, and the message goes out again: at least once, with the same id.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from alerting.backoff import next_try
from alerting.conversation import Answer
from alerting.outbound import Outcome, Sending
from alerting.registry import Channel, channel_of, trigger_of
from alerting.secrets import BadSecret, MissingSecret, resolve
from monitor.actions.ask_orchestrator import ask, note_answer, outcome_of
from monitor.actions.follow_triggers import after_attempt, before_attempt, note_attempt, trigger_run_body
from monitor.actions.repeat_alerts import next_at
from monitor.actions.rewrite_messages import as_of_now
from monitor.clock import SECOND
from monitor.delivery.addresses import AddressPolicy
from monitor.delivery.carry import carry
from monitor.delivery.http import TIMEOUT
from monitor.delivery.talk import MOST_REQUESTS
from monitor.service import Service
from monitor.settings import Settings
from monitor.store import channel_states, config, locks, outbox, threads
from monitor.store.database import Connection
from monitor.store.outbox import DELIVERED, DROPPED, GIVEN_UP, Outgoing

LEASE = 60 * SECOND
LONGEST_TALK = int(MOST_REQUESTS * TIMEOUT) * SECOND
# nobody else may ask an orchestrator while a talk with it may go on: it might start a second run
LEASES = {"channel": LEASE, "trigger": LONGEST_TALK + LEASE}
SENDERS = 4


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed message with what is needed to send it; ``settings`` as written, secrets not yet filled in. ``doubts``
    of the run that it asks for, as in ``Asked``."""

    message: Outgoing
    settings: Mapping[str, Any]
    trigger_run: Mapping[str, Any] | None
    doubts: int = 0


def deliver_due(
    service: Service,
    clock: Callable[[], int],
    limit: int = 1000,
    *,
    environment: Mapping[str, str] | None = None,
    senders: int = SENDERS,
    patience: float | None = None,
) -> int:
    """Send what is due, at most ``limit`` messages; how many attempts were made.

    ``environment`` is where ``${NAME}`` is looked up, the process's own unless given; ``patience`` how many seconds a
    receiver may take to answer, as ``carry`` has it unless given.
    """
    with service.database.read() as connection:
        due = min(limit, outbox.count_due(connection, clock()))
    if not due:
        return 0
    names = os.environ if environment is None else environment
    workers = min(senders, due)
    share = -(-limit // workers)
    with ThreadPoolExecutor(workers, thread_name_prefix="deliver") as pool:
        running = [pool.submit(_deliver_some, service, clock, names, share, patience) for _ in range(workers)]
        return sum(one.result() for one in running)


def policy_of(settings: Settings) -> AddressPolicy:
    """What may be called: this machine only while the service itself is bound to it."""
    return AddressPolicy(settings.allow_targets, settings.loopback)


def _deliver_some(
    service: Service, clock: Callable[[], int], environment: Mapping[str, str], most: int, patience: float | None
) -> int:
    attempts = 0
    while attempts < most and not service.stopping.is_set():
        with service.database.write(locks.OUTBOX) as connection:
            claimed, ready = _claim(service, connection, clock())
        if not claimed:
            break
        if ready is not None:
            _attempt(service, ready, clock, environment, patience)
            attempts += 1
    return attempts


def _claim(service: Service, connection: Connection, now: int) -> tuple[bool, Ready | None]:
    """Whether a message was due, and it with its settings, unless there was nothing to send any more."""
    message = outbox.claim_due(connection, now, LEASES)
    if message is None:
        return False, None
    settings = config.objects(connection, message.kind).get(message.target)
    if settings is None or (
        channel_of(settings) is None if message.kind == "channel" else trigger_of(settings) is None
    ):
        _give_up(service, connection, message, f"no {message.kind} is called {message.target} any more", now)
        return True, None
    if message.kind == "channel":
        return True, _ready(service, connection, message, settings, now)
    run, over = before_attempt(connection, str(message.trigger_run_id), now)
    if run is None:
        state = DELIVERED if over == "reported" else GIVEN_UP
        outbox.settle(connection, message, state=state, now=now, status=None, error=f"not sent: {over}")
        return True, None
    return True, Ready(message, settings, trigger_run_body(service, connection, run), run.doubts or 0)


def _ready(
    service: Service, connection: Connection, message: Outgoing, settings: Mapping[str, Any], now: int
) -> Ready | None:
    """The message for a channel, unless there is no use in sending it."""
    disabled = channel_states.disabled(connection, message.target)
    if disabled is not None:
        _give_up(service, connection, message, f"the channel is disabled: {disabled}", now)
        return None
    if message.rewrites is not None and message.edits is None:
        why = "not sent: the message that it rewrites never arrived"
        outbox.settle(connection, message, state=DROPPED, now=now, status=None, error=why)
        return None
    return Ready(_renewed(connection, message, now), settings, None)


def _renewed(connection: Connection, message: Outgoing, now: int) -> Outgoing:
    """One that rewrites another says how things stand now."""
    if message.rewrites is None:
        return message
    try:
        body = as_of_now(connection, message.rewrites, message.body, now)
    except (LookupError, TypeError, ValueError):
        return message  # what another version of the program wrote must not stop the messages behind it
    threads.say(connection, message.id, body)
    return replace(message, body=body)


def _attempt(
    service: Service,
    ready: Ready,
    clock: Callable[[], int],
    environment: Mapping[str, str],
    patience: float | None,
) -> None:
    answer: Answer | None = None
    status: int | None = None
    try:
        trigger, channel = trigger_of(ready.settings), channel_of(ready.settings)
        if ready.trigger_run is not None and trigger is not None:
            run, policy = ready.trigger_run, policy_of(service.settings)
            answer = ask(trigger, ready.message, run, ready.settings, policy, environment, clock(), ready.doubts)
            outcome, status = outcome_of(answer), answer.status
        elif channel is not None:
            outcome, status = _tell(service, channel, ready, clock, environment, patience)
        else:
            outcome = Outcome("give_up", "no such kind of channel")
    except (MissingSecret, BadSecret) as error:
        outcome = Outcome("retry", str(error))
    except Exception as error:  # a message that cannot be written must not stop the others; its text may hold a secret
        outcome = Outcome("give_up", f"the message could not be written ({type(error).__name__})")
    with service.database.write(locks.OUTBOX) as connection:
        _settle(service, connection, ready.message, status, outcome, clock(), answer)


def _tell(
    service: Service,
    channel: Channel,
    ready: Ready,
    clock: Callable[[], int],
    environment: Mapping[str, str],
    patience: float | None,
) -> tuple[Outcome, int | None]:
    message = ready.message
    sending = Sending(message.webhook_id, clock(), message.thread, message.edits)
    given, policy = resolve(ready.settings, environment), policy_of(service.settings)
    reply = carry(channel.render(message.body, given, sending), policy, patience)
    outcome, status = channel.judge(reply, clock()), reply.status
    for more in channel.besides(message.body, given, sending):
        if outcome.kind != "delivered":
            break
        reply = carry(more, policy, patience)
        outcome, status = replace(channel.judge(reply, clock()), unanswered=True), reply.status  # the first arrived
    return outcome, status


def _settle(
    service: Service,
    connection: Connection,
    message: Outgoing,
    status: int | None,
    outcome: Outcome,
    now: int,
    answer: Answer | None = None,
) -> None:
    if outcome.kind == "delivered":
        done = outbox.settle(
            connection,
            message,
            state=DELIVERED,
            now=now,
            status=status,
            error=outcome.reason or None,
            receipt=outcome.receipt,
        )
        if done and message.trigger_run_id is not None and answer is not None:
            note_answer(service, connection, message.trigger_run_id, answer, now)
        return
    if outcome.gone and message.kind == "channel":
        channel_states.disable(connection, message.target, outcome.reason, now)
    due = None
    if outcome.kind == "retry":
        due = next_try(message.attempts + 1, now, outcome.after)
        if message.kind == "channel":
            due = next_at(connection, message, due, now, outcome.after)
    if due is None:
        _give_up(service, connection, message, outcome.reason, now, status, final=outcome.kind == "give_up")
    else:
        waits = outbox.postpone(
            connection, message, next_at=due, status=status, error=outcome.reason, doubt=outcome.unanswered
        )
        if waits and message.trigger_run_id is not None:
            doubt = answer is not None and answer.doubt
            note_attempt(connection, message.trigger_run_id, outcome.reason, doubt=doubt)


def _give_up(
    service: Service,
    connection: Connection,
    message: Outgoing,
    why: str,
    now: int,
    status: int | None = None,
    final: bool = True,
) -> None:
    done = outbox.settle(connection, message, state=GIVEN_UP, now=now, status=status, error=why)
    if done and message.trigger_run_id is not None:
        after_attempt(service, connection, message.trigger_run_id, "refused" if final else "unknown", why, now)
