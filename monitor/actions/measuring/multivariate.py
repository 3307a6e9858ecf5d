"""All features at once, on rows of the window and of its reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alerting.reading import Reading
from detectors.multivariate.domain_classifier import MOST_ROWS, Rows, time_blocks
from detectors.registry import MULTIVARIATE
from monitor import clock
from monitor.actions import prepare_reference
from monitor.actions.frame import Frame, Window
from monitor.actions.levels import features_of, is_numeric
from monitor.actions.measuring.as_reading import as_reading
from monitor.actions.measuring.task import Task
from monitor.actions.measuring.whole import reference_of
from monitor.config.document import Trailing
from monitor.store import references
from monitor.store.observations.base import StoredColumn, arrow_type


def multivariate(frame: Frame, task: Task, window: Window) -> list[Reading]:
    """One reading of all versions and all features together."""
    rows = {version: counts.rows for version, counts in window.versions.items()}
    compared = reference_of(frame, task, rows)
    columns = columns_of(frame, features_of(frame, task.check))
    read = frame.service.observations.read
    current = _sampled(
        read(frame.connection, frame.model.stored, task.start, task.end, columns),
        window.pooled.rows,
        columns,
        timed=True,
    )
    reference = _reference_rows(frame, task, rows, columns)
    measure = MULTIVARIATE[task.check.method].measure
    measured = measure([column.name for column in columns], reference, current)
    return [as_reading(frame, task, measured, compared, None, judged=True)]


def columns_of(frame: Frame, names: Sequence[str]) -> list[StoredColumn]:
    """The stored columns of these features that rows can be compared by, in their order."""
    known = {column.name: column for column in frame.model.columns if column.role == "feature"}
    return [known[name] for name in names if _fits(frame, known.get(name))]


def _fits(frame: Frame, column: StoredColumn | None) -> bool:
    """Numbers that are stored as such, categories and vectors."""
    if column is None:
        return False
    return column.storage in ("number", "vector") or not is_numeric(frame, f"feature.{column.name}")


def _reference_rows(frame: Frame, task: Task, rows: dict[str, int], columns: Sequence[StoredColumn]) -> Rows:
    """Rows of what each version is compared with, in the window's row shares; of the trailing stretch, if asked."""
    given = task.check.reference
    if isinstance(given, Trailing):
        last = task.start - clock.parse_duration(given.gap) // clock.HOUR
        first = last - clock.parse_duration(given.trailing) // clock.HOUR
        total = frame.window(first, last).pooled.rows
        chunks = frame.service.observations.read(frame.connection, frame.model.stored, first, last, columns)
        return _sampled(chunks, total, columns, timed=True)
    wanted: dict[tuple[int, str], int] = {}
    known = {}
    for version, count in sorted(rows.items()):
        found = references.choose(frame.known, frame.model.default_reference, given, version)
        if found is not None:
            known[found[0].id] = found[0]
            key = (found[0].id, found[1])
            wanted[key] = wanted.get(key, 0) + count
    parts = [
        _of_reference(frame, known[reference_id], version, columns, MOST_ROWS * count / sum(wanted.values()))
        for (reference_id, version), count in wanted.items()
    ]
    return _together(parts, columns)


def _of_reference(
    frame: Frame, reference: references.Reference, version: str, columns: Sequence[StoredColumn], most: float
) -> Rows:
    chunks = prepare_reference.rows_of(frame.connection, reference.id)
    mine = chunks if version == references.WHOLE else _of_version(chunks, version)
    total = reference.rows if version == references.WHOLE else reference.model_versions[version]
    return _sampled(mine, total, columns, timed=reference.timed, most=max(round(most), 1))


def _of_version(chunks: Iterable[pa.Table], version: str) -> Iterator[pa.Table]:
    for chunk in chunks:
        yield chunk.filter(pc.equal(pc.fill_null(chunk.column("version"), ""), version))


def _sampled(
    chunks: Iterable[pa.Table], total: int, columns: Sequence[StoredColumn], *, timed: bool, most: int = MOST_ROWS
) -> Rows:
    """Every so many-th of ``total`` rows, at most ``most``, in order of time: the same ones whenever it is asked."""
    step, seen, taken = max(1, -(-total // most)), 0, []
    for chunk in chunks:
        places = np.arange(-seen % step, chunk.num_rows, step)
        seen += chunk.num_rows
        taken.append(_kept(chunk.take(pa.array(places)), columns))
    table = pa.concat_tables(taken) if taken else _kept(None, columns)
    hours = table.column("hour").to_numpy()
    order = np.argsort(hours, kind="stable")
    table, hours = table.take(pa.array(order)), hours[order]
    blocks = time_blocks(hours if timed else np.arange(len(hours)) * 96 // max(len(hours), 1))
    return Rows({column.name: table.column(column.physical).combine_chunks() for column in columns}, blocks)


def _kept(chunk: pa.Table | None, columns: Sequence[StoredColumn]) -> pa.Table:
    """The hour and the features, null where the chunk has no such column."""
    rows = 0 if chunk is None else chunk.num_rows
    found = {"hour": pa.nulls(0, pa.int64()) if chunk is None else chunk.column("hour")}
    for column in columns:
        kind = arrow_type(column)
        there = chunk is not None and column.physical in chunk.column_names
        found[column.physical] = chunk.column(column.physical).cast(kind) if there and chunk else pa.nulls(rows, kind)
    return pa.table(found)


def _together(parts: Sequence[Rows], columns: Sequence[StoredColumn]) -> Rows:
    """Rows of several references; blocks of different ones are different."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return _sampled([], 0, columns, timed=False)
    blocks, first = [], 0
    for part in parts:
        blocks.append(part.blocks + first)
        first = int(blocks[-1].max(initial=first)) + 1
    merged = {
        name: pa.chunked_array([part.columns[name] for part in parts]).combine_chunks() for name in parts[0].columns
    }
    return Rows(merged, np.concatenate(blocks))
