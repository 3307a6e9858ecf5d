"""SQLite's own words: the driver's cursor and bulk binding; one table of predictions, its rows counted by rowid."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.clock import HOUR
from monitor.store.observations.base import PredictionBatch, StoredModel, predictions_table
from monitor.store.observations.dialect import Staged, first_of_each

FETCH = 500_000  # values held as Python objects at a time, when they are read
BOUND = 50_000  # and when they are written
_LOOK = 64  # values that tell whether a column's repeat

types = {"number": "REAL", "string": "TEXT", "boolean": "TEXT", "vector": "BLOB"}
same, differs = "IS", "IS NOT"  # older SQLites do not know IS DISTINCT FROM
arrival = "rowid"
adjacent = "ORDER BY p.ts, p.rowid"  # as the index on ts has them: what is sorted is in memory


@contextlib.contextmanager
def cursor(connection: Any) -> Iterator[sqlite3.Cursor]:
    """See ``Dialect.cursor``; SQLAlchemy's insert() is ten times slower."""
    if not connection.in_transaction():
        connection.begin()
    opened: sqlite3.Cursor = connection.connection.driver_connection.cursor()
    try:
        yield opened
    finally:
        opened.close()


def columns_of(at: sqlite3.Cursor, table: str) -> set[str]:
    """See ``Dialect.columns_of``."""
    return {row[1] for row in at.execute(f"PRAGMA table_info({table})")}


def create(at: sqlite3.Cursor, model: StoredModel) -> None:
    """See ``Dialect.create``."""
    table, labels = predictions_table(model), f"l_{model.id}"
    at.execute(
        f"CREATE TABLE {table} (id TEXT NOT NULL UNIQUE, ts BIGINT NOT NULL, version TEXT, latency_ms REAL, error TEXT,"
        " odd TEXT)"
    )
    # Rows of an hour are found by their time and sorted by id after reading: an index of ids by hour would cost every
    # insert a second search.
    at.execute(f"CREATE INDEX {table}_ts ON {table} (ts)")
    at.execute(
        f"CREATE TABLE {labels} (id TEXT NOT NULL, ts BIGINT NOT NULL, value TEXT NOT NULL, kind TEXT NOT NULL,"
        " arrived BIGINT NOT NULL, UNIQUE (id, ts, value))"
    )


def altering(at: sqlite3.Cursor) -> AbstractContextManager[None]:
    """See ``Dialect.altering``."""
    return contextlib.nullcontext()


def add_columns(at: sqlite3.Cursor, table: str, columns: Sequence[str]) -> None:
    """See ``Dialect.add_columns``."""
    for column in columns:
        at.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


def known(model: StoredModel) -> str:
    """See ``Dialect.known``: the table of predictions itself."""
    return predictions_table(model)


def insert_new(
    at: sqlite3.Cursor, model: StoredModel, names: Sequence[str], batch: PredictionBatch
) -> NDArray[np.bool_]:
    """See ``Dialect.insert_new``."""
    table = predictions_table(model)
    before = int(at.execute(f"SELECT coalesce(max(rowid), 0) FROM {table}").fetchone()[0])
    accepted = _insert(at, table, list(zip(names, batch.arrays(), strict=True)))
    if accepted == len(batch.ids):
        return np.ones(accepted, np.bool_)
    rows = at.execute(f"SELECT id FROM {table} WHERE rowid > ?", (before,)).fetchall()
    inserted = pa.array([row[0] for row in rows], pa.string())
    fresh: NDArray[np.bool_] = pc.is_in(batch.ids, value_set=inserted).to_numpy(zero_copy_only=False)
    return fresh & first_of_each(batch.ids)


def stage(at: sqlite3.Cursor, table: str, columns: Staged) -> str:
    """See ``Dialect.stage``."""
    names = [name for name, _ in columns]
    at.execute(f"DROP TABLE IF EXISTS temp.{table}")
    at.execute(f"CREATE TEMP TABLE {table} ({','.join(names)}, place INTEGER)")
    _insert(at, f"temp.{table}", [*columns, ("place", np.arange(len(columns[0][1])))])
    return f"temp.{table}"


def _insert(at: sqlite3.Cursor, table: str, columns: Staged) -> int:
    """Insert rows given as columns, leaving out those that break a unique key; how many went in."""
    # A column without any value is not named: to bind a null costs nearly as much as to bind a number.
    filled = [(name, some) for name, some in columns if isinstance(some, np.ndarray) or some.null_count < len(some)]
    names, marks = ",".join(name for name, _ in filled), ",".join("?" * len(filled))
    at.executemany(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", _rows([some for _, some in filled]))
    return at.rowcount


def _rows(columns: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Rows that the driver binds, of Arrow or numpy columns: few at a time are Python objects, since the processor's
    cache holds few. Numbers go as doubles with NaN for null, which SQLite stores as NULL: no column holds a NaN."""
    arrays = [some if isinstance(some, np.ndarray) else _as_numpy(some) for some in columns]
    step = max(1, BOUND // len(arrays))
    return chain.from_iterable(
        zip(*(array[start : start + step].tolist() for array in arrays), strict=True)
        for start in range(0, len(arrays[0]), step)
    )


def _as_numpy(values: pa.Array) -> NDArray[Any]:
    """Texts that repeat are one object each."""
    found: NDArray[Any]
    if not pa.types.is_string(values.type) or len(values.slice(0, _LOOK).unique()) > _LOOK // 2:
        found = values.to_numpy(zero_copy_only=False)
        return found
    encoded = values.dictionary_encode()
    words = np.array([*encoded.dictionary.to_pylist(), None], object)
    found = words[pc.fill_null(encoded.indices, len(words) - 1).to_numpy()]
    return found


def fetch(at: sqlite3.Cursor, statement: str, values: Sequence[Any], schema: pa.Schema) -> pa.Table:
    """See ``Dialect.fetch``."""
    at.execute(statement, values)
    return pa.Table.from_batches(_batches(at, schema, None), schema)


def stream(
    connection: Any, statement: str, values: Sequence[Any], schema: pa.Schema, rows: int, whole: str | None = None
) -> Iterator[pa.Table]:
    """See ``Dialect.stream``."""
    with cursor(connection) as at:
        at.execute(statement, values)
        held = schema.empty_table()
        while batches := list(_batches(at, schema, rows)):
            found = pa.concat_tables([held, pa.Table.from_batches(batches, schema)])
            batches.clear()
            last = 0 if whole is None else pc.sum(pc.equal(found[whole], found[whole][-1])).as_py()
            # Taken, not sliced: a slice would keep all of it.
            held = found.take(pa.array(range(len(found) - last, len(found)), pa.int64()))
            if last < len(found):
                yield found.slice(0, len(found) - last)
            del found
        if len(held):
            yield held


def hours_of(at: sqlite3.Cursor, model: StoredModel, start: int, end: int) -> list[tuple[int, int]]:
    """See ``Dialect.hours_of``: from hour to hour, since grouping by an expression would sort all rows in memory."""
    table = predictions_table(model)
    first = f"SELECT min(ts) / {HOUR} FROM {table} WHERE ts >= ? AND ts < ?"
    after = f"SELECT min(ts) / {HOUR} FROM {table} WHERE ts >= (hour + 1) * {HOUR} AND ts < ?"
    rows = f"SELECT count(*) FROM {table} WHERE ts >= hour * {HOUR} AND ts < (hour + 1) * {HOUR}"
    at.execute(
        f"WITH RECURSIVE found (hour) AS ({first} UNION ALL SELECT ({after}) FROM found WHERE hour IS NOT NULL)"
        f" SELECT hour, ({rows}) FROM found WHERE hour IS NOT NULL",
        (start * HOUR, end * HOUR, end * HOUR),
    )
    return at.fetchall()


def _batches(at: sqlite3.Cursor, schema: pa.Schema, most: int | None) -> Iterator[pa.RecordBatch]:
    """The next rows, ``most`` or all, some of them at a time."""
    left, step = sys.maxsize if most is None else most, FETCH // len(schema)
    while left and (rows := at.fetchmany(min(step, left))):
        arrays = [pa.array(column, type_) for column, type_ in zip(zip(*rows, strict=True), schema.types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        left -= len(rows)


def drop_before(at: sqlite3.Cursor, model: StoredModel, start: int) -> int:
    """See ``Dialect.drop_before``."""
    return at.execute(f"DELETE FROM {predictions_table(model)} WHERE ts < ?", (start,)).rowcount


def is_left_before(at: sqlite3.Cursor, model: StoredModel, start: int) -> bool:
    """See ``Dialect.is_left_before``: readers keep nothing."""
    return False


def tend(database: Any, model: StoredModel) -> None:
    """See ``Dialect.tend``: tables of every version have the same."""


WEIGHED = 1000  # rows


def bytes_of(at: sqlite3.Cursor, table: str) -> int:
    """See ``Dialect.bytes_of``: what the newest thousand rows weigh on average, times the rows there are. An exact
    figure would take reading the whole file."""
    columns = sorted(columns_of(at, table))
    each = "+".join(f"CASE typeof({name}) WHEN 'real' THEN 8 ELSE coalesce(length({name}), 0) END" for name in columns)
    newest = f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT {WEIGHED}"
    mean = at.execute(f"SELECT avg({each}) FROM ({newest})").fetchone()[0]
    first, last = at.execute(f"SELECT min(rowid), max(rowid) FROM {table}").fetchone()
    rows = 0 if last is None else last - first + 1
    return round(rows * (float(mean or 0.0) + len(columns) + 4))  # a byte a column and some a row are SQLite's own
