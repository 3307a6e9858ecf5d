"""Asks orchestrators how far the runs are that they accepted: soon at first, then every minute.

A poll is claimed by compare-and-set and held outside any transaction; whoever dies over it leaves it to the next.
Each trigger has threads of its own: one that takes its time holds up none but itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from alerting.backoff import poll_wait
from alerting.conversation import Progress, Started
from alerting.registry import trigger_of
from alerting.retraining import FOLLOWED_STATES
from alerting.secrets import BadSecret, MissingSecret, masked, page, resolve
from monitor.actions.deliver_messages import policy_of
from monitor.actions.follow_triggers import move
from monitor.clock import SECOND
from monitor.delivery.talk import talk
from monitor.service import Service
from monitor.store import config, locks, trigger_runs
from monitor.store.database import Connection
from monitor.store.trigger_runs import TriggerRun

LEASE = 120 * SECOND
POLLERS = 4  # of one trigger
TRIGGERS = 8  # asked by one call; the others come next
LONGEST = 2000


@dataclass
class Busy:
    """The triggers that somebody in this process asks just now."""

    _names: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def take(self, names: Iterable[str], most: int) -> list[str]:
        """Those of the names that nobody asks, at most so many; from now on somebody does."""
        with self._lock:
            free = [name for name in dict.fromkeys(names) if name not in self._names][:most]
            self._names.update(free)
            return free

    def give_back(self, name: str) -> None:
        """Nobody asks it any more."""
        with self._lock:
            self._names.discard(name)


def poll_due(
    service: Service,
    clock: Callable[[], int],
    *,
    environment: Mapping[str, str] | None = None,
    busy: Busy | None = None,
) -> int:
    """Ask about every run that is due, but for those of triggers that are ``busy`` with an earlier call; how many were
    asked about.

    ``environment`` is where ``${NAME}`` is looked up, the process's own unless given.
    """
    with service.database.read() as connection:
        due = trigger_runs.due_polls(connection, clock())
    names, busy = os.environ if environment is None else environment, busy or Busy()
    mine = busy.take((run.trigger_name for run in due), TRIGGERS)
    if not mine:
        return 0

    def ask(trigger: str) -> int:
        runs = [run for run in due if run.trigger_name == trigger]
        try:
            with ThreadPoolExecutor(min(POLLERS, len(runs)), thread_name_prefix="poll") as pool:
                return sum(pool.map(lambda run: _poll(service, run, clock, names), runs))
        finally:
            busy.give_back(trigger)

    with ThreadPoolExecutor(len(mine), thread_name_prefix="poll-trigger") as pool:
        return sum(pool.map(ask, mine))


def _poll(service: Service, run: TriggerRun, clock: Callable[[], int], environment: Mapping[str, str]) -> bool:
    lease = clock() + LEASE
    with service.database.write(locks.OUTBOX) as connection:
        if not trigger_runs.claim_poll(connection, run, lease):
            return False
        settings = config.objects(connection, "trigger").get(run.trigger_name, {})
    progress = _ask(service, run, settings, clock(), environment)
    with service.database.write(locks.OUTBOX) as connection:
        _note(service, connection, run, lease, progress, clock())
    return True


def _ask(
    service: Service, run: TriggerRun, settings: Mapping[str, object], now: int, environment: Mapping[str, str]
) -> Progress | None:
    """How far it is; None where nobody can be asked: it reports by itself, or its trigger is gone."""
    trigger = trigger_of(settings)
    if trigger is None or trigger.follow is None:
        return None
    started = Started(run.idempotency_key, run.external_id, run.state)
    try:
        talking = trigger.follow(started, resolve(settings, environment), now)
        progress = talk(talking, policy_of(service.settings))
    except (MissingSecret, BadSecret) as error:
        return Progress(None, str(error))
    except Exception as error:  # an answer that nobody foresaw must not stop the others; its text may hold a secret
        return Progress(None, f"its answer could not be read ({type(error).__name__})")
    reason, url = masked(progress.reason, settings, environment), page(progress.url, settings, environment)
    version = None if progress.version is None else masked(progress.version, settings, environment)
    return replace(progress, reason=reason[:LONGEST], url=url, version=version)


def _note(
    service: Service, connection: Connection, run: TriggerRun, lease: int, progress: Progress | None, now: int
) -> None:
    """Write down what was told, unless the run has reported by itself or ended meanwhile."""
    known = trigger_runs.get_run(connection, run.id)
    if known is None or known.state not in FOLLOWED_STATES or known.next_poll_at != lease:
        return
    polls = (known.polls or 0) + 1
    fields: dict[str, Any] = {"polls": polls, "next_poll_at": now + poll_wait(polls)}
    state = None if progress is None else progress.state
    if progress is None or (state is None and not progress.reason):
        fields["next_poll_at"] = None
    elif progress.url:
        fields["url"] = progress.url
    back = state == "accepted" and known.state == "running"  # a run that waits again is running to us
    if progress is not None and progress.version is not None and known.version is None:
        fields["version"] = progress.version
    if progress is not None and (progress.reason or state is not None):
        fields["message"] = progress.reason or None  # what it said before is no longer the last
    if state is None or state == known.state or back:
        trigger_runs.set_fields(connection, run.id, **fields)
        return
    if state == "succeeded" and known.started_at is None:
        fields["started_at"] = now
    move(service, connection, known, state, now, **fields)
