"""PostgreSQL's partitions of predictions: one for each week of their time, made as rows come, dropped whole.

A partition is made beside its table and then attached: that waits for nobody who reads or writes the others.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.clock import DAY
from monitor.store import on_postgres
from monitor.store.observations.base import StoredModel, predictions_table

log = logging.getLogger(__name__)

WEEK = 7 * DAY
AHEAD = 1  # weeks made before there are rows for them
DDL_LOCK = "2s"  # what waits longer for another's lock gives up, so that it does not hold up those behind it


def ensure(at: Any, model: StoredModel, times: NDArray[np.int64]) -> None:
    """Make the partitions that these times need, and those of the time after them."""
    weeks = np.unique(times // WEEK)
    wanted = set(weeks.tolist()) | {int(weeks[-1]) + ahead for ahead in range(1, AHEAD + 1)}
    lacking = wanted - of(at, model)
    if lacking:
        with brief(at):
            for week in sorted(lacking):
                _make(at, predictions_table(model), week)


@contextlib.contextmanager
def brief(at: Any) -> Iterator[None]:
    """Statements that change tables; they wait for nobody's lock for long."""
    before = at.execute("SHOW lock_timeout").fetchone()[0]
    at.execute(f"SET LOCAL lock_timeout = '{DDL_LOCK}'")
    yield
    at.execute(f"SET LOCAL lock_timeout = '{before}'")


def of(at: Any, model: StoredModel) -> set[int]:
    """Weeks since 1970 that have a partition."""
    statement = (
        "SELECT c.relname FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid WHERE h.inhparent = to_regclass(?)"
    )
    rows = at.execute(statement, (predictions_table(model),)).fetchall()
    return {int(name.rpartition("_w")[2]) for (name,) in rows}


def _make(at: Any, table: str, week: int) -> None:
    name, start, end = f"{table}_w{week}", week * WEEK, (week + 1) * WEEK
    at.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS)")
    at.execute(f"ALTER TABLE {name} ADD CONSTRAINT {name}_in CHECK (ts >= {start} AND ts < {end})")
    at.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})")
    at.execute(f"ALTER TABLE {name} DROP CONSTRAINT {name}_in")


def drop_before(at: Any, model: StoredModel, start: int) -> None:
    """Drop the partitions whose weeks are over before a time, microseconds. Where somebody reads for long they
    are emptied, and left to the next call; what the unit of work did else stays."""
    over = [f"{predictions_table(model)}_w{week}" for week in before(at, model, start)]
    if not over:
        return
    at.execute("SAVEPOINT before_dropping")
    try:
        with brief(at):
            at.execute(f"DROP TABLE {', '.join(over)}")
    except Exception as error:
        if not on_postgres.is_held(error):
            raise
        at.execute("ROLLBACK TO before_dropping")
        for one in over:  # so that no row is left of which nothing is known any more: no erasing would find it
            at.execute(f"DELETE FROM {one}")
        log.warning(
            "the room of predictions past their retention is left for the next pass: a transaction that reads them"
            " goes on",
            extra={"model": model.name, "partitions": over},
        )


def before(at: Any, model: StoredModel, start: int) -> list[int]:
    """Weeks with a partition that are over before a time, microseconds."""
    return [week for week in sorted(of(at, model)) if (week + 1) * WEEK <= start]
