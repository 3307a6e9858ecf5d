"""Arrow to PostgreSQL's binary forms and back, column by column.

COPY's binary form is, for each row, the number of fields and then each field's length and bytes, all big-endian
(PostgreSQL's documentation of COPY, "Binary Format"). Columns come out as one value each: the bytes of all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.store.on_postgres import MARK, Binary

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_TEXT, _BIGINT = 25, 20  # the server's numbers of types
_NO_VALUE = b"\xff\xff\xff\xff"  # a length of -1


def copied(arrays: Sequence[Any], at_once: int) -> Iterator[bytes]:
    """What COPY takes for these columns (Arrow float64, string, binary; numpy int64), some rows at a time."""
    yield _HEADER
    count = pa.scalar(np.array([len(arrays)], ">i2").tobytes(), pa.binary())
    for start in range(0, len(arrays[0]), at_once):
        fields = [_fields(values[start : start + at_once]) for values in arrays]
        rows = pc.binary_join_element_wise(count, *fields, pa.scalar(b"", pa.binary()))
        yield _bytes_of(rows)
    yield _END


def as_array(values: Any) -> Binary:
    """A column as one array of the server's (``array_send``): how many dimensions, whether there are nulls, the type of
    its elements, how many, and the number of the first."""
    kind = _BIGINT if isinstance(values, np.ndarray) else _TEXT
    return Binary(np.array([1, 0, kind, len(values), 1], ">i4").tobytes() + _bytes_of(_fields(values)))


def _bytes_of(values: pa.Array) -> Any:
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[[values.offset, values.offset + len(values)]]
    return memoryview(data)[int(ends[0]) : int(ends[1])]


def _fields(values: Any) -> pa.Array:
    """Each value with its length before it; pa.binary [n]."""
    if isinstance(values, np.ndarray):
        return _numbers(values.astype(">i8"), None)
    if pa.types.is_floating(values.type):
        numbers = values.to_numpy(zero_copy_only=False)
        return _numbers(numbers.astype(">f8"), np.isnan(numbers))
    data = _texts(values).cast(pa.binary()) if pa.types.is_string(values.type) else values
    lengths = pc.fill_null(pc.binary_length(data), -1).to_numpy(zero_copy_only=False).astype(">i4")
    offsets = np.arange(len(lengths) + 1, dtype=np.int32) * 4
    prefixes = pa.Array.from_buffers(
        pa.binary(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(lengths.tobytes())]
    )
    return pc.binary_join_element_wise(prefixes, pc.fill_null(data, b""), pa.scalar(b"", pa.binary()))


def _texts(values: pa.Array) -> pa.Array:
    """Texts as PostgreSQL can hold them; see ``monitor.store.on_postgres``."""
    for sought, instead in ((MARK, MARK + "1"), ("\0", MARK + "0")):
        if pc.any(pc.match_substring(values, sought)).as_py():
            values = pc.replace_substring(values, sought, instead)
    return values


def _numbers(values: NDArray[Any], missing: NDArray[np.bool_] | None) -> pa.Array:
    """8 bytes each, after their length; 4 bytes that say "none" where missing."""
    length = len(values)
    cells = np.empty((length, 12), np.uint8)
    cells[:, :4] = (0, 0, 0, 8)
    cells[:, 4:] = values.view(np.uint8).reshape(length, 8)
    sizes = np.full(length, 12, np.int32)
    data = cells.reshape(-1)
    if missing is not None and missing.any():
        cells[missing, :4] = np.frombuffer(_NO_VALUE, np.uint8)
        sizes[missing] = 4
        kept = np.ones((length, 12), np.bool_)
        kept[missing, 4:] = False
        data = cells[kept]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.Array.from_buffers(pa.binary(), length, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def aggregates(name: str, type_: pa.DataType) -> list[str]:
    """What to ask of the server for a column, so that ``array`` can read it."""
    if pa.types.is_floating(type_):
        return [f"string_agg(float8send(coalesce({name}, 'NaN'::float8)), '')"]
    if pa.types.is_integer(type_):
        return [f"string_agg(int8send({name}), '')"]
    sent = f"textsend({name})" if pa.types.is_string(type_) else name
    return [
        f"string_agg(int4send(coalesce(octet_length({name}), -1)), '')",
        f"string_agg(coalesce({sent}, ''), '')",
    ]


def array(type_: pa.DataType, length: int, parts: Iterator[bytes | None]) -> pa.Array:
    """A column as it was asked for; [length]."""
    if pa.types.is_floating(type_):
        numbers = np.frombuffer(next(parts) or b"", ">f8").astype(np.float64)
        return pa.array(numbers, mask=np.isnan(numbers))
    if pa.types.is_integer(type_):
        return pa.array(np.frombuffer(next(parts) or b"", ">i8").astype(np.int64))
    lengths = np.frombuffer(next(parts) or b"", ">i4").astype(np.int32)
    data = next(parts) or b""
    offsets = np.concatenate([[0], np.cumsum(np.maximum(lengths, 0))]).astype(np.int32)
    valid = pa.py_buffer(np.packbits(lengths >= 0, bitorder="little"))
    found = pa.Array.from_buffers(type_, length, [valid, pa.py_buffer(offsets), pa.py_buffer(data)])
    return _as_were(found) if pa.types.is_string(type_) else found


def _as_were(values: pa.Array) -> pa.Array:
    if not pc.any(pc.match_substring(values, MARK)).as_py():
        return values
    return pc.replace_substring(pc.replace_substring(values, MARK + "0", "\0"), MARK + "1", MARK)
