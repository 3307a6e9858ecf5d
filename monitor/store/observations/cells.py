"""Text cells of a CSV read as numbers or booleans."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.store.observations.arriving import SentColumn
from monitor.store.observations.base import Storage

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*([eE][+-]?[0-9]+)?|\.[0-9]+([eE][+-]?[0-9]+)?|(?i:inf|infinity|nan))$"
_PLAIN_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NOTHING = pa.scalar(None, pa.string())
_TRUE, _FALSE = pa.array(["true", "True", "TRUE"]), pa.array(["false", "False", "FALSE"])


def numbers(cells: pa.Array) -> pa.Array:
    """float64 [n], null where a cell is no number; decimals, exponents, nan and inf are read."""
    try:
        return cells.cast(pa.float64())
    except pa.ArrowInvalid:
        text = pc.utf8_trim_whitespace(cells)
        return pc.if_else(pc.match_substring_regex(text, _NUMBER), text, _NOTHING).cast(pa.float64())


def booleans(cells: pa.Array) -> pa.Array:
    """bool [n], null where a cell is neither true nor false."""
    true, false = pc.is_in(cells, value_set=_TRUE), pc.is_in(cells, value_set=_FALSE)
    return pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_()))


def vectors(cells: pa.Array) -> pa.Array:
    """Lists of float64 [n], null where a cell is no JSON list of numbers."""
    text = pc.utf8_trim_whitespace(cells)
    fits = pc.and_(pc.starts_with(text, "["), pc.ends_with(text, "]"))
    inner = pc.utf8_slice_codeunits(pc.if_else(fits, text, _NOTHING), 1, -1)
    lists = pc.split_pattern(pc.fill_null(inner, ""), ",")
    found = pc.utf8_trim_whitespace(lists.flatten())
    read = pc.if_else(pc.match_substring_regex(found, _PLAIN_NUMBER), found, _NOTHING).cast(pa.float64())
    bad = np.concatenate([[0], np.cumsum(read.is_null().to_numpy(zero_copy_only=False))])
    offsets = lists.offsets.to_numpy()
    usable = pc.fill_null(fits, False).to_numpy(zero_copy_only=False) & (bad[offsets[1:]] == bad[offsets[:-1]])
    return pa.ListArray.from_arrays(lists.offsets, read, mask=pa.array(~usable))


def inferred(cells: pa.Array, *, vectors: bool = False) -> Storage:
    """What most cells are; ``vectors``: they may be lists of numbers."""
    filled = len(cells) - cells.null_count
    n_numbers = filled and _count(numbers(cells))
    n_booleans = filled and _count(booleans(cells))
    if 2 * n_numbers >= filled:
        return "number"
    if vectors and 2 * (_count(_vectors(cells)) if pc.any(pc.starts_with(cells, "[")).as_py() else 0) >= filled:
        return "vector"
    return "boolean" if 2 * n_booleans >= filled else "string"


def read_cells(column: SentColumn, storage: Storage) -> SentColumn:
    """The column's cells as that type; cells that cannot be read so stay strings. Other columns are left as is."""
    if column.cells is None:
        return column
    if storage == "string":
        return SentColumn(column.length, string=column.cells)
    read = _READERS[storage](column.cells)
    rest = pc.if_else(pc.is_null(read), column.cells, _NOTHING)
    string = None if rest.null_count == len(rest) else rest
    return SentColumn(column.length, string=string, **{storage: read})


_READERS: Mapping[Storage, Callable[[pa.Array], pa.Array]] = {
    "number": numbers,
    "boolean": booleans,
    "vector": vectors,
}
_vectors = vectors


def _count(values: pa.Array) -> int:
    return len(values) - int(values.null_count)
