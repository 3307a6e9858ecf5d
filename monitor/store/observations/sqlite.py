"""What is particular to SQLite: the driver's own cursor, bulk binding, and its words for a few statements."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.errors import StoreUnavailable

INSERT = "INSERT OR IGNORE INTO"
DIFFERS = "IS NOT"  # IS DISTINCT FROM of other engines; works on row values
TYPES = {"number": "REAL", "string": "TEXT", "boolean": "TEXT", "vector": "BLOB"}
FETCH = 20_000  # rows held as Python objects at a time


@contextlib.contextmanager
def cursor(connection: Any) -> Iterator[sqlite3.Cursor]:
    """The driver's cursor inside the unit of work's transaction; SQLAlchemy's insert() is ten times slower.

    Raises StoreUnavailable when the database is locked, full or gone.
    """
    if not connection.in_transaction():
        connection.begin()
    opened: sqlite3.Cursor = connection.connection.driver_connection.cursor()
    try:
        yield opened
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(f"The store cannot be used just now ({error}); nothing was stored.") from error
    finally:
        opened.close()


def existing_columns(at: sqlite3.Cursor, table: str) -> set[str]:
    """Names of a table's columns; empty if there is no such table."""
    return {row[1] for row in at.execute(f"PRAGMA table_info({table})")}


def bindable(values: Any) -> list[Any]:
    """An Arrow or numpy array as a list that the driver binds. Numbers go as doubles with NaN for null, which SQLite
    stores as NULL: no column holds a NaN."""
    if isinstance(values, np.ndarray):
        return values.tolist()  # type: ignore[no-any-return]
    if pa.types.is_string(values.type) and values.null_count == len(values):
        return [None] * len(values)
    return values.to_numpy(zero_copy_only=False).tolist()  # type: ignore[no-any-return]


def insert(at: sqlite3.Cursor, table: str, names: Sequence[str], columns: Iterable[list[Any]]) -> int:
    """Insert rows given as columns, leaving out those that break a unique key; how many went in."""
    marks = ",".join("?" * len(names))
    at.executemany(f"{INSERT} {table} ({','.join(names)}) VALUES ({marks})", zip(*columns, strict=True))
    return at.rowcount


def newest_row(at: sqlite3.Cursor, table: str) -> int:
    """The greatest row number of a table: rows inserted later have greater ones."""
    return int(at.execute(f"SELECT coalesce(max(rowid), 0) FROM {table}").fetchone()[0])


def fetch(at: sqlite3.Cursor, statement: str, values: Sequence[Any], schema: pa.Schema) -> pa.Table:
    """A query's rows as an Arrow table."""
    at.execute(statement, values)
    batches: list[pa.RecordBatch] = []
    while rows := at.fetchmany(FETCH):
        arrays = [pa.array(column, type_) for column, type_ in zip(zip(*rows, strict=True), schema.types, strict=True)]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return pa.Table.from_batches(batches, schema)
