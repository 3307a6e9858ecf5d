"""Reading back: columnar, in chunks of whole hours, in an order that does not depend on arrival; large hours in parts,
where order does not matter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.clock import HOUR
from monitor.store.observations.base import ScoredRows, StoredColumn, StoredModel, arrow_type
from monitor.store.observations.canonical import canonical_stored
from monitor.store.observations.dialect import Dialect
from monitor.store.observations.schema import labels_table, predictions_table

CHUNK_ROWS, CHUNK_CELLS = 200_000, 1_500_000
PART_ROWS, PART_CELLS = 100_000, 4_000_000  # an hour of more comes in parts
_CELL = 8  # bytes
_HOURS_AT_ONCE = 500
_ORDER = [("hour", "ascending"), ("id", "ascending")]
_SCORED_ORDER = [*_ORDER, ("ts", "ascending"), ("arrival", "ascending")]


def read(
    connection: Any,
    dialect: Dialect,
    model: StoredModel,
    start: int,
    end: int,
    columns: Sequence[StoredColumn],
    ordered: bool,
) -> Iterator[pa.Table]:
    """Rows of hours [start, end); see ``Observations.read``."""
    schema = rows_schema(columns)
    own = {"hour": f"ts / {HOUR}", "timestamp": "ts"}
    selected = ",".join(own.get(name, name) for name in schema.names)
    statement = f"SELECT {selected} FROM {predictions_table(model)} WHERE ts >= ? AND ts < ?"
    at_once, part = min(CHUNK_ROWS, max(1, CHUNK_CELLS // cells(columns))), part_rows(columns)
    for first, last, rows in _chunks(connection, dialect, model, start, end, at_once, None if ordered else part):
        if not ordered and rows > part and last - first == 1:
            yield from dialect.stream(connection, statement, (first * HOUR, last * HOUR), schema, part)
            continue
        parts = []
        for since, until in _within(first * HOUR, last * HOUR, -(-rows // at_once)):
            with dialect.cursor(connection) as at:
                parts.append(dialect.fetch(at, statement, (since, until), schema))
        found = pa.concat_tables(parts)
        yield found.sort_by(_ORDER) if ordered or last - first > 1 else found
        parts.clear()
        del found  # while the next is fetched


def _within(start: int, end: int, steps: int) -> list[tuple[int, int]]:
    """Stretches of a chunk that are fetched one by one: of a single hour with many rows several, since no answer may
    grow without bound, and a connection keeps the room that its largest took."""
    cuts = np.linspace(start, end, steps + 1).astype(np.int64).tolist()
    return list(itertools.pairwise(cuts))


def rows_schema(columns: Sequence[StoredColumn]) -> pa.Schema:
    """Of the tables that ``read`` gives."""
    fixed = [
        ("hour", pa.int64()),
        ("id", pa.string()),
        ("timestamp", pa.int64()),
        ("version", pa.string()),
        ("latency_ms", pa.float64()),
        ("error", pa.string()),
        ("odd", pa.string()),
    ]
    return pa.schema([*fixed, *((column.physical, arrow_type(column)) for column in columns)])


def cells(columns: Sequence[StoredColumn]) -> int:
    """The room of a row of ``read``, in numbers."""
    return len(rows_schema(columns)) + sum((column.dimension or 0) * 4 // _CELL for column in columns)


def part_rows(columns: Sequence[StoredColumn]) -> int:
    """How many rows of an hour are read at once where their order does not matter."""
    return min(PART_ROWS, max(1, PART_CELLS // cells(columns)))


def _chunks(
    connection: Any, dialect: Dialect, model: StoredModel, start: int, end: int, at_once: int, most: int | None
) -> list[tuple[int, int, int]]:
    """Stretches [first, last) of hours with about so many rows each, at least one hour; and how many they are. An hour
    of more than ``most`` rows stands alone."""
    with dialect.cursor(connection) as at:
        counts = dialect.hours_of(at, model, start, end)
    if not counts:
        return []
    hours, rows = np.array(counts, np.int64).T
    begins = stretches(rows, at_once, most)
    cuts, sizes = hours[begins], np.add.reduceat(rows, begins)
    ends = hours[np.append(begins[1:], len(hours)) - 1] + 1
    return [(int(first), int(last), int(size)) for first, last, size in zip(cuts, ends, sizes, strict=True)]


def stretches(rows: NDArray[np.int64], at_once: int, most: int | None) -> NDArray[np.int64]:
    """Places where stretches of hours begin, of about ``at_once`` rows each, at least one hour (``rows`` int64 [hours],
    at least one); one of more than ``most`` rows stands alone."""
    before = np.cumsum(rows) - rows
    begins = np.diff(before // at_once, prepend=-1) != 0
    if most is not None:
        large = rows > most
        begins |= large
        begins[1:] |= large[:-1]
    return np.flatnonzero(begins)


def scored(
    connection: Any, dialect: Dialect, model: StoredModel, hours: Sequence[int], columns: Sequence[StoredColumn]
) -> ScoredRows:
    """Labelled predictions of those hours; see ``Observations.scored``."""
    statement, schema = _labelled(dialect, model, columns)
    tables = []
    for first, last in _stretches(sorted({int(hour) for hour in hours})):
        with dialect.cursor(connection) as at:
            tables.append(dialect.fetch(at, statement, (first * HOUR, last * HOUR), schema))
    table = pa.concat_tables(one.sort_by(_SCORED_ORDER) for one in tables) if tables else schema.empty_table()
    return scored_of(table, model, columns)


def scored_parts(
    connection: Any, dialect: Dialect, model: StoredModel, hour: int, columns: Sequence[StoredColumn]
) -> Iterator[ScoredRows]:
    """Those of one hour in parts; see ``Observations.scored_parts``."""
    statement, schema = _labelled(dialect, model, columns)
    times, rows = (hour * HOUR, (hour + 1) * HOUR), part_rows(scored_columns(model, columns))
    for table in dialect.stream(connection, f"{statement} {dialect.adjacent}", times, schema, rows, "id"):
        yield scored_of(table.sort_by(_SCORED_ORDER), model, columns)
        del table


def scored_columns(model: StoredModel, more: Sequence[StoredColumn]) -> list[StoredColumn]:
    """Of the stored columns the prediction, its probabilities, and ``more``, each once: who asks for one of them may
    call it otherwise."""
    own = [one for role in ("prediction", "probability") for one in model.columns if one.role == role]
    return list({one.physical: one for one in [*more, *own]}.values())


def scored_of(table: pa.Table, model: StoredModel, columns: Sequence[StoredColumn]) -> ScoredRows:
    """Rows of ``scored_columns`` with ``id``, ``hour``, ``ts`` of the label, ``version`` and ``value``."""
    prediction = [column for column in model.columns if column.role == "prediction"]
    probabilities = [column for column in model.columns if column.role == "probability"]
    return ScoredRows(
        ids=table["id"].combine_chunks(),
        hour=table["hour"].to_numpy(),
        known_hour=-(-table["ts"].to_numpy() // HOUR),
        version=pc.fill_null(table["version"], "").combine_chunks(),
        prediction=prediction_of(table, prediction),
        label=table["value"].combine_chunks(),
        probabilities={column.name: table[column.physical].to_numpy() for column in probabilities},
        columns={column.physical: table[column.physical].combine_chunks() for column in columns},
    )


def scored_schema(columns: Sequence[StoredColumn]) -> pa.Schema:
    """Of labelled predictions with these columns."""
    fixed = [("id", pa.string()), ("hour", pa.int64()), ("ts", pa.int64()), ("version", pa.string())]
    return pa.schema([*fixed, ("value", pa.string()), *((column.physical, arrow_type(column)) for column in columns)])


def _labelled(dialect: Dialect, model: StoredModel, columns: Sequence[StoredColumn]) -> tuple[str, pa.Schema]:
    """The statement, whose values are the first and last time, and its columns."""
    schema = scored_schema(scored_columns(model, columns)).append(pa.field("arrival", pa.int64()))
    own = {"id": "l.id AS id", "ts": "l.ts AS ts", "hour": f"p.ts / {HOUR} AS hour"}
    own |= {"value": "l.value AS value", "arrival": f"l.{dialect.arrival} AS arrival"}
    selected = ",".join(own.get(name, f"p.{name} AS {name}") for name in schema.names)
    statement = (
        f"SELECT {selected} FROM {predictions_table(model)} p JOIN {labels_table(model)} l ON l.id = p.id"
        " WHERE p.ts >= ? AND p.ts < ?"
    )
    return statement, schema


def _stretches(hours: list[int]) -> list[tuple[int, int]]:
    """Hours in order as stretches [first, last) without gaps, of a bounded length each."""
    at = np.array(hours, np.int64)
    breaks = np.flatnonzero(np.diff(at, prepend=at[:1] - 2) != 1)
    return [
        (int(run[place]), int(run[min(place + _HOURS_AT_ONCE, len(run)) - 1]) + 1)
        for run in np.split(at, breaks[1:])
        for place in range(0, len(run), _HOURS_AT_ONCE)
    ]


def prediction_of(table: pa.Table, columns: Sequence[StoredColumn]) -> pa.Array:
    """Canonical predictions of some rows; ``columns``: the model's column of them, or none."""
    if not columns:
        return pa.nulls(len(table), pa.string())
    (column,) = columns
    return canonical_stored(table[column.physical].combine_chunks(), column.storage)
