"""Whether the service can do its work."""

from __future__ import annotations

from monitor.service import Service
from monitor.store import heartbeats, locks, schema
from monitor.store.observations.base import Apart

PATIENCE = 1.0


def check_answers(service: Service) -> None:
    """Ask something of each store that may hang: not of one within this process, where work waits for work.

    Raises StoreUnavailable.
    """
    with service.database.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    if isinstance(service.observations, Apart) and not service.observations.alone:
        service.observations.check()


def check_ready(service: Service, now: int) -> list[str]:
    """What is in its way; nothing when the store takes writes and the scheduler is on time.

    Raises StoreUnavailable, SchemaOutdated.
    """
    schema.require_newest(service.database)
    with service.database.read() as connection:
        late = heartbeats.is_late(connection, now)
    if not service.database.is_writing:  # else it takes them
        with service.database.write(locks.BEATS, patience=PATIENCE) as connection:
            heartbeats.beat(connection, "ready", now)
    if isinstance(service.observations, Apart):
        service.observations.check()
    problems = ["the scheduler is late: no tick for two minutes"] if late else []
    return [*problems, "the disk of the store is full"] if service.database.is_nearly_full else problems
