"""What happens to rows beside posting and reading: they are erased, moved to another store, weighed, and dropped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from monitor.store.observations import sqlite
from monitor.store.observations.base import Erased, StoredModel
from monitor.store.observations.schema import labels_table, predictions_table

LABELS = pa.schema(
    [
        ("id", pa.string()),
        ("ts", pa.int64()),
        ("value", pa.string()),
        ("kind", pa.string()),
        ("arrived", pa.int64()),
    ]
)
AT_ONCE = 100_000
WEIGHED = 1000  # rows whose bytes are counted, the newest


def drop_model(connection: Any, model: StoredModel) -> None:
    """The model's tables are gone."""
    with overwriting(connection) as at:
        for table in (predictions_table(model), labels_table(model)):
            at.execute(f"DROP TABLE IF EXISTS {table}")


def erase(connection: Any, model: StoredModel, prediction_id: str) -> Erased:
    """Delete one prediction and all its labels; see ``Observations.erase``."""
    table, labels = predictions_table(model), labels_table(model)
    with overwriting(connection) as at:
        row = at.execute(f"SELECT ts, version FROM {table} WHERE id = ?", (prediction_id,)).fetchone()
        at.execute(f"DELETE FROM {table} WHERE id = ?", (prediction_id,))
        gone = at.execute(f"DELETE FROM {labels} WHERE id = ?", (prediction_id,)).rowcount
    return Erased(None if row is None else row[0], "" if row is None else row[1] or "", gone)


def labels_of(connection: Any, model: StoredModel) -> Iterator[pa.Table]:
    """Every revision of every label, in order of arrival."""
    after, table = 0, labels_table(model)
    schema = pa.schema([("rowid", pa.int64()), *LABELS])
    statement = f"SELECT {','.join(schema.names)} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {AT_ONCE}"
    while True:
        with sqlite.cursor(connection) as at:
            found = sqlite.fetch(at, statement, (after,), schema)
        if not len(found):
            return
        after = found["rowid"][-1].as_py()
        yield found.drop_columns(["rowid"])


def restore_labels(connection: Any, model: StoredModel, table: pa.Table) -> None:
    """Labels as ``labels_of`` gave them, behind those that are there."""
    columns = [sqlite.bindable(table[name].combine_chunks()) for name in LABELS.names]
    with sqlite.cursor(connection) as at:
        sqlite.insert(at, labels_table(model), LABELS.names, columns)


def size(connection: Any, model: StoredModel) -> dict[str, int]:
    """Bytes of the rows of both tables: how many there are times what the newest thousand weigh on average."""
    return {
        name: _weight(connection, table)
        for name, table in (("predictions", predictions_table(model)), ("labels", labels_table(model)))
    }


def _weight(connection: Any, table: str) -> int:
    with sqlite.cursor(connection) as at:
        columns = sorted(sqlite.existing_columns(at, table))
        each = "+".join(f"iif(typeof({name}) = 'real', 8, coalesce(length({name}), 0))" for name in columns)
        newest = f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT {WEIGHED}"
        mean: float | None = at.execute(f"SELECT avg({each}) FROM ({newest})").fetchone()[0]
        rows = int(at.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    return round(float(rows) * ((mean or 0.0) + len(columns) + 4))  # a byte a column and some a row are SQLite's own


@contextlib.contextmanager
def overwriting(connection: Any) -> Iterator[Any]:
    """A cursor whose deletes overwrite with zeros, also where that costs more writing."""
    with sqlite.cursor(connection) as at:
        at.execute("PRAGMA secure_delete = ON").fetchone()
        try:
            yield at
        finally:
            at.execute("PRAGMA secure_delete = FAST").fetchone()
