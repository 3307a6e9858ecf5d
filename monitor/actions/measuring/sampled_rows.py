"""Rows of a stretch of the log or of a reference as detectors take them: a bounded sample, in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.multivariate.domain_classifier import MOST_ROWS, Rows, time_blocks
from monitor.actions.frame import Frame
from monitor.actions.levels import is_numeric
from monitor.store.observations.base import StoredColumn, arrow_type


def columns_of(frame: Frame, names: Sequence[str]) -> list[StoredColumn]:
    """The stored columns of these features that rows can be compared by, in their order."""
    known = {column.name: column for column in frame.model.columns if column.role == "feature"}
    return [known[name] for name in names if _fits(frame, known.get(name))]


def _fits(frame: Frame, column: StoredColumn | None) -> bool:
    """Numbers that are stored as such, categories and vectors."""
    if column is None:
        return False
    return column.storage in ("number", "vector") or not is_numeric(frame, f"feature.{column.name}")


def of_version(chunks: Iterable[pa.Table], version: str) -> Iterator[pa.Table]:
    """The rows of one model version ('': those without)."""
    for chunk in chunks:
        yield chunk.filter(pc.equal(pc.fill_null(chunk.column("version"), ""), version))


def step_of(total: int, most: int = MOST_ROWS) -> int:
    """Of ``total`` rows every so many-th is taken, so that they are at most ``most``."""
    return max(1, -(-total // most))


def sampled(
    chunks: Iterable[pa.Table], total: int, columns: Sequence[StoredColumn], *, timed: bool, most: int = MOST_ROWS
) -> Rows:
    """Every so many-th of ``total`` rows, at most ``most``, in order of time: the same ones whenever it is asked."""
    step, seen, taken = step_of(total, most), 0, []
    for chunk in chunks:
        places = np.arange(-seen % step, chunk.num_rows, step)
        seen += chunk.num_rows
        taken.append(_kept(chunk.take(pa.array(places)), columns))
    table = pa.concat_tables(taken) if taken else _kept(None, columns)
    hours = table.column("hour").to_numpy()
    order = np.argsort(hours, kind="stable")
    table, hours = table.take(pa.array(order)), hours[order]
    blocks = time_blocks(hours if timed else np.arange(len(hours)) * 96 // max(len(hours), 1))
    found = {column.name: table.column(column.physical).combine_chunks() for column in columns}
    return Rows(found, blocks, hours if timed else None)


def _kept(chunk: pa.Table | None, columns: Sequence[StoredColumn]) -> pa.Table:
    """The hour and the features, null where the chunk has no such column."""
    rows = 0 if chunk is None else chunk.num_rows
    found = {"hour": pa.nulls(0, pa.int64()) if chunk is None else chunk.column("hour")}
    for column in columns:
        kind = arrow_type(column)
        there = chunk is not None and column.physical in chunk.column_names
        found[column.physical] = chunk.column(column.physical).cast(kind) if there and chunk else pa.nulls(rows, kind)
    return pa.table(found)
