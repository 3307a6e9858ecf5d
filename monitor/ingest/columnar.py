"""Arrow and Parquet bodies: their own columns, by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitor.clock import DAY, SECOND
from monitor.errors import BadRequest
from monitor.ingest import ipc
from monitor.ingest.limits import check_rows, check_shape, check_unpacked
from monitor.ingest.naming import STRUCTS, Place, place_columns, said_of_doubles
from monitor.ingest.raw import Kind, RawBatch
from monitor.ingest.values import json_text
from monitor.store.observations.arriving import SentColumn

_BROKEN = (pa.ArrowException, ValueError, OSError, KeyError, NotImplementedError)

_COARSE = {"s": SECOND, "ms": SECOND // 1000}  # microseconds of a unit


def from_arrow(body: bytes, kind: Kind, limit: int) -> RawBatch:
    """An Arrow IPC stream; raises BadRequest for what is none, TooLarge past the limits."""
    try:
        check_unpacked(ipc.unpacked_size(body), limit)
        with pa.ipc.open_stream(pa.BufferReader(body)) as stream:
            check_shape(0, len(stream.schema), limit)
            batches = []
            for batch in stream:
                batches.append(batch)
                check_rows(sum(map(len, batches)), limit)
            table = pa.Table.from_batches(batches, stream.schema)
        return _from_table(table, kind, limit)
    except _BROKEN as error:
        raise BadRequest(f"The body is no readable Arrow stream: {error}"[:300]) from error


def from_parquet(body: bytes, kind: Kind, limit: int) -> RawBatch:
    """A Parquet file; raises likewise. Text columns stay dictionaries until their size is known."""
    try:
        meta = pq.read_metadata(pa.BufferReader(body))
        check_shape(meta.num_rows, meta.num_columns, limit)
        groups = [meta.row_group(place) for place in range(meta.num_row_groups)]
        check_unpacked(sum(group.total_byte_size for group in groups), limit)
        texts = [
            meta.schema.column(place).path
            for place in range(meta.num_columns)
            if meta.schema.column(place).physical_type == "BYTE_ARRAY"
        ]
        file = pq.ParquetFile(pa.BufferReader(body), read_dictionary=texts, page_checksum_verification=True)
        return _from_table(file.read(), kind, limit)
    except _BROKEN as error:
        raise BadRequest(f"The body is no readable Parquet file: {error}"[:300]) from error


def _from_table(table: pa.Table, kind: Kind, limit: int) -> RawBatch:
    check_shape(table.num_rows, table.num_columns, limit)
    table.validate(full=True)  # lengths, offsets and UTF-8: nothing below may trust a body
    table = table.combine_chunks()
    arrays: dict[str, pa.Array] = {}
    doubles = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        for inner, array in _flat(name, _whole(column)):
            doubles += [inner] if inner in arrays else []
            arrays.setdefault(inner, _plain(array, limit))
    places, warnings = place_columns(list(arrays), kind)
    return _batch(table, arrays, places, [*warnings, *said_of_doubles(doubles)])


def _batch(table: pa.Table, arrays: dict[str, pa.Array], places: dict[str, Place], warnings: list[str]) -> RawBatch:
    fields, columns, times = {}, {}, None
    for name, place in places.items():
        array = arrays[name]
        if place == "timestamp" and pa.types.is_temporal(array.type):
            times = _microseconds(array)
        elif place == "id" and pa.types.is_integer(array.type):
            fields["id"] = SentColumn(len(array), string=array.cast(pa.string()))
        elif isinstance(place, str):
            fields[place] = sent(array)
        else:
            columns[place] = sent(array, vectors=place[0] == "feature")
    return RawBatch(
        positions=np.arange(table.num_rows),
        fields=fields,
        columns=columns,
        payload=lambda row: json_text(_as_sent(table.slice(row, 1))),
        times=times,
        warnings=warnings,
    )


def _as_sent(row: pa.Table) -> dict[str, Any]:
    """One row as Python has it; times that Python has no date for as the numbers that they are."""
    try:
        return dict(row.to_pylist()[0])
    except (OverflowError, ValueError):
        numbers = [_number(column) if pa.types.is_temporal(column.type) else column for column in row.columns]
        return dict(pa.table(numbers, names=row.column_names).to_pylist()[0])


def _number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _plain(array: pa.Array, limit: int) -> pa.Array:
    """The column's own values; dictionaries are looked up once it is known how large that gets."""
    if pa.types.is_run_end_encoded(array.type):
        raise ValueError("run-end encoded columns are not read")
    if not pa.types.is_dictionary(array.type):
        return array
    values = array.dictionary
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or pa.types.is_binary(values.type):
        sizes = pc.binary_length(values).cast(pa.int64()).take(array.indices)
        check_unpacked(pc.sum(sizes).as_py() or 0, limit)
    return values.take(array.indices)


def _flat(name: str, array: pa.Array) -> list[tuple[str, pa.Array]]:
    """A struct of features, segments, metrics or probabilities as the columns that it holds."""
    if name not in STRUCTS or not pa.types.is_struct(array.type):
        return [(name, array)]
    return [
        (f"{STRUCTS[name]}.{child.name}", pc.struct_field(array, [place])) for place, child in enumerate(array.type)
    ]


def _microseconds(array: pa.Array) -> pa.Array:
    """Times of any unit and zone (none: UTC) as int64 microseconds."""
    if pa.types.is_date(array.type):
        array = array.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
        return _times(array, DAY)
    if not pa.types.is_timestamp(array.type):
        return pa.nulls(len(array), pa.int64())
    if array.type.unit in _COARSE:
        return _times(array.cast(pa.int64()), _COARSE[array.type.unit])
    return array.cast(pa.timestamp("us", array.type.tz), safe=False).cast(pa.int64())


def _times(numbers: pa.Array, microseconds: int) -> pa.Array:
    """What is too large for microseconds is as far away as they go, where no row's time is good."""
    most = (2**63 - 1) // microseconds
    kept = pc.max_element_wise(pc.min_element_wise(numbers, most, skip_nulls=False), -most, skip_nulls=False)
    return pc.multiply(kept, microseconds)


def sent(array: pa.Array, *, vectors: bool = False) -> SentColumn:
    """An Arrow array by the kind of its values; times are texts, what is neither number, text nor boolean is other,
    but lists of numbers where there may be ``vectors``."""
    kind, length = array.type, len(array)
    if pa.types.is_null(kind):
        return SentColumn(length)
    if pa.types.is_boolean(kind):
        return SentColumn(length, boolean=array)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return SentColumn(length, number=array.cast(pa.float64(), safe=False))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return SentColumn(length, string=array.cast(pa.string()))
    if pa.types.is_temporal(kind):
        return SentColumn(length, string=_texts(array))
    if vectors and _is_list_of_numbers(kind):
        return SentColumn(length, vector=array.cast(pa.list_(pa.float64()), safe=False))
    texts = [None if value is None else json_text(value) for value in array.to_pylist()]
    return SentColumn(length, other=pa.array(texts, pa.string()))


def _is_list_of_numbers(kind: pa.DataType) -> bool:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return False
    return bool(pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))


def _texts(array: pa.Array) -> pa.Array:
    try:
        return array.cast(pa.string())
    except pa.ArrowException:  # durations have no text form of Arrow's
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
