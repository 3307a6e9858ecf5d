"""One text for equal values: 1, 1.0, "1" and true are all ``1``; labels, predictions and categories compare by it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Plain decimals of at most 15 digits, which a double holds exactly enough to be written back the same. "007" and
# "1e5" are codes of something, not numbers, and longer digit strings would fall together.
_DECIMAL = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?$"
_EXACT = float(1 << 53)


def canonical(values: pa.Array) -> pa.Array:
    """Canonical text, pa.string [n], of numbers, booleans or strings; null stays null.

    Whole numbers have no decimal point, false is ``0``, true ``1``; other numbers have the fewest digits that read
    back as the same double.
    """
    if pa.types.is_boolean(values.type):
        return pc.if_else(values, "1", "0")
    if pa.types.is_string(values.type):
        return _of_strings(values)
    if pa.types.is_null(values.type):
        return values.cast(pa.string())
    return _of_numbers(values.cast(pa.float64(), safe=False))


def canonical_stored(values: pa.Array, storage: str) -> pa.Array:
    """``canonical`` of a column as the store holds it, where booleans are the texts "true" and "false"."""
    return canonical(pc.equal(values, "true") if storage == "boolean" else values)


def _of_numbers(values: pa.Array) -> pa.Array:
    numbers = values.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        whole = (np.trunc(numbers) == numbers) & (np.abs(numbers) < _EXACT)
    if whole.all():
        return pa.array(numbers.astype(np.int64)).cast(pa.string())
    integers = pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.string())
    return pc.if_else(pa.array(whole), integers, values.cast(pa.string()))


def _of_strings(values: pa.Array) -> pa.Array:
    encoded = values.dictionary_encode()
    texts = encoded.dictionary
    decimal = pc.match_substring_regex(texts, _DECIMAL)
    if not pc.any(decimal).as_py():
        return values
    numbers = pc.if_else(decimal, texts, pa.scalar(None, pa.string())).cast(pa.float64())
    return pc.coalesce(_of_numbers(numbers), texts).take(encoded.indices)
