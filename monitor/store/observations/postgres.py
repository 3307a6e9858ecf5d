"""PostgreSQL's own words: COPY in, columns out, predictions partitioned by weeks of their time.

A unique key of a partitioned table must hold what it is partitioned by; so the ids that are known stand in a table of
their own, ``i_``, with the time of their prediction.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.clock import HOUR
from monitor.store import on_postgres
from monitor.store.driver import in_dialect
from monitor.store.observations import indexes, partitions, pg_binary
from monitor.store.observations.base import PredictionBatch, StoredModel, predictions_table
from monitor.store.observations.dialect import Staged, first_of_each

types = {
    "number": "DOUBLE PRECISION",
    "string": 'TEXT COLLATE "C"',
    "boolean": 'TEXT COLLATE "C"',
    "vector": "BYTEA",
}
same, differs = "IS NOT DISTINCT FROM", "IS DISTINCT FROM"
arrival = "arrival"
adjacent = ""
COPY_ROWS = 50_000
LARGE_ROW = 4 << 20  # bytes
_TEXT = types["string"]
_ORDER = 'COLLATE "C"'
_numbers = itertools.count()


class Cursor:
    """A psycopg cursor whose statements have ``?`` for values, like those of SQLite's driver."""

    def __init__(self, cursor: Any, info: dict[str, Any]) -> None:
        self._cursor, self._info = cursor, info

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        """Run a statement."""
        self._cursor.execute(in_dialect("postgresql", statement), values, prepare=False)
        return self

    def fetchone(self) -> Any:
        """The next row."""
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        """All rows."""
        return self._cursor.fetchall()  # type: ignore[no-any-return]

    @property
    def rowcount(self) -> int:
        """Rows changed."""
        return int(self._cursor.rowcount)

    def columns(self, statement: str, values: Sequence[Any]) -> Any:
        """The one row of a statement, its values as bytes."""
        with self._cursor.connection.cursor(binary=True) as cursor:
            row = cursor.execute(in_dialect("postgresql", statement), values, prepare=False).fetchone()
        self.weigh(row)
        return row

    def weigh(self, row: Sequence[Any]) -> None:
        """Mark the connection where the driver has made much room for one row, which it keeps for good."""
        if sum(len(value) for value in row if isinstance(value, bytes)) > LARGE_ROW:
            self._info[on_postgres.SWOLLEN] = True

    def opened(self) -> Any:
        """A cursor on the server, whose rows come one by one, their values as bytes; there may be several."""
        return self._cursor.connection.cursor(f"opened_{next(_numbers)}", binary=True)

    def copy_in(self, table: str, names: Sequence[str], payloads: Iterator[bytes]) -> None:
        """Rows in COPY's binary form into a table."""
        with self._cursor.copy(f"COPY {table} ({','.join(names)}) FROM STDIN (FORMAT binary)") as copy:
            for payload in payloads:
                copy.write(payload)


@contextlib.contextmanager
def cursor(connection: Any) -> Iterator[Cursor]:
    """See ``Dialect.cursor``; what the driver raises, the unit of work around it tells (``Database``)."""
    if not connection.in_transaction():
        connection.begin()
    with connection.connection.driver_connection.cursor() as opened:
        yield Cursor(opened, connection.connection.info)


def columns_of(at: Cursor, table: str) -> set[str]:
    """See ``Dialect.columns_of``."""
    statement = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped"
    return {row[0] for row in at.execute(statement, (table,)).fetchall()}


def create(at: Cursor, model: StoredModel) -> None:
    """See ``Dialect.create``."""
    table, labels, ids = predictions_table(model), f"l_{model.id}", known(model)
    at.execute(f"CREATE TABLE {ids} (id {_TEXT} PRIMARY KEY, ts BIGINT NOT NULL)")
    at.execute(
        f"CREATE TABLE {table} (id {_TEXT} NOT NULL, ts BIGINT NOT NULL, version {_TEXT}, latency_ms DOUBLE PRECISION,"
        f" error {_TEXT}, odd {_TEXT}) PARTITION BY RANGE (ts)"
    )
    at.execute(f"CREATE INDEX {table}_ts ON {table} (ts)")
    at.execute(
        f"CREATE TABLE {labels} (arrival BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id {_TEXT} NOT NULL,"
        f" ts BIGINT NOT NULL, value {_TEXT} NOT NULL, kind {_TEXT} NOT NULL, arrived BIGINT NOT NULL)"
    )
    # An index holds at most some 2,700 bytes of a row; a label may be longer.
    at.execute(f"CREATE UNIQUE INDEX {labels}_once ON {labels} (id, ts, md5(value))")
    for one in indexes.tables(model):
        at.execute(f"CREATE INDEX {indexes.of(one)}")


def altering(at: Cursor) -> AbstractContextManager[None]:
    """See ``Dialect.altering``."""
    return partitions.brief(at)


def add_columns(at: Cursor, table: str, columns: Sequence[str]) -> None:
    """See ``Dialect.add_columns``: one statement, which takes its lock once."""
    at.execute(f"ALTER TABLE {table} {','.join(f'ADD COLUMN {column}' for column in columns)}")


def known(model: StoredModel) -> str:
    """See ``Dialect.known``."""
    return f"i_{model.id}"


def insert_new(at: Cursor, model: StoredModel, names: Sequence[str], batch: PredictionBatch) -> NDArray[np.bool_]:
    """See ``Dialect.insert_new``: rows go straight to where they stay where no id is known, which is usual; else by way
    of a staged table."""
    first = first_of_each(batch.ids)
    columns = list(zip(names, batch.arrays(), strict=True))
    if not first.all():
        columns = [(name, _filtered(values, first)) for name, values in columns]
    arrays = [values for _, values in columns]
    partitions.ensure(at, model, batch.timestamps)
    at.execute("SAVEPOINT before_ids")
    if _all_taken(at, model, _filtered(batch.ids, first), batch.timestamps[first]):
        at.copy_in(predictions_table(model), names, pg_binary.copied(arrays, COPY_ROWS))
        at.execute("RELEASE before_ids")
        return first
    at.execute("ROLLBACK TO before_ids")
    staged, fields = stage(at, "arriving", columns), ",".join(names)
    taken = f"INSERT INTO {known(model)} (id, ts) SELECT id, ts FROM {staged} ON CONFLICT (id) DO NOTHING"
    into = f"INSERT INTO {predictions_table(model)} ({fields})"
    at.execute(
        f"WITH new AS ({taken} RETURNING id), put AS ({into} SELECT {','.join(f's.{name}' for name in names)}"
        f" FROM {staged} s JOIN new ON new.id = s.id)"
        f" SELECT s.place FROM {staged} s JOIN new ON new.id = s.id"
    )
    fresh = np.zeros(len(first), np.bool_)
    fresh[np.flatnonzero(first)[[row[0] for row in at.fetchall()]]] = True
    return fresh


def _all_taken(at: Cursor, model: StoredModel, ids: pa.Array, times: NDArray[np.int64]) -> bool:
    """Make ids known; whether none was, else some are missing. In their order, so that neighbours in the index are put
    in together."""
    arrived = f"SELECT * FROM unnest(?::text[], ?::bigint[]) AS arrived (id, ts) ORDER BY id {_ORDER}"
    put = f"INSERT INTO {known(model)} (id, ts) {arrived} ON CONFLICT (id) DO NOTHING"
    starts = range(0, len(ids), COPY_ROWS)
    parts = ((ids[start : start + COPY_ROWS], times[start : start + COPY_ROWS]) for start in starts)
    return all(at.execute(put, [pg_binary.as_array(one) for one in part]).rowcount == len(part[0]) for part in parts)


def _filtered(values: Any, mask: NDArray[np.bool_]) -> Any:
    return values[mask] if isinstance(values, np.ndarray) else values.filter(pa.array(mask))


def stage(at: Cursor, table: str, columns: Staged) -> str:
    """See ``Dialect.stage``."""
    length = len(columns[0][1])
    whole = [*columns, ("place", np.arange(length, dtype=np.int64))]
    kinds = ",".join(f"{name} {_type_of(values)}" for name, values in whole)
    at.execute(f"DROP TABLE IF EXISTS pg_temp.{table}")
    at.execute(f"CREATE TEMP TABLE {table} ({kinds}) ON COMMIT DROP")
    names, arrays = zip(*whole, strict=True)
    at.copy_in(f"pg_temp.{table}", names, pg_binary.copied(arrays, COPY_ROWS))
    return f"pg_temp.{table}"


def _type_of(values: Any) -> str:
    if isinstance(values, np.ndarray):
        return "BIGINT"
    if pa.types.is_floating(values.type):
        return "DOUBLE PRECISION"
    return "BYTEA" if pa.types.is_binary(values.type) else _TEXT


def fetch(at: Cursor, statement: str, values: Sequence[Any], schema: pa.Schema) -> pa.Table:
    """See ``Dialect.fetch``: the server puts each column into one value, so that no Python object stands for a
    number."""
    names, asked = _columns(schema)
    return _table(at.columns(f"SELECT {asked} FROM ({statement}) AS rows ({names})", values), schema)


def stream(
    connection: Any, statement: str, values: Sequence[Any], schema: pa.Schema, rows: int, whole: str | None = None
) -> Iterator[pa.Table]:
    """See ``Dialect.stream``: rows are numbered on the server, grouped by that, and fetched group by group."""
    names, asked = _columns(schema)
    by = "" if whole is None else f"ORDER BY v{schema.get_field_index(whole)}"
    number = f"{'row_number' if whole is None else 'rank'}() OVER ({by})"
    numbered = f"SELECT *, ({number} - 1) / {rows} AS part FROM ({statement}) AS found ({names})"
    with cursor(connection) as at:
        # Groups that are hashed would all be in the server's memory at the same time.
        at.execute("SET LOCAL enable_hashagg = off")
        with at.opened() as found:
            found.execute(in_dialect("postgresql", f"SELECT {asked} FROM ({numbered}) AS rows GROUP BY part"), values)
            at.execute("SET LOCAL enable_hashagg = on")
            while row := found.fetchone():
                at.weigh(row)
                made = _table(row, schema)
                del row
                yield made
                del made


def hours_of(at: Cursor, model: StoredModel, start: int, end: int) -> list[tuple[int, int]]:
    """See ``Dialect.hours_of``."""
    rows = f"SELECT ts / {HOUR}, count(*) FROM {predictions_table(model)} WHERE ts >= ? AND ts < ?"
    return at.execute(f"{rows} GROUP BY 1 ORDER BY 1", (start * HOUR, end * HOUR)).fetchall()


def _columns(schema: pa.Schema) -> tuple[str, str]:
    """Names for a query's columns, and what to ask of them: how many rows there are, and each column in one value."""
    names = ",".join(f"v{place}" for place in range(len(schema)))
    asked = [part for place, type_ in enumerate(schema.types) for part in pg_binary.aggregates(f"rows.v{place}", type_)]
    return names, f"count(*), {','.join(asked)}"


def _table(row: Sequence[Any], schema: pa.Schema) -> pa.Table:
    parts = iter(row[1:])
    arrays = [pg_binary.array(type_, row[0], parts) for type_ in schema.types]
    return pa.Table.from_arrays(arrays, schema=schema)


def drop_before(at: Cursor, model: StoredModel, start: int) -> int:
    """See ``Dialect.drop_before``: whole partitions go at once, the rest of the oldest week row by row. Partitions come
    last: nobody reads from then on until the unit of work ends."""
    gone = at.execute(f"DELETE FROM {known(model)} WHERE ts < ?", (start,)).rowcount
    week = start // partitions.WEEK * partitions.WEEK
    at.execute(f"DELETE FROM {predictions_table(model)} WHERE ts >= ? AND ts < ?", (week, start))
    partitions.drop_before(at, model, start)
    return gone


def is_left_before(at: Cursor, model: StoredModel, start: int) -> bool:
    """See ``Dialect.is_left_before``."""
    return bool(partitions.before(at, model, start))


def tend(database: Any, model: StoredModel) -> None:
    """See ``Dialect.tend``."""
    indexes.build(database, model)


def bytes_of(at: Cursor, table: str) -> int:
    """See ``Dialect.bytes_of``: with indexes and all partitions."""
    parts = "SELECT to_regclass(?)::oid UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(?)"
    at.execute(f"SELECT coalesce(sum(pg_total_relation_size(part)), 0) FROM ({parts}) AS parts (part)", (table, table))
    return int(at.fetchone()[0])
