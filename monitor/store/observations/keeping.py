"""What happens to rows beside posting and reading: they are erased, moved to another store, weighed, and dropped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from monitor.store.observations.base import Erased, StoredModel
from monitor.store.observations.dialect import Dialect
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


def drop_model(connection: Any, dialect: Dialect, model: StoredModel) -> None:
    """The model's tables are gone."""
    with dialect.cursor(connection) as at:
        for table in sorted({predictions_table(model), labels_table(model), dialect.known(model)}):
            at.execute(f"DROP TABLE IF EXISTS {table}")


def erase(connection: Any, dialect: Dialect, model: StoredModel, prediction_id: str) -> Erased:
    """Delete one prediction and all its labels; see ``Observations.erase``."""
    table, known, one = predictions_table(model), dialect.known(model), (prediction_id,)
    with dialect.cursor(connection) as at:
        at.execute(f"DELETE FROM {labels_table(model)} WHERE id = ?", one)
        labels = at.rowcount
        at.execute(f"SELECT ts FROM {known} WHERE id = ?", one)
        found = at.fetchone()
        if found is None:
            return Erased(None, "", labels)
        row = (found[0], prediction_id)
        at.execute(f"SELECT version FROM {table} WHERE ts = ? AND id = ?", row)
        version = at.fetchone()
        at.execute(f"DELETE FROM {table} WHERE ts = ? AND id = ?", row)
        at.execute(f"DELETE FROM {known} WHERE id = ?", one)
    return Erased(found[0], (version and version[0]) or "", labels)


def labels_of(connection: Any, dialect: Dialect, model: StoredModel) -> Iterator[pa.Table]:
    """Every revision of every label, in order of arrival."""
    after, row = 0, dialect.arrival
    schema = pa.schema([(row, pa.int64()), *LABELS])
    statement = (
        f"SELECT {','.join(schema.names)} FROM {labels_table(model)} WHERE {row} > ? ORDER BY {row} LIMIT {AT_ONCE}"
    )
    while True:
        with dialect.cursor(connection) as at:
            found = dialect.fetch(at, statement, (after,), schema).sort_by(row)
        if not len(found):
            return
        after = found[row][-1].as_py()
        yield found.drop_columns([row])


def restore_labels(connection: Any, dialect: Dialect, model: StoredModel, table: pa.Table) -> None:
    """Labels as ``labels_of`` gave them, behind those that are there."""
    columns = [(name, table[name].combine_chunks()) for name in LABELS.names]
    staged = [(name, values.to_numpy() if pa.types.is_integer(values.type) else values) for name, values in columns]
    names = ",".join(LABELS.names)
    with dialect.cursor(connection) as at:
        moved = dialect.stage(at, "moved", staged)
        at.execute(f"INSERT INTO {labels_table(model)} ({names}) SELECT {names} FROM {moved} ORDER BY place")


def size(connection: Any, dialect: Dialect, model: StoredModel) -> dict[str, int]:
    """About how many bytes both kinds of rows take."""
    predictions = sorted({predictions_table(model), dialect.known(model)})
    with dialect.cursor(connection) as at:
        return {
            "predictions": sum(dialect.bytes_of(at, table) for table in predictions),
            "labels": dialect.bytes_of(at, labels_table(model)),
        }
