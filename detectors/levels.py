"""Category names in canonical form: 1, 1.0 and "1" are the same level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

WHOLE_LIMIT = 2.0**53  # above it float64 no longer tells neighbouring integers apart


def canonical(values: NDArray[np.float64]) -> Any:
    """float64 [n] to a pyarrow string array: integers without a point, anything else in its shortest exact form."""
    text = pc.cast(pa.array(values, type=pa.float64()), pa.string())
    whole = (values == np.floor(values)) & (np.abs(values) < WHOLE_LIMIT)
    integers = np.where(whole, values, 0).astype(np.int64)
    return pc.if_else(pa.array(whole), pc.cast(pa.array(integers), pa.string()), text)


def dictionary(values: Any) -> tuple[NDArray[np.int64], Any]:
    """A pyarrow array (float64, string, or dictionary of string) to codes and distinct levels.

    Returns int64 [n] (-1 where null) and a pyarrow string array that the codes index. Work on text is done once per
    distinct value, never per row.
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    distinct = encoded.dictionary
    if pa.types.is_floating(distinct.type):
        distinct = canonical(distinct.to_numpy(zero_copy_only=False))
    elif encoded is not values and distinct.type == pa.string():
        return codes, distinct
    return _merged(codes, distinct.cast(pa.string()))


def _merged(codes: NDArray[np.int64], distinct: Any) -> tuple[NDArray[np.int64], Any]:
    """Join levels that are equal as text (0.0 and -0.0), and treat a null level as a null value."""
    again = distinct.dictionary_encode()
    targets = np.append(pc.fill_null(again.indices, -1).to_numpy(zero_copy_only=False), -1).astype(np.int64)
    return targets[codes], again.dictionary
