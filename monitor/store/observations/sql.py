"""Predictions and labels in a relational database; what its engine does its own way is a ``Dialect``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from monitor.clock import HOUR
from monitor.store.observations import keeping, labels, predictions, reading, schema, single
from monitor.store.observations.base import (
    Appended,
    Erased,
    LabelBatch,
    PredictionBatch,
    ScoredRows,
    StoredColumn,
    StoredModel,
)
from monitor.store.observations.dialect import Dialect


class SqlObservations:
    """``Observations`` on the same database as the fixed tables; see ``monitor.store.observations.base``."""

    shares_transaction = True

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def ensure_model(self, connection: Any, model: StoredModel) -> None:
        """Make the model's tables, or add the columns that they lack."""
        schema.ensure(connection, self._dialect, model)

    def append(self, connection: Any, model: StoredModel, batch: PredictionBatch, number: int = 0) -> Appended:
        """Store rows whose id is not known."""
        return predictions.append(connection, self._dialect, model, batch)

    def append_labels(
        self, connection: Any, model: StoredModel, batch: LabelBatch, arrived: int, number: int = 0
    ) -> Appended:
        """Keep labels, every revision."""
        return labels.append_labels(connection, self._dialect, model, batch, arrived)

    def read(
        self,
        connection: Any,
        model: StoredModel,
        start: int,
        end: int,
        columns: Sequence[StoredColumn],
        *,
        ordered: bool = True,
    ) -> Iterator[pa.Table]:
        """Rows of hours [start, end) in chunks of whole hours, or parts of them."""
        if not self._made(connection, model):
            return iter(())
        return reading.read(connection, self._dialect, model, start, end, columns, ordered)

    def scored(
        self, connection: Any, model: StoredModel, hours: Sequence[int], columns: Sequence[StoredColumn] = ()
    ) -> ScoredRows:
        """Labelled predictions of those hours, with the values of more columns."""
        some = hours if self._made(connection, model) else []
        return reading.scored(connection, self._dialect, model, some, columns)

    def scored_parts(
        self, connection: Any, model: StoredModel, hour: int, columns: Sequence[StoredColumn] = ()
    ) -> Iterator[ScoredRows]:
        """Those of one hour in parts."""
        if not self._made(connection, model):
            return iter(())
        return reading.scored_parts(connection, self._dialect, model, hour, columns)

    def get(self, connection: Any, model: StoredModel, prediction_id: str) -> dict[str, Any] | None:
        """One prediction as stored."""
        if not self._made(connection, model):
            return None
        return single.get(connection, self._dialect, model, prediction_id)

    def times_of(self, connection: Any, model: StoredModel, ids: pa.Array) -> pa.Array:
        """Times of predictions by id, null where unknown."""
        made = self._made(connection, model)
        return single.times_of(connection, self._dialect, model, ids) if made else pa.nulls(len(ids), pa.int64())

    def drop_before(self, connection: Any, model: StoredModel, hour: int) -> int:
        """Delete predictions older than that hour, their labels, and labels of that age that never met one."""
        known, revisions = self._dialect.known(model), schema.labels_table(model)
        start = hour * HOUR
        if not self._made(connection, model):
            return 0
        with self._dialect.cursor(connection) as at:
            at.execute(f"DELETE FROM {revisions} WHERE id IN (SELECT id FROM {known} WHERE ts < ?)", (start,))
            met = f"SELECT 1 FROM {known} p WHERE p.id = {revisions}.id"
            at.execute(f"DELETE FROM {revisions} WHERE ts < ? AND NOT EXISTS ({met})", (start,))
            return self._dialect.drop_before(at, model, start)

    def is_left_before(self, connection: Any, model: StoredModel, hour: int) -> bool:
        """Whether whole weeks older than that hour are still there."""
        with self._dialect.cursor(connection) as at:
            return self._dialect.is_left_before(at, model, hour * HOUR)

    def tend(self, database: Any, model: StoredModel) -> None:
        """Make the indexes that tables of an earlier version lack."""
        self._dialect.tend(database, model)

    def stats(self, connection: Any, model: StoredModel) -> dict[str, int]:
        """``predictions``, ``labels`` (ids with a label), ``orphans`` (ids whose prediction is not known)."""
        known, revisions = self._dialect.known(model), schema.labels_table(model)
        orphans = f"NOT EXISTS (SELECT 1 FROM {known} p WHERE p.id = l.id)"
        queries = {
            "predictions": f"SELECT count(*) FROM {known}",
            "labels": f"SELECT count(DISTINCT id) FROM {revisions}",
            "orphans": f"SELECT count(DISTINCT id) FROM {revisions} l WHERE {orphans}",
        }
        if not self._made(connection, model):
            return dict.fromkeys(queries, 0)
        found = {}
        with self._dialect.cursor(connection) as at:
            for name, query in queries.items():
                at.execute(query)
                found[name] = int(at.fetchone()[0])
        return found

    def erase(self, connection: Any, model: StoredModel, prediction_id: str) -> Erased:
        """Delete one prediction and its labels."""
        if not self._made(connection, model):
            return Erased(None, "", 0)
        return keeping.erase(connection, self._dialect, model, prediction_id)

    def drop_model(self, connection: Any, model: StoredModel) -> None:
        """Delete all that is stored of the model."""
        keeping.drop_model(connection, self._dialect, model)

    def labels_of(self, connection: Any, model: StoredModel) -> Iterator[pa.Table]:
        """Every revision of every label, in order of arrival."""
        return keeping.labels_of(connection, self._dialect, model) if self._made(connection, model) else iter(())

    def restore_labels(self, connection: Any, model: StoredModel, table: pa.Table, number: int = 0) -> None:
        """Labels as ``labels_of`` gave them."""
        keeping.restore_labels(connection, self._dialect, model, table)

    def size(self, connection: Any, model: StoredModel) -> dict[str, int]:
        """About how many bytes ``predictions`` and ``labels`` take."""
        made = self._made(connection, model)
        return keeping.size(connection, self._dialect, model) if made else {"predictions": 0, "labels": 0}

    def _made(self, connection: Any, model: StoredModel) -> bool:
        return schema.is_made(connection, self._dialect, model)
