"""A run that takes long stays its worker's: the lease is renewed while it goes on.

A thread does that, beside the run's own transactions. Where the process is killed or stands still, so does the thread,
and another worker takes the run when the lease is over; a process that wakes up again finds out before it stores
anything (``claims.holds``). A run that hangs in a process that lives would be held for good; so ``LONGEST`` ends it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from monitor import clock
from monitor.service import Service
from monitor.store import claims, locks
from monitor.store.database import Connection
from monitor.store.models import Model

log = logging.getLogger(__name__)

LONGEST, PATIENCE = 3600.0, 5.0  # seconds
A_LEASE = 3  # renewals in its time: one may come late


@contextlib.contextmanager
def held(service: Service, model: Model, as_of: int, holder: str, now: Callable[[], int]) -> Iterator[None]:
    """Keep a run that was claimed until the block ends."""
    over = threading.Event()
    renewing = threading.Thread(
        target=_renew, args=(service, model, as_of, holder, now, over), name="lease", daemon=True
    )
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()


def _renew(
    service: Service, model: Model, as_of: int, holder: str, now: Callable[[], int], over: threading.Event
) -> None:
    until, pause = time.monotonic() + LONGEST, claims.LEASE / clock.SECOND / A_LEASE
    while not over.wait(pause) and time.monotonic() < until:
        try:
            with _mine(service, model) as connection:
                if not claims.renew(connection, model.id, as_of, holder, now()):
                    return
        except Exception as error:  # whatever it was: the run goes on, and the next time may do
            log.warning(
                "the lease of a run could not be renewed",
                extra={"model": model.name, "error": getattr(error, "message", repr(error))},
            )


def _mine(service: Service, model: Model) -> AbstractContextManager[Connection]:
    """On SQLite a run that writes keeps out who renews, and who would claim it, too."""
    return service.database.write(locks.claims(model.name), patience=PATIENCE)
