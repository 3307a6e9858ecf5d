"""Predictions and labels in a relational database; SQLite today, its dialect in ``sqlite`` beside this."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from monitor.clock import HOUR
from monitor.store.observations import keeping, labels, predictions, reading, schema, single, sqlite
from monitor.store.observations.base import (
    Appended,
    Erased,
    LabelBatch,
    PredictionBatch,
    ScoredRows,
    StoredColumn,
    StoredModel,
)


class SqlObservations:
    """``Observations`` on the same database as the fixed tables; see ``monitor.store.observations.base``."""

    def ensure_model(self, connection: Any, model: StoredModel) -> None:
        """Make the model's tables, or add the columns that they lack."""
        schema.ensure(connection, model)

    def append(self, connection: Any, model: StoredModel, batch: PredictionBatch) -> Appended:
        """Store rows whose id is not known."""
        return predictions.append(connection, model, batch)

    def append_labels(self, connection: Any, model: StoredModel, batch: LabelBatch, arrived: int) -> Appended:
        """Keep labels, every revision."""
        return labels.append_labels(connection, model, batch, arrived)

    def read(
        self, connection: Any, model: StoredModel, start: int, end: int, columns: Sequence[StoredColumn]
    ) -> Iterator[pa.Table]:
        """Rows of hours [start, end) in chunks of whole hours."""
        return reading.read(connection, model, start, end, columns) if _made(connection, model) else iter(())

    def scored(
        self, connection: Any, model: StoredModel, hours: Sequence[int], columns: Sequence[StoredColumn] = ()
    ) -> ScoredRows:
        """Labelled predictions of those hours, with the values of more columns."""
        return reading.scored(connection, model, hours if _made(connection, model) else [], columns)

    def get(self, connection: Any, model: StoredModel, prediction_id: str) -> dict[str, Any] | None:
        """One prediction as stored."""
        return single.get(connection, model, prediction_id) if _made(connection, model) else None

    def drop_before(self, connection: Any, model: StoredModel, hour: int) -> int:
        """Delete predictions older than that hour, their labels, and labels of that age that never met one."""
        table, revisions = schema.predictions_table(model), schema.labels_table(model)
        start = hour * HOUR
        if not _made(connection, model):
            return 0
        with sqlite.cursor(connection) as at:
            at.execute(f"DELETE FROM {revisions} WHERE id IN (SELECT id FROM {table} WHERE ts < ?)", (start,))
            at.execute(
                f"DELETE FROM {revisions} WHERE ts < ? AND NOT EXISTS"
                f" (SELECT 1 FROM {table} p WHERE p.id = {revisions}.id)",
                (start,),
            )
            return at.execute(f"DELETE FROM {table} WHERE ts < ?", (start,)).rowcount

    def stats(self, connection: Any, model: StoredModel) -> dict[str, int]:
        """``predictions``, ``labels`` (ids with a label), ``orphans`` (ids whose prediction is not known)."""
        table, revisions = schema.predictions_table(model), schema.labels_table(model)
        orphans = f"NOT EXISTS (SELECT 1 FROM {table} p WHERE p.id = l.id)"
        queries = {
            "predictions": f"SELECT count(*) FROM {table}",
            "labels": f"SELECT count(DISTINCT id) FROM {revisions}",
            "orphans": f"SELECT count(DISTINCT id) FROM {revisions} l WHERE {orphans}",
        }
        if not _made(connection, model):
            return dict.fromkeys(queries, 0)
        with sqlite.cursor(connection) as at:
            return {name: int(at.execute(query).fetchone()[0]) for name, query in queries.items()}

    def erase(self, connection: Any, model: StoredModel, prediction_id: str) -> Erased:
        """Delete one prediction and its labels."""
        return keeping.erase(connection, model, prediction_id) if _made(connection, model) else Erased(None, "", 0)

    def drop_model(self, connection: Any, model: StoredModel) -> None:
        """Delete all that is stored of the model."""
        keeping.drop_model(connection, model)

    def labels_of(self, connection: Any, model: StoredModel) -> Iterator[pa.Table]:
        """Every revision of every label, in order of arrival."""
        return keeping.labels_of(connection, model) if _made(connection, model) else iter(())

    def restore_labels(self, connection: Any, model: StoredModel, table: pa.Table) -> None:
        """Labels as ``labels_of`` gave them."""
        keeping.restore_labels(connection, model, table)

    def size(self, connection: Any, model: StoredModel) -> dict[str, int]:
        """About how many bytes ``predictions`` and ``labels`` take."""
        return keeping.size(connection, model) if _made(connection, model) else {"predictions": 0, "labels": 0}


def _made(connection: Any, model: StoredModel) -> bool:
    """Whether the model has tables: one that was only configured has none yet."""
    with sqlite.cursor(connection) as at:
        return bool(sqlite.existing_columns(at, schema.predictions_table(model)))
