"""Vectors of two tables, by the same features and test as those of windows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.binning import make_binning
from detectors.cuts import ScoreLayout
from detectors.embedding.mean_embedding import measure_embeddings
from detectors.measurement import Measurement
from detectors.profile import ReferenceProfile
from detectors.summary import ColumnValues, HourlySummaries, summarise, window

MOST = 4096  # numbers in a vector
_NOTHING = np.empty(0, np.int64), np.empty(0, np.uint8)
_BYTES = 4


def is_vectors(values: pa.ChunkedArray) -> bool:
    """Whether a column is of lists of numbers, some of them with at most 4,096."""
    return dimension_of(values) is not None


def dimension_of(values: pa.ChunkedArray) -> int | None:
    """The length that most of the lists have (of several the smallest); None of a column without usable lists."""
    kind = values.type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not lists or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        return None
    lengths = pc.list_value_length(values).drop_null().to_numpy()
    lengths = lengths[(lengths > 0) & (lengths <= MOST)]
    return int(np.argmax(np.bincount(lengths))) if len(lengths) else None


def compare_vectors(
    name: str, reference: pa.ChunkedArray, current: pa.ChunkedArray, *, tolerance: float, alpha: float
) -> Measurement:
    """``mean_embedding`` of a column of vectors, rows taken for independent. Vectors of another length than most of the
    reference's, and those with a null or infinite number, are left out."""
    dimension, column = dimension_of(reference), f"feature.{name}"
    then, now = (_counted(one, dimension or 0) for one in (reference, current))
    binning = make_binning({column: then}, {column: "embedding"}, ScoreLayout("regression"))
    before, after = (summarise(binning, np.zeros(len(one.values), np.int64), {column: one}) for one in (then, now))
    given = binning, [column], window(after, 0, 1), _profile(before)
    (found,) = measure_embeddings(*given, length_hours=1, tolerance=tolerance, alpha=alpha, independent=True)
    return found


def _profile(summaries: HourlySummaries) -> ReferenceProfile:
    none = np.empty(0, np.int64), np.zeros((0, 1), np.int64), np.zeros((0, 1))
    return ReferenceProfile.of(summaries, none, timed=False)


def _counted(values: pa.ChunkedArray, dimension: int) -> ColumnValues:
    """Vectors as they are counted: binary, float32 after float32; null where a list is not of that length."""
    if dimension_of(values) is None:
        return ColumnValues(pa.nulls(len(values), pa.binary()), *_NOTHING)
    lists = values.combine_chunks()
    fits = pc.fill_null(pc.equal(pc.list_value_length(lists), dimension), False)
    numbers = pc.cast(lists.filter(fits).flatten(), pa.float32(), safe=False).to_numpy(zero_copy_only=False)
    rows = np.ascontiguousarray(numbers.reshape(-1, dimension), dtype="<f4")
    finite = np.isfinite(rows).all(axis=1)
    places = np.flatnonzero(fits.to_numpy(zero_copy_only=False))[finite]
    there = np.zeros(len(lists), bool)
    there[places] = True
    offsets = np.concatenate([[0], np.cumsum(there)]) * (_BYTES * dimension)
    buffers = [
        pa.py_buffer(np.packbits(there, bitorder="little")),
        pa.py_buffer(offsets.astype(np.int32)),
        pa.py_buffer(np.ascontiguousarray(rows[finite])),
    ]
    return ColumnValues(pa.Array.from_buffers(pa.binary(), len(lists), buffers), *_NOTHING)
