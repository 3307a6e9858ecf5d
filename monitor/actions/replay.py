"""Run the schedule over history, each run at its own as_of."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from monitor import clock, cron
from monitor.actions import models as known_models
from monitor.actions.deliver_messages import deliver_due
from monitor.actions.forget_episodes import forget_episodes
from monitor.actions.frame import Frame
from monitor.actions.poll_orchestrators import poll_due
from monitor.actions.run_checks import run_checks
from monitor.actions.summarise_hours import summarise
from monitor.config.inventory import Check
from monitor.errors import Invalid
from monitor.service import Service
from monitor.store import alerts, heartbeats, locks, outbox, trigger_runs

SERVED = 15 * clock.SECOND  # a heartbeat younger than this: another process delivers
PATIENCE = 30.0  # seconds to wait for a receiver, or for an orchestrator to report


@dataclass
class Replayed:
    """What a replay did; ``alerts`` by id, as they stood when they last changed. ``ended``: how many open ones that
    people had been told of were ended before it; ``unheard``: how many such ended in it, without a word to them."""

    ended: int = 0
    unheard: int = 0
    runs: int = 0
    readings: int = 0
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)


def moments(checks: tuple[Check, ...], start: int, end: int) -> list[tuple[int, list[str]]]:
    """When the schedule fires, start < t <= end, and which checks then."""
    found: dict[int, list[str]] = {}
    for check in checks:
        for fire in cron.fires(check.schedule, start, end):
            found.setdefault(fire, []).append(check.name)
    return sorted(found.items())


def replay(
    service: Service,
    name: str,
    start: int,
    end: int,
    *,
    now: Callable[[], int],
    deliver: bool = False,
    reset: bool = False,
    only: Collection[str] | None = None,
    progress: Callable[[int, int, int], None] = lambda done, total, as_of: None,
) -> Replayed:
    """Run every moment of the schedule in (start, end].

    ``reset`` first forgets the model's episodes and judged marks from ``start`` on, of which those who were told of
    them are told; ``only``: names of checks.

    Raises NotFound, or Invalid for a
    stretch that is empty or not over yet.
    """
    if not start < end <= now():
        raise Invalid("A replay needs --from before --to, and --to not later than now", field="to")
    checks, ended = _prepare(service, name, start, end, now(), reset=reset)
    told = set() if deliver else _open_and_told(service, name)
    due = moments(tuple(check for check in checks if only is None or check.name in only), start, end)
    done = Replayed(ended)
    outside = Outside(service, name, now)
    seen: dict[str, int] = {}
    for number, (as_of, names) in enumerate(due, 1):
        run = run_checks(service, name, as_of, now=now(), checks=names, deliver=deliver, seen=seen)
        done.runs += 1
        done.readings += len(run.readings)
        done.alerts |= {alert["id"]: alert for alert in run.alerts}
        if deliver and run.changed:
            outside.settle()
        seen |= dict.fromkeys(names, as_of)
        progress(number, len(due), as_of)
    if deliver:
        outside.settle()
    done.unheard = sum(alert["id"] in told and alert["resolved_at"] is not None for alert in done.alerts.values())
    return done


def _open_and_told(service: Service, name: str) -> set[str]:
    with service.database.read() as connection:
        model = known_models.get(connection, name)
        ids = [str(alert["id"]) for alert in alerts.open_of(connection, model.id)]
        return {one for one in ids if outbox.told_of(connection, one)}


def _prepare(
    service: Service, name: str, start: int, end: int, now: int, *, reset: bool
) -> tuple[tuple[Check, ...], int]:
    """The checks, and how many alerts that people had been told of were ended."""
    summarise(service, name, end // clock.HOUR, now)
    with service.database.write(locks.model(name)) as connection:
        model = known_models.get(connection, name)
        url, ended = service.settings.public_url, 0
        if reset:
            ended = forget_episodes(connection, model.id, start, now=now, public_url=url)
        frame = Frame.load(service, connection, model)
        return () if frame is None else frame.checks, ended


@dataclass
class Outside:
    """The receivers of messages and the orchestrator, whom a replay waits for; ``awaited``: retrainings that it has
    waited for long enough."""

    service: Service
    model: str
    now: Callable[[], int]
    awaited: set[str] = field(default_factory=set)

    def settle(self) -> None:
        """Wait until every message is delivered, given up or waiting for a retry, and each new retraining is over."""
        running: set[str] = set()
        for _ in _until(PATIENCE):
            with self.service.database.read() as connection:
                served = heartbeats.at(connection, "delivery") > self.now() - SERVED
                untried = outbox.count_untried(connection, self.now())
                running = trigger_runs.open_runs(connection, known_models.get(connection, self.model).id) - self.awaited
            if not untried and not running:
                return
            if untried and not served:
                deliver_due(self.service, self.now)
            if running and not served:
                poll_due(self.service, self.now)
        self.awaited |= running


def _until(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    pause = 0.005
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)
        pause = min(2 * pause, 0.25)
