"""Embeddings: lists of a fixed length, kept as float32 after float32."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.store.observations.arriving import SentColumn
from monitor.store.observations.cells import read_cells

MOST = 4096  # numbers in a vector
_BYTES = 4


def dimension_of(sent: SentColumn) -> int | None:
    """The length that most of the vectors have (of several the smallest); None where none could be kept."""
    vector = read_cells(sent, "vector").vector
    if vector is None:
        return None
    lengths = pc.list_value_length(vector).drop_null().to_numpy()
    lengths = lengths[(lengths > 0) & (lengths <= MOST)]
    return int(np.argmax(np.bincount(lengths))) if len(lengths) else None


def packed(sent: SentColumn, dimension: int) -> tuple[pa.Array, SentColumn]:
    """The vectors of that dimension whose numbers float32 holds, binary [n], and what is left."""
    vector = sent.vector
    if vector is None:
        return pa.nulls(sent.length, pa.binary()), sent
    usable = _usable(vector, dimension)
    mask = pa.array(usable)
    numbers = vector.filter(mask).flatten().to_numpy(zero_copy_only=False).astype("<f4")
    offsets = np.concatenate([[0], np.cumsum(usable)]) * (_BYTES * dimension)
    buffers = [_bits(usable), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(numbers)]
    found = pa.Array.from_buffers(pa.binary(), len(vector), buffers)
    left = pc.if_else(mask, pa.scalar(None, vector.type), vector)
    return found, replace(sent, vector=None if left.null_count == len(left) else left)


def _usable(vector: pa.Array, dimension: int) -> NDArray[np.bool_]:
    fits = pc.fill_null(pc.equal(pc.list_value_length(vector), dimension), False).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        numbers = vector.values.to_numpy(zero_copy_only=False).astype(np.float32)  # null is NaN
    bad = np.concatenate([[0], np.cumsum(~np.isfinite(numbers))])
    offsets = vector.offsets.to_numpy()
    usable: NDArray[np.bool_] = fits & (bad[offsets[1:]] == bad[offsets[:-1]])
    return usable


def _bits(usable: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(usable, bitorder="little"))


def numbers_of(data: bytes) -> list[float]:
    """A stored vector as JSON has it: with the digits that float32 has."""
    return [float(str(one)) for one in np.frombuffer(data, "<f4")]
