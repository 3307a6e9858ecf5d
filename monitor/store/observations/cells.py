"""Text cells of a CSV read as numbers or booleans."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from monitor.store.observations.arriving import SentColumn
from monitor.store.observations.base import Storage

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*([eE][+-]?[0-9]+)?|\.[0-9]+([eE][+-]?[0-9]+)?|(?i:inf|infinity|nan))$"
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


def inferred(cells: pa.Array) -> Storage:
    """What most cells are."""
    filled = len(cells) - cells.null_count
    n_numbers = filled and _count(numbers(cells))
    n_booleans = filled and _count(booleans(cells))
    if 2 * n_numbers >= filled:
        return "number"
    return "boolean" if 2 * n_booleans >= filled else "string"


def read_cells(column: SentColumn, storage: Storage) -> SentColumn:
    """The column's cells as that type; cells that cannot be read so stay strings. Other columns are left as is."""
    if column.cells is None:
        return column
    if storage == "string":
        return SentColumn(column.length, string=column.cells)
    read = numbers(column.cells) if storage == "number" else booleans(column.cells)
    rest = pc.if_else(pc.is_null(read), column.cells, _NOTHING)
    string = None if rest.null_count == len(rest) else rest
    return SentColumn(column.length, string=string, **{storage: read})


def _count(values: pa.Array) -> int:
    return len(values) - int(values.null_count)
