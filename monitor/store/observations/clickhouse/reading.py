"""Reading back: columnar, in chunks of whole hours or parts of a large one. What was inserted twice is read once
(``schema.each_once``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.clock import HOUR
from monitor.store.observations import reading as shared
from monitor.store.observations.base import ScoredRows, StoredColumn, StoredModel, arrow_type
from monitor.store.observations.clickhouse import ids
from monitor.store.observations.clickhouse.engine import Engine, text
from monitor.store.observations.clickhouse.schema import IDS, LABELS, ORPHANS, PREDICTIONS, each_once, table
from monitor.store.observations.schema import FIXED
from monitor.store.observations.single import as_kind, assembled

_SPARING = "SETTINGS max_threads = 1, max_block_size = 8192"  # each thread holds blocks of each part of the table
_CHUNK_CELLS = 750_000  # an answer is held three times over while it changes hands
_COUNTS = pa.schema([("hour", pa.int64()), ("rows", pa.int64())])


def read(
    engine: Engine, model: StoredModel, start: int, end: int, columns: Sequence[StoredColumn], ordered: bool
) -> Iterator[pa.Table]:
    """Rows of hours [start, end); see ``Observations.read``."""
    schema = shared.rows_schema(columns)
    selected = ",".join({"timestamp": "ts AS timestamp"}.get(name, name) for name in schema.names)
    select, part = f"SELECT {selected} FROM {each_once(PREDICTIONS, model)} WHERE", shared.part_rows(columns)
    at_once = min(shared.CHUNK_ROWS, max(1, _CHUNK_CELLS // shared.cells(columns)))
    for first, last, rows in _stretches(engine, model, start, end, at_once, None if ordered else part):
        if not ordered and rows > part and last - first == 1:
            yield from _parts(engine, select, first, schema, min(part, at_once))
        else:
            order = f"ORDER BY hour{', id' if ordered else ''}"
            yield engine.rows(f"{select} hour >= {first} AND hour < {last} {order}", schema)


def _parts(engine: Engine, select: str, hour: int, schema: pa.Schema, rows: int) -> Iterator[pa.Table]:
    """The rows of an hour in order of their ids, at most so many at once: by hour and id the table is sorted."""
    after = ""
    while True:
        found = engine.rows(f"{select} hour = {hour}{after} ORDER BY hour, id LIMIT {rows} {_SPARING}", schema)
        ended = len(found) < rows
        after = f" AND id > {text(found['id'][-1].as_py())}" if len(found) else ""
        if len(found):
            yield found
        del found
        if ended:
            return


def stretches(engine: Engine, model: StoredModel, start: int, end: int) -> list[tuple[int, int]]:
    """Stretches [first, last) of hours with about ``CHUNK_ROWS`` rows each, at least one hour."""
    return [(first, last) for first, last, _ in _stretches(engine, model, start, end, shared.CHUNK_ROWS, None)]


def _stretches(
    engine: Engine, model: StoredModel, start: int, end: int, at_once: int, most: int | None
) -> list[tuple[int, int, int]]:
    """Stretches of about ``at_once`` rows, and how many they are; an hour of more than ``most`` stands alone."""
    counts = engine.rows(
        f"SELECT hour, toInt64(count()) AS rows FROM {each_once(PREDICTIONS, model)}"
        f" WHERE hour >= {start} AND hour < {end} GROUP BY hour ORDER BY hour",
        _COUNTS,
    )
    hours, rows = counts["hour"].to_numpy(), counts["rows"].to_numpy()
    if not len(hours):
        return []
    begins = shared.stretches(rows, at_once, most)
    cuts, sizes = hours[begins], np.add.reduceat(rows, begins)
    ends = hours[np.append(begins[1:], len(hours)) - 1] + 1
    return [(int(first), int(last), int(size)) for first, last, size in zip(cuts, ends, sizes, strict=True)]


def scored(engine: Engine, model: StoredModel, hours: Sequence[int], columns: Sequence[StoredColumn]) -> ScoredRows:
    """Labelled predictions of those hours; see ``Observations.scored``."""
    some = f"IN ({','.join(str(int(hour)) for hour in sorted(set(hours)))})"
    found = _labelled(engine, model, "{0}hour " + some, columns) if hours else None
    wanted = shared.scored_columns(model, columns)
    return shared.scored_of(shared.scored_schema(wanted).empty_table() if found is None else found, model, columns)


def scored_parts(
    engine: Engine, model: StoredModel, hour: int, columns: Sequence[StoredColumn]
) -> Iterator[ScoredRows]:
    """Those of one hour in parts, from id to id of its predictions; see ``Observations.scored_parts``."""
    rows = shared.part_rows(shared.scored_columns(model, columns))
    after, ids_ = "", pa.schema([("id", pa.string())])
    query = f"SELECT id FROM {each_once(PREDICTIONS, model)} WHERE hour = {hour}"
    while True:
        last = engine.rows(f"{query}{after.format('')} ORDER BY hour, id LIMIT 1 OFFSET {rows - 1}", ids_)["id"]
        until = f" AND {{0}}id <= {_quoted(last[0].as_py())}" if len(last) else ""
        found = _labelled(engine, model, f"{{0}}hour = {hour}{after}{until}", columns)
        if len(found):
            yield shared.scored_of(found, model, columns)
        del found
        if not len(last):
            return
        after = f" AND {{0}}id > {_quoted(last[0].as_py())}"


def _quoted(value: str) -> str:
    """A text in a statement that is yet to be formatted."""
    return text(value).replace("{", "{{").replace("}", "}}")


def _labelled(engine: Engine, model: StoredModel, where: str, columns: Sequence[StoredColumn]) -> pa.Table:
    """``where``: with room for the name of a table before each column. Over a cluster each shard joins its own: a label
    is where its prediction is."""
    schema = shared.scored_schema(shared.scored_columns(model, columns))
    own = {"ts": "l.ts AS ts", "value": "l.value AS value", "id": "p.id AS id", "hour": "p.hour AS hour"}
    selected = ",".join(own.get(name, f"p.{name} AS {name}") for name in schema.names)
    return engine.rows(
        f"SELECT {selected} FROM {each_once(PREDICTIONS, model, 'p')} INNER JOIN"
        f" (SELECT hour, id, ts, value, batch, place FROM {each_once(LABELS, model)} WHERE {where.format('')}) AS l"
        f" ON p.hour = l.hour AND p.id = l.id WHERE {where.format('p.')}"
        " ORDER BY p.hour, p.id, l.ts, l.batch DESC, l.place",
        schema,
    )


def get(engine: Engine, model: StoredModel, prediction_id: str) -> dict[str, Any] | None:
    """See ``Observations.get``."""
    wanted = pa.array([prediction_id], pa.string())
    known = ids.known(engine, model, wanted)
    if not len(known):
        return None
    where = f"hour = {known['ts'][0].as_py() // HOUR} AND {ids.of_ids(wanted)}"
    types = (pa.string(), pa.int64(), pa.string(), pa.float64(), pa.string(), pa.string())
    columns = [(column.physical, arrow_type(column)) for column in model.columns]
    schema = pa.schema([*zip(FIXED, types, strict=True), *columns])
    rows = engine.rows(
        f"SELECT {','.join(schema.names)} FROM {each_once(PREDICTIONS, model)} WHERE {where}", schema
    ).to_pylist()
    if not rows:
        return None
    answer = assembled(model, rows[0])
    names = ("value", "kind", "ts", "arrived")
    labels = engine.rows(
        f"SELECT {','.join(names)} FROM {each_once(LABELS, model)} WHERE {where} ORDER BY ts, batch DESC, place",
        pa.schema(list(zip(names, (pa.string(), pa.string(), pa.int64(), pa.int64()), strict=True))),
    )
    answer["labels"] = [
        {"label": as_kind(one["value"], one["kind"]), "timestamp": one["ts"], "arrived": one["arrived"]}
        for one in labels.to_pylist()
    ]
    return answer


def stats(engine: Engine, model: StoredModel) -> dict[str, int]:
    """See ``Observations.stats``."""
    labels, known, waiting = (table(kind, model) for kind in (LABELS, IDS, ORPHANS))
    met = f"SELECT hash, id FROM {known} WHERE hash IN (SELECT hash FROM {waiting})"
    orphaned = engine.number(f"SELECT uniqExact(id) FROM {waiting} WHERE (hash, id) NOT IN ({met})")
    return {
        "predictions": engine.number(f"SELECT count() FROM {each_once(PREDICTIONS, model)}"),
        "labels": engine.number(f"SELECT uniqExact(id) FROM {labels}") + orphaned,
        "orphans": orphaned,
    }


_TALLY = pa.schema([("version", pa.string()), ("rows", pa.int64()), ("first", pa.int64()), ("newest", pa.int64())])


def tally(engine: Engine, model: StoredModel) -> dict[str, tuple[int, int, int]]:
    """Of each version ('' for none) its predictions, and the first and newest time of them."""
    found = engine.rows(
        "SELECT ifNull(version, '') AS version, toInt64(count()) AS rows, min(ts) AS first, max(ts) AS newest"
        f" FROM {each_once(PREDICTIONS, model)} GROUP BY 1",
        _TALLY,
    )
    return {row["version"]: (row["rows"], row["first"], row["newest"]) for row in found.to_pylist()}


def tally_labels(engine: Engine, model: StoredModel) -> tuple[int, int | None]:
    """How many revisions there are, and the newest of their times."""
    schema = pa.schema([("rows", pa.int64()), ("newest", pa.int64())])
    labels, waiting = (each_once(kind, model) for kind in (LABELS, ORPHANS))
    known = f"SELECT hash, id FROM {table(IDS, model)} WHERE hash IN (SELECT hash FROM {table(ORPHANS, model)})"
    found = engine.rows(
        "SELECT toInt64(count()) AS rows, max(ts) AS newest FROM"
        f" (SELECT ts FROM {labels} UNION ALL SELECT ts FROM {waiting} WHERE (hash, id) NOT IN ({known}))",
        schema,
    ).to_pylist()[0]
    return found["rows"], found["newest"] if found["rows"] else None


def hours_of_labels(engine: Engine, model: StoredModel, of_change: str) -> list[int]:
    """Hours of the predictions of labels that meet a condition."""
    found = engine.rows(
        f"SELECT DISTINCT toInt64(hour) AS hour FROM {table(LABELS, model)} WHERE {of_change} ORDER BY hour",
        pa.schema([("hour", pa.int64())]),
    )
    return list(found["hour"].to_pylist())
