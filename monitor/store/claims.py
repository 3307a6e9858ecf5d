"""Which due runs are taken: claimed by compare-and-set, with a lease, so that two processes never run the same one."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from monitor.store.driver import run
from monitor.store.tables import run_claims

LEASE = 3 * 60 * 1_000_000  # of a run whose process died; one that lives renews it


def claim(connection: Connection, model_id: int, as_of: int, holder: str, now: int) -> bool:
    """Take a run, unless it is finished or held; whether it is ours."""
    statement = (
        "INSERT INTO run_claims (model_id, as_of, holder, lease_until) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (model_id, as_of) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until "
        "WHERE run_claims.finished_at IS NULL AND run_claims.lease_until < ?"
    )
    return run(connection, statement, (model_id, as_of, holder, now + LEASE, now)) == 1


def renew(connection: Connection, model_id: int, as_of: int, holder: str, now: int) -> bool:
    """Hold a run for longer; False where it is finished or somebody else's."""
    statement = (
        "UPDATE run_claims SET lease_until = ? WHERE model_id = ? AND as_of = ? AND holder = ? AND finished_at IS NULL"
    )
    return run(connection, statement, (now + LEASE, model_id, as_of, holder)) == 1


def holds(connection: Connection, model_id: int, as_of: int, holder: str) -> bool:
    """Whether a run is still this holder's: one who was slow beyond the lease may have lost it."""
    t = run_claims.c
    mine = (t.model_id == model_id) & (t.as_of == as_of) & (t.holder == holder) & t.finished_at.is_(None)
    return connection.execute(select(t.as_of).where(mine)).first() is not None


def finish(connection: Connection, model_id: int, as_of: int, now: int) -> None:
    """The run is done, for good."""
    run(connection, "UPDATE run_claims SET finished_at = ? WHERE model_id = ? AND as_of = ?", (now, model_id, as_of))


def last_finished(connection: Connection, model_id: int) -> int | None:
    """as_of of the newest finished run."""
    t = run_claims.c
    query = select(func.max(t.as_of)).where(t.model_id == model_id, t.finished_at.is_not(None))
    newest: int | None = connection.execute(query).scalar_one()
    return newest
