"""How large an Arrow stream unpacks, read from its message headers before anything is unpacked.

Compressed buffers state their size in their first eight bytes (Arrow IPC format, "Compression"); where a message's
buffers are stands in its header, a flatbuffer (format/Message.fbs), of which the few fields needed are read here.
"""

from __future__ import annotations

import struct

import pyarrow as pa

_SCHEMA, _DICTIONARY, _RECORDS = 1, 2, 3


def unpacked_size(body: bytes) -> int:
    """Bytes that the stream's buffers take unpacked; raises ArrowInvalid or ValueError for what is no stream."""
    total = 0
    for message in pa.ipc.MessageReader.open_stream(pa.BufferReader(body)):
        try:
            total += _message_size(message.metadata.to_pybytes(), message.body)
        except struct.error as error:
            raise ValueError("a message's header is damaged") from error
    return total


def _message_size(header: bytes, body: pa.Buffer | None) -> int:
    if body is None:
        return 0
    message = _pointer(header, 0)
    kind = _field(header, message, 1)
    inner = _field(header, message, 2)
    if inner is None or kind is None or header[kind] not in (_DICTIONARY, _RECORDS):
        return 0
    batch = _pointer(header, inner)
    if header[kind] == _DICTIONARY:
        data = _field(header, batch, 1)
        if data is None:
            return 0
        batch = _pointer(header, data)
    return _batch_size(header, batch, body)


def _batch_size(header: bytes, batch: int, body: pa.Buffer) -> int:
    buffers = _field(header, batch, 2)
    if buffers is None or _field(header, batch, 3) is None:
        return int(body.size)
    vector = _pointer(header, buffers)
    (count,) = struct.unpack_from("<I", header, vector)
    pairs = struct.unpack_from(f"<{2 * count}q", header, vector + 4)
    memory = memoryview(body)
    total = 0
    for offset, length in zip(pairs[::2], pairs[1::2], strict=True):
        if length > 8:
            (size,) = struct.unpack_from("<q", memory, offset)
            total += size if size >= 0 else length - 8  # -1: this buffer is not compressed
    return total


def _pointer(data: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", data, at)[0])


def _field(data: bytes, table: int, number: int) -> int | None:
    """Where a field of a flatbuffer table stands, None if absent."""
    vtable = table - int(struct.unpack_from("<i", data, table)[0])
    (size,) = struct.unpack_from("<H", data, vtable)
    entry = 4 + 2 * number
    if entry + 2 > size:
        return None
    (offset,) = struct.unpack_from("<H", data, vtable + entry)
    return table + int(offset) if offset else None
