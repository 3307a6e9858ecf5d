"""PostgreSQL's indexes by which what is pruned is found without reading all of a model's ids and labels.

New tables have them from the beginning; those that an earlier version made get them while rows come in.
"""

from __future__ import annotations

import logging
from typing import Any

from monitor.errors import StoreUnavailable
from monitor.store import locks, on_postgres
from monitor.store.database import PATIENCE, Database
from monitor.store.observations.base import StoredModel

log = logging.getLogger(__name__)

_FOUND = """
SELECT i.relname, x.indisvalid FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
WHERE x.indrelid = ANY(ARRAY[to_regclass(%s), to_regclass(%s)]::oid[])"""
_THERE = "SELECT to_regclass(%s) IS NOT NULL"


def tables(model: StoredModel) -> tuple[str, str]:
    """Those that have such an index: ids and labels."""
    return f"i_{model.id}", f"l_{model.id}"


def of(table: str) -> str:
    """The index as it is made; rows come nearly in order of time."""
    return f"{table}_ts ON {table} USING brin (ts) WITH (autosummarize = on)"


def build(database: Database, model: StoredModel) -> None:
    """Make those that lack, one process at a time; nobody who reads or writes waits for that. What another transaction
    keeps from being made within half a minute waits for the next call."""
    with database.write_free([locks.tables(model.id)], PATIENCE) as (held, mine):
        lacking = _lacking(held, model) if mine else []
        on_postgres.allow_rest(held)  # also ends the statement before and its snapshot, for which the making would wait
        try:
            for table in lacking:
                _make(database, table)
        except StoreUnavailable as error:
            log.warning(
                "an index by time is left for the next pass; pruning goes on without",
                extra={"model": model.name, "error": error.message},
            )


def _lacking(connection: Any, model: StoredModel) -> list[str]:
    """Tables that are there, and their index is not, or is what an attempt left that was ended."""
    there = [one for one in tables(model) if connection.exec_driver_sql(_THERE, (one,)).scalar_one()]
    found = {row.relname: row.indisvalid for row in connection.exec_driver_sql(_FOUND, tables(model))}
    return [one for one in there if not found.get(f"{one}_ts")]


def _make(database: Database, table: str) -> None:
    with database.one_by_one() as connection:
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {table}_ts")
        connection.exec_driver_sql(f"CREATE INDEX CONCURRENTLY {of(table)}")
