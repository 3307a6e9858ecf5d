"""Stores of predictions that commit by themselves: what is on its way is announced first and noted afterwards.

Three commits instead of one: the announcement here, the rows there, and here what there is to note of them with the
announcement's end. Whoever dies in between leaves the announcement. Nobody else then stores rows of that model before
what the dead one began is finished, its hours are marked, and the counts are taken from the store. So rows that were
acknowledged are there once, and their hours are summarised.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from monitor.clock import HOUR, MINUTE
from monitor.errors import StoreUnavailable
from monitor.service import Service
from monitor.store import arriving, models
from monitor.store.arriving import Arriving
from monitor.store.database import Connection
from monitor.store.models import Model
from monitor.store.observations.base import PARTS, Apart, StoredModel

NO_TIMES = np.empty(0, np.int64)
LEASE = 2 * MINUTE  # an announcement that was seen unchanged for so long is a dead process's
_TRIES, _PAUSE = 50, 0.1  # seconds
_PATIENCE = 20.0  # seconds that a thread waits for others of its process


@dataclass(frozen=True)
class Turn:
    """A model's turn. ``number`` of the first append; ``outside``: to be entered around appends, while which the
    database is left to others."""

    number: int
    outside: Callable[[], AbstractContextManager[None]]


@contextlib.contextmanager
def turn(service: Service, connection: Connection, model: Model, times: NDArray[np.int64], now: int) -> Iterator[Turn]:
    """Append rows of one model and note what became of them. A store that shares the transaction needs nothing; with
    another the unit of work is committed before the block, which then has the model to itself, and after it.

    ``times`` int64 of the predictions that will be appended.

    Raises StoreUnavailable when others have the model for too long.
    """
    store, database = service.observations, service.database
    if not isinstance(store, Apart):
        yield Turn(0, contextlib.nullcontext)
        return
    hours = tuple(np.unique(times // HOUR).tolist())
    with _alone_here(service, connection, model):
        mine = _begin(service, store, connection, model, Arriving(model.id, 0, hours, service.turns.holder, now))
        yield Turn(mine.change * PARTS, lambda: database.paused(connection))
        if not arriving.end(connection, mine) and models.exists(connection, model.id):
            connection.rollback()
            _begin(service, store, connection, model, mine)  # and leave it: what came late is counted, too
            raise StoreUnavailable("Storing took so long that it was taken over. Send it again; nothing is doubled.")
        connection.commit()


def ensure_within(service: Service, connection: Connection, model: StoredModel) -> None:
    """Make the model's tables and columns in this transaction; a store apart does so as rows come, when nobody waits
    for the database meanwhile."""
    if not isinstance(service.observations, Apart):
        service.observations.ensure_model(connection, model)


@contextlib.contextmanager
def _alone_here(service: Service, connection: Connection, model: Model) -> Iterator[None]:
    lock = service.turns.of(model.id)
    with service.database.paused(connection):  # whoever has the model needs the database to end
        has_it = lock.acquire(timeout=_PATIENCE)
    if not has_it:
        raise StoreUnavailable(
            f"Rows of model {model.name!r} are being stored for long; nothing was stored. Try again."
        )
    try:
        yield
    finally:
        lock.release()


def _begin(service: Service, store: Apart, connection: Connection, model: Model, mine: Arriving) -> Arriving:
    """Announce, under the model's next change where it has none yet; committed when it returns."""
    for _ in range(_TRIES):
        left = arriving.find(connection, model.id)
        if not models.exists(connection, model.id):
            raise StoreUnavailable(f"Model {model.name!r} was deleted meanwhile; nothing was stored. Try again.")
        if left is None:
            change = mine.change or models.bump_change(connection, model.id)
            announced = replace(mine, change=change)
            if arriving.begin(connection, announced):
                connection.commit()
                return announced
        elif left.holder == service.turns.holder or store.alone:
            mend(service, store, connection, left)
            continue
        with service.database.paused(connection):
            time.sleep(_PAUSE)
    raise StoreUnavailable(
        f"Another process is storing rows of model {model.name!r}, or died doing so; nothing was stored. Try again."
    )


def mend(service: Service, store: Apart, connection: Connection, left: Arriving) -> None:
    """Finish what somebody began who is not there any more: its hours are counted again, and so are the model's rows.
    Committed when it returns."""
    model_id = left.model_id
    model = models.of_id(connection, model_id)
    with service.database.paused(connection):
        held = store.mend(model.stored, left.change, left.hours)
    models.recount(connection, model_id, held)
    hours = sorted({*left.hours, *held.label_hours})
    models.mark_dirty(connection, model_id, hours, models.bump_change(connection, model_id), labels_only=False)
    arriving.end(connection, left)
    connection.commit()


@dataclass
class Watch:
    """What was on its way when last looked, and since when."""

    seen: dict[Arriving, int] = field(default_factory=dict)


def mend_left(service: Service, watch: Watch, now: int) -> int:
    """Finish what dead processes left; how many. ``watch`` is kept from one call to the next."""
    store = service.observations
    if not isinstance(store, Apart):
        return 0
    with service.database.read() as connection:
        there = arriving.everything(connection)
    watch.seen = {one: watch.seen.get(one, now) for one in there}
    dead = [one for one in there if _is_dead(service, store, one, now - watch.seen[one])]
    return sum(_take(service, store, one) for one in dead)


def _is_dead(service: Service, store: Apart, one: Arriving, unchanged: int) -> bool:
    return one.holder == service.turns.holder or store.alone or unchanged >= LEASE


def _take(service: Service, store: Apart, left: Arriving) -> bool:
    lock = service.turns.of(left.model_id)
    if not lock.acquire(blocking=False):  # somebody here is at it
        return False
    try:
        with service.database.write() as connection:
            if not arriving.take(connection, left, service.turns.holder):
                return False
            mend(service, store, connection, replace(left, holder=service.turns.holder))
            return True
    finally:
        lock.release()
