"""What the schedule owes: due runs, caught up in order, each by one process only."""

from __future__ import annotations

from collections.abc import Callable

from monitor import clock
from monitor.actions import models as known_models
from monitor.actions.each_model import by_itself
from monitor.actions.frame import Frame
from monitor.actions.held_run import held
from monitor.actions.replay import moments
from monitor.actions.run_checks import run_checks
from monitor.config.inventory import CATCH_UP
from monitor.service import Service
from monitor.store import claims, locks, models
from monitor.store.models import Model

AT_ONCE = 24  # runs of one model before the others get their turn
DORMANT = 7 * clock.DAY


def is_dormant(model: Model, now: int) -> bool:
    """No prediction in the last 7 days: the scheduler leaves the model alone."""
    return model.newest_prediction is None or model.newest_prediction < now - DORMANT


def run_due(service: Service, holder: str, now: Callable[[], int]) -> int:
    """Run everything that is due for every model that is awake; how many runs were made. ``now`` is asked before each:
    a run's lease begins when it does, however long those before it took."""
    done = 0
    for model in models.every(service.database):
        if service.stopping.is_set():
            break
        if known_models.has_checks(model) and not is_dormant(model, now()):
            with by_itself(service, model.name, "run"):  # tried again after the lease
                done += _run_model(service, model, holder, now)
    return done


def _run_model(service: Service, model: Model, holder: str, now: Callable[[], int]) -> int:
    born = model.created_at if model.first_reference_at is None else model.first_reference_at
    with service.database.read() as connection:
        frame = Frame.load(service, connection, model)
        before = max(claims.last_finished(connection, model.id) or 0, born, now() - CATCH_UP)
        due = [] if frame is None else moments(frame.checks, before, now())
    done = 0
    for as_of, names in due[:AT_ONCE]:
        if service.stopping.is_set():
            break
        with service.database.write(locks.claims(model.name)) as connection:
            begun = now()
            if not claims.claim(connection, model.id, as_of, holder, begun):
                return done
        with held(service, model, as_of, holder, now):
            run_checks(
                service,
                model.name,
                as_of,
                now=begun,
                checks=names,
                not_before=born,
                claimed_by=holder,
            )
        done += 1
    return done
