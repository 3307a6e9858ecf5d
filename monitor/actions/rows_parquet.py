"""The rows of a window as Parquet, with their labels: what a retraining reads.

Written and sent in pieces: in memory is one stretch of hours, never the window. Each piece is a unit of work of its
own, so that a slow reader holds nothing back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from detectors.cuts import SegmentColumn
from detectors.segments import segment_codes
from monitor import clock
from monitor.actions import models as known_models
from monitor.actions.rows_link import Window
from monitor.actions.slicing import source_of
from monitor.errors import Invalid
from monitor.service import Service
from monitor.store.models import Model
from monitor.store.observations.base import ScoredRows, StoredColumn

GROUP = 65_536  # rows
_TIME = pa.timestamp("us", "UTC")


def rows_parquet(service: Service, window: Window, as_of: int) -> Iterator[bytes]:
    """A Parquet file, in pieces: ``id``, ``timestamp``, ``version``, ``prediction``, ``probability``, ``feature.NAME``,
    ``segment.NAME``, ``metric.NAME``, ``latency_ms``, ``error``, and of the label that was known at ``as_of`` ``label``
    and whether there is one. Times in microseconds.

    Raises NotFound for an unknown model, Invalid for a window that is none or a segment of no column, before the first
    piece.
    """
    if window.start >= window.end:
        raise Invalid("start must be before end", field="end")
    with service.database.read() as connection:
        model = known_models.get(connection, window.model)
    if window.segment is not None and _segment(model, window.segment) is None:
        raise Invalid(f"{window.segment!r} is no segment: write column=value, of a column there is", field="segment")
    until = min(window.end, as_of + 1)
    return _pieces(service, model, replace(window, end=until), as_of // clock.HOUR)


def _pieces(service: Service, model: Model, window: Window, known_hour: int) -> Iterator[bytes]:
    sink = _Sink()
    schema = _schema(model)
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for table in _stretches(service, model, window, known_hour):
            writer.write_table(table.cast(schema), row_group_size=GROUP)
            yield sink.taken()
    yield sink.taken()


def _stretches(service: Service, model: Model, window: Window, known_hour: int) -> Iterator[pa.Table]:
    hour, end = window.start // clock.HOUR, -(-window.end // clock.HOUR)
    while hour < end:
        with service.database.read() as connection:
            rows = next(iter(service.observations.read(connection, model.stored, hour, end, model.columns)), None)
            if rows is None or not len(rows):
                return
            hours = np.unique(rows.column("hour").to_numpy())
            labels = service.observations.scored(connection, model.stored, hours.tolist())
        hour = int(hours[-1]) + 1
        wanted = _of_segment(model, _of_window(rows, window), window)
        if len(wanted):
            yield _table(model, wanted, _standing(labels, known_hour))


def _of_window(rows: pa.Table, window: Window) -> pa.Table:
    times = rows.column("timestamp")
    kept = pc.and_(pc.greater_equal(times, window.start), pc.less(times, window.end))
    if window.version is not None:
        kept = pc.and_(kept, pc.equal(pc.fill_null(rows.column("version"), ""), window.version))
    return rows.filter(kept)


def _of_segment(model: Model, rows: pa.Table, window: Window) -> pa.Table:
    found = None if window.segment is None else _segment(model, window.segment)
    if found is None:
        return rows
    source, segment = found
    return rows.filter(pa.array(segment_codes(segment, rows.column(source.physical).combine_chunks()) == 0))


def _segment(model: Model, segment: str) -> tuple[StoredColumn, SegmentColumn] | None:
    """The stored column of ``name=value``, and the value as rows are told apart by it; None where there is none. Names
    and values may hold the sign themselves: the shortest name that there is counts."""
    for place in (place for place, sign in enumerate(segment) if sign == "="):
        source = source_of(model.columns, segment[:place])
        if source is not None:
            return source, SegmentColumn(segment[:place], (segment[place + 1 :],))
    return None


def _standing(rows: ScoredRows, hour: int) -> pa.Table:
    """The label of each prediction that was known at an hour, the newest of several."""
    known = np.flatnonzero(rows.known_hour <= hour)
    ids = rows.ids.take(pa.array(known))
    last = np.ones(len(known), dtype=bool)
    if len(known) > 1:
        last[:-1] = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    chosen = pa.array(known[last])
    return pa.table({"id": rows.ids.take(chosen), "label": rows.label.take(chosen)})


def _table(model: Model, rows: pa.Table, labels: pa.Table) -> pa.Table:
    places = pc.index_in(rows.column("id"), value_set=labels.column("id").combine_chunks())
    label = labels.column("label").combine_chunks().take(places.combine_chunks())
    found = {
        "id": rows.column("id"),
        "timestamp": rows.column("timestamp").cast(pa.int64()).cast(pa.timestamp("us")).cast(_TIME),
        "version": rows.column("version"),
        **{_name(column): _values(column, rows.column(column.physical)) for column in model.columns},
        "latency_ms": rows.column("latency_ms"),
        "error": rows.column("error"),
        "label": _as_number(label) if _is_number(model) else label,
        "labelled": pc.is_valid(label),
    }
    return pa.table(found).select(_schema(model).names)


def _schema(model: Model) -> pa.Schema:
    head = [("id", pa.string()), ("timestamp", _TIME), ("version", pa.string())]
    own = [(_name(column), _type(column)) for column in model.columns]
    label = ("label", pa.float64() if _is_number(model) else pa.string())
    tail = [("latency_ms", pa.float64()), ("error", pa.string()), label, ("labelled", pa.bool_())]
    told = {"plimsoll": json.dumps({"model": model.name, "labels": "label", "labelled": "labelled"})}
    return pa.schema([*head, *own, *tail], metadata=told)


def _name(column: StoredColumn) -> str:
    """As columns are called in what is posted."""
    return ".".join(part for part in (column.role, column.name) if part)


def _type(column: StoredColumn) -> pa.DataType:
    if column.storage == "vector":
        return pa.list_(pa.float32())
    return pa.float64() if column.storage == "number" else pa.string()


def _values(column: StoredColumn, values: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """As stored; vectors as lists of numbers."""
    if column.storage != "vector":
        return values
    told = values.combine_chunks()
    bits = pc.fill_null(told.cast(pa.large_binary()), b"")
    sizes = pc.binary_length(bits).to_numpy() // 4
    numbers = np.frombuffer(b"".join(bits.to_pylist()), np.float32)
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(numbers))
    return pc.if_else(pc.is_valid(told), lists, pa.scalar(None, lists.type))


def _is_number(model: Model) -> bool:
    return any(column.role == "prediction" and column.storage == "number" for column in model.columns)


def _as_number(label: pa.Array) -> pa.Array:
    """Labels of a model that says numbers; one that is none is left out."""
    usable = pc.match_substring_regex(label, r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$")
    return pc.if_else(usable, label, pa.scalar(None, pa.string())).cast(pa.float64())


@dataclass
class _Sink:
    """What a writer writes, until it is taken."""

    held: bytearray
    written: int
    closed: bool

    def __init__(self) -> None:
        self.held, self.written, self.closed = bytearray(), 0, False

    def write(self, part: bytes) -> int:
        """Hold a part."""
        self.held += part
        self.written += len(part)
        return len(part)

    def tell(self) -> int:
        """How much was written so far."""
        return self.written

    def flush(self) -> None:
        """Nothing waits elsewhere."""

    def close(self) -> None:
        """No more is written."""
        self.closed = True

    def writable(self) -> bool:
        """It is written to."""
        return True

    def taken(self) -> bytes:
        """What is held, which then is not any more."""
        told, self.held = bytes(self.held), bytearray()
        return told
