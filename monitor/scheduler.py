"""The clockwork of a running service: APScheduler only ticks; what is due stands in the database."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler

from monitor import clock, memory
from monitor.actions.deliver_messages import deliver_due
from monitor.actions.follow_triggers import follow_triggers
from monitor.actions.poll_orchestrators import Busy, poll_due
from monitor.actions.prune import prune
from monitor.actions.recording_apart import Watch, mend_left
from monitor.actions.repeat_alerts import repeat_alerts
from monitor.actions.run_due import run_due
from monitor.actions.summarise_hours import Rests, summarise_waiting
from monitor.errors import PlimsollError
from monitor.service import Service
from monitor.store import heartbeats, locks

# Runs are looked for at whole multiples since then: schedules name whole minutes, and are seen as soon as one begins.
ALIGNED = clock.to_datetime(clock.SECOND // 20)
SOON = 5 * clock.MINUTE  # what comes once an hour comes soon at first: a process may not live for an hour

log = logging.getLogger(__name__)
THREADS = 20
SIDE_BY_SIDE = {"delivery": 6, "polls": 6}  # a receiver or orchestrator that takes its time holds up none but itself


def start(
    service: Service, now: Callable[[], int] = clock.now, reached: Callable[[], Service] | None = None
) -> BackgroundScheduler:
    """Begin to tick, until ``stop``. ``reached``: the service with the address that others are to be told, where that
    is not this one's."""
    at = reached or (lambda: service)
    holder = secrets.token_hex(8)
    watch, busy, rests = Watch(), Busy(), Rests()
    ticks: dict[str, tuple[float, Callable[[], object]]] = {
        "delivery": (0.25, lambda: deliver_due(at(), now)),
        "summaries": (5.0, lambda: _summarise(service, now(), rests)),
        "runs": (5.0, lambda: _tidy(run_due(at(), holder, now))),
        "triggers": (5.0, lambda: follow_triggers(at(), now())),
        "polls": (1.0, lambda: poll_due(at(), now, busy=busy)),
        "repeats": (15.0, lambda: repeat_alerts(at(), now())),
        "arrivals": (5.0, lambda: mend_left(service, watch, now())),
        "prune": (3600.0, lambda: prune(service, now())),
    }
    since_when = {"runs": ALIGNED, "prune": clock.to_datetime(clock.now() + SOON)}
    scheduler = BackgroundScheduler(
        timezone="UTC",
        executors={"default": {"type": "threadpool", "max_workers": THREADS}},
        job_defaults={"coalesce": True, "misfire_grace_time": None},
    )
    for name, (seconds, action) in ticks.items():
        most = SIDE_BY_SIDE.get(name, 1)
        tick, since = _tick(service, name, action, now), since_when.get(name)
        scheduler.add_job(tick, "interval", seconds=seconds, start_date=since, id=name, max_instances=most)
    scheduler.add_job(memory.let_go_of_programs, "interval", seconds=60.0, id="memory")
    for name in ticks:
        _beat(service, name, now())
    scheduler.start()
    return scheduler


def stop(service: Service, ticking: BackgroundScheduler) -> None:
    """End ``start``: nothing new is begun, and what is under way is waited for."""
    service.stopping.set()
    ticking.shutdown(wait=True)


def _summarise(service: Service, now: int, rests: Rests) -> None:
    service.database.cut_log()  # nobody counts just now, and reads an old state
    _tidy(summarise_waiting(service, now, rests))


def _tidy(done: int) -> None:
    """What work leaves behind is given back."""
    if done:
        memory.release()


def _tick(service: Service, name: str, action: Callable[[], object], now: Callable[[], int]) -> Callable[[], None]:
    beaten = [0]
    failing: set[str] = set()

    def tick() -> None:
        try:
            action()
        except PlimsollError as error:
            if not failing:  # said once, however often it is tried
                log.error("tick failed", extra={"tick": name, "error": error.message})
            failing.add(name)
            return
        except Exception:
            log.exception("tick failed", extra={"tick": name})
            return
        if failing:
            failing.clear()
            log.info("tick works again", extra={"tick": name})
        if now() - beaten[0] > 5 * clock.SECOND:
            try:
                _beat(service, name, now())
            except PlimsollError:
                return  # the store is held; the next tick tries again
            beaten[0] = now()

    return tick


def _beat(service: Service, name: str, now: int) -> None:
    with service.database.write(locks.BEATS) as connection:
        heartbeats.beat(connection, name, now)
