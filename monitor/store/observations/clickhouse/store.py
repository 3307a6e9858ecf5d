"""Predictions and labels in ClickHouse, or in the same engine inside this process (chDB)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.store.observations.base import (
    Appended,
    Erased,
    Held,
    HourCounts,
    LabelBatch,
    Number,
    PredictionBatch,
    ScoredRows,
    StoredColumn,
    StoredModel,
)
from monitor.store.observations.clickhouse import counts, keeping, labels, predictions, reading, schema
from monitor.store.observations.clickhouse import ids as known_ids
from monitor.store.observations.clickhouse.address import read_address
from monitor.store.observations.clickhouse.engine import Engine


class ClickHouseObservations:
    """``Apart`` and ``Counting``: ``connection`` is not used, for every statement commits by itself."""

    shares_transaction = False

    def __init__(self, url: str) -> None:
        self.engine = Engine(read_address(url))
        self.alone = self.engine.address.embedded
        self.counts_itself = self.engine.address.counts
        self._made: dict[int, frozenset[tuple[str, str]]] = {}

    def ensure_model(self, connection: Any, model: StoredModel) -> None:
        """Make the model's tables, or add the columns that they lack."""
        wanted = _shape(model)
        if not wanted <= self._made.get(model.id, frozenset()) or model.id not in self._made:
            schema.ensure(self.engine, model)
            self._made[model.id] = wanted

    def append(self, connection: Any, model: StoredModel, batch: PredictionBatch, number: int = 0) -> Appended:
        """Store rows whose id is not known."""
        self.ensure_model(connection, model)
        return predictions.append(self.engine, model, batch, number)

    def append_labels(
        self, connection: Any, model: StoredModel, batch: LabelBatch, arrived: int, number: int = 0
    ) -> Appended:
        """Keep labels, every revision."""
        self.ensure_model(connection, model)
        return labels.append(self.engine, model, batch, arrived, number)

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
        return reading.read(self.engine, model, start, end, columns, ordered) if self._is_made(model) else iter(())

    def scored(
        self, connection: Any, model: StoredModel, hours: Sequence[int], columns: Sequence[StoredColumn] = ()
    ) -> ScoredRows:
        """Labelled predictions of those hours, with the values of more columns."""
        return reading.scored(self.engine, model, hours if self._is_made(model) else [], columns)

    def scored_parts(
        self, connection: Any, model: StoredModel, hour: int, columns: Sequence[StoredColumn] = ()
    ) -> Iterator[ScoredRows]:
        """Those of one hour in parts."""
        return reading.scored_parts(self.engine, model, hour, columns) if self._is_made(model) else iter(())

    def get(self, connection: Any, model: StoredModel, prediction_id: str) -> dict[str, Any] | None:
        """One prediction as stored."""
        return reading.get(self.engine, model, prediction_id) if self._is_made(model) else None

    def drop_before(self, connection: Any, model: StoredModel, hour: int) -> int:
        """Delete predictions older than that hour, their labels, and labels of that age that never met one."""
        if not self._is_made(model):
            return 0
        before = reading.stats(self.engine, model)["predictions"]
        schema.drop_before(self.engine, model, hour)
        return before - reading.stats(self.engine, model)["predictions"]

    def is_left_before(self, connection: Any, model: StoredModel, hour: int) -> bool:
        """Never: nobody's reading keeps a partition."""
        return False

    def tend(self, database: Any, model: StoredModel) -> None:
        """Tables of every version have the same."""

    def stats(self, connection: Any, model: StoredModel) -> dict[str, int]:
        """``predictions``, ``labels`` (ids with a label), ``orphans`` (ids whose prediction is not known)."""
        if not self._is_made(model):
            return {"predictions": 0, "labels": 0, "orphans": 0}
        return reading.stats(self.engine, model)

    def erase(self, connection: Any, model: StoredModel, prediction_id: str) -> Erased:
        """Delete one prediction and its labels."""
        return keeping.erase(self.engine, model, prediction_id) if self._is_made(model) else Erased(None, "", 0)

    def drop_model(self, connection: Any, model: StoredModel) -> None:
        """Delete all that is stored of the model."""
        keeping.drop_model(self.engine, model)
        self._made.pop(model.id, None)

    def times_of(self, connection: Any, model: StoredModel, ids: pa.Array) -> pa.Array:
        """Times of predictions by id, null where unknown."""
        return known_ids.times(self.engine, model, ids) if self._is_made(model) else pa.nulls(len(ids), pa.int64())

    def labels_of(self, connection: Any, model: StoredModel) -> Iterator[pa.Table]:
        """Every revision of every label, in order of arrival."""
        return keeping.labels_of(self.engine, model) if self._is_made(model) else iter(())

    def restore_labels(self, connection: Any, model: StoredModel, table: pa.Table, number: int = 0) -> None:
        """Labels as ``labels_of`` gave them."""
        keeping.restore_labels(self.engine, model, table, number)

    def size(self, connection: Any, model: StoredModel) -> dict[str, int]:
        """About how many bytes ``predictions`` and ``labels`` take."""
        return keeping.size(self.engine, model) if self._is_made(model) else {"predictions": 0, "labels": 0}

    def stretches(self, model: StoredModel, start: int, end: int) -> list[tuple[int, int]]:
        """See ``Counting.stretches``."""
        return reading.stretches(self.engine, model, start, end) if self._is_made(model) else []

    def counts(
        self, model: StoredModel, hours: tuple[int, int], numbers: Sequence[Number], texts: Sequence[str]
    ) -> HourCounts:
        """See ``Counting.counts``."""
        return counts.counts(self.engine, model, hours, numbers, texts)

    def sums(
        self, model: StoredModel, counted: HourCounts, numbers: Sequence[Number], shifts: NDArray[np.int32]
    ) -> NDArray[np.int64]:
        """See ``Counting.sums``."""
        return counts.sums(self.engine, model, counted, numbers, shifts)

    def products(
        self,
        model: StoredModel,
        counted: HourCounts,
        numbers: Sequence[Number],
        codes: Sequence[NDArray[np.int8]],
        pairs: Sequence[tuple[int, int]],
    ) -> NDArray[np.int64]:
        """See ``Counting.products``."""
        return counts.products(self.engine, model, counted, numbers, codes, pairs)

    def mend(self, model: StoredModel, change: int, hours: Sequence[int]) -> Held:
        """See ``Apart.mend``."""
        self.ensure_model(None, model)
        predictions.repair(self.engine, model, change, np.array(hours, np.int64))
        rows, newest = reading.tally_labels(self.engine, model)
        versions = reading.tally(self.engine, model)
        return Held(versions, rows, newest, reading.hours_of_labels(self.engine, model, predictions.of_change(change)))

    def check(self) -> None:
        """Raises StoreUnavailable where it cannot be reached."""
        self.engine.number("SELECT 1")

    def close(self) -> None:
        """Give the connections back."""
        self.engine.close()

    def _is_made(self, model: StoredModel) -> bool:
        """Whether the model has tables: one that was only configured has none yet. Columns that they lack, because
        nothing was posted since they were noted, are added."""
        if model.id not in self._made and not schema.existing(self.engine, model):
            return False
        self.ensure_model(None, model)
        return True


def _shape(model: StoredModel) -> frozenset[tuple[str, str]]:
    return frozenset((column.physical, column.storage) for column in model.columns)
