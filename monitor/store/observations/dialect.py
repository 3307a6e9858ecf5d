"""What the two relational engines do each in their own way; everything else is one code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.store.observations.base import PredictionBatch, StoredModel

Staged = Sequence[tuple[str, Any]]  # names and arrays (Arrow or numpy int64) of equal length


class Dialect(Protocol):
    """An engine's words. ``at`` is a cursor of the open unit of work whose statements have ``?`` for values."""

    types: Mapping[str, str]  # of a column, by storage
    same: str  # how two values that may be null are compared
    differs: str
    arrival: str  # column that counts rows up in their order of arrival
    adjacent: str  # keeps what is joined to a prediction ``p`` together without sorting; empty: ``stream`` sorts

    def cursor(self, connection: Any) -> AbstractContextManager[Any]:
        """The driver's cursor inside the transaction; raises StoreUnavailable when the engine cannot be used."""

    def columns_of(self, at: Any, table: str) -> set[str]:
        """Names of a table's columns; empty if there is no such table."""

    def create(self, at: Any, model: StoredModel) -> None:
        """Make a model's tables."""

    def altering(self, at: Any) -> AbstractContextManager[None]:
        """Tables are changed within: the statements give up soon rather than keep those behind them waiting."""

    def add_columns(self, at: Any, table: str, columns: Sequence[str]) -> None:
        """Widen a table by columns, each with its type."""

    def known(self, model: StoredModel) -> str:
        """The table that has ``id`` and ``ts`` of every prediction, each id once."""

    def insert_new(
        self, at: Any, model: StoredModel, names: Sequence[str], batch: PredictionBatch
    ) -> NDArray[np.bool_]:
        """Store the first row of each id that is not known; which rows those were."""

    def stage(self, at: Any, table: str, columns: Staged) -> str:
        """A temporary table of these columns and ``place`` (0, 1, ...), gone at the end of the unit of work at the
        latest; the name to call it by."""

    def fetch(self, at: Any, statement: str, values: Sequence[Any], schema: pa.Schema) -> pa.Table:
        """A query's rows, in no particular order."""

    def stream(
        self,
        connection: Any,
        statement: str,
        values: Sequence[Any],
        schema: pa.Schema,
        rows: int,
        whole: str | None = None,
    ) -> Iterator[pa.Table]:
        """A query's rows, at most so many at once: what is yielded is not held here, and what is to come neither.
        ``whole``: a column of texts; then about so many rows at once, and those with one text together."""

    def hours_of(self, at: Any, model: StoredModel, start: int, end: int) -> list[tuple[int, int]]:
        """The hours of [start, end) that have predictions, in order, and how many."""

    def drop_before(self, at: Any, model: StoredModel, start: int) -> int:
        """Delete predictions before a time, microseconds; how many there were."""

    def is_left_before(self, at: Any, model: StoredModel, start: int) -> bool:
        """Whether ``drop_before`` left tables, because somebody was reading them."""

    def tend(self, database: Any, model: StoredModel) -> None:
        """See ``Observations.tend``."""

    def bytes_of(self, at: Any, table: str) -> int:
        """About how many bytes a table takes."""


def first_of_each(ids: pa.Array) -> NDArray[np.bool_]:
    """Which rows are the first of their id."""
    codes = ids.dictionary_encode().indices.to_numpy()
    first = np.zeros(len(ids), np.bool_)
    first[np.unique(codes, return_index=True)[1]] = True
    return first
