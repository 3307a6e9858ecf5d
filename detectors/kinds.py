"""Is a column numeric or categorical?"""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

FEW_LEVELS = 20
FEW_SHARE = 0.05


def infer_kind(values: Any) -> Literal["numeric", "categorical"] | None:
    """The kind of a column (a pyarrow array, whole or in chunks), or ``None`` for what is not measured (times, nested
    values, all null).

    Strings and booleans are categorical. Integers are categorical with at most 2 distinct values, or with at most 20
    that are at most 5 % of the rows. Floats are numeric.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if len(values) == values.null_count:
        return None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind):
        return "categorical"
    if pa.types.is_integer(kind):
        return "categorical" if _few(values) else "numeric"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "numeric"
    return None


def _few(values: Any) -> bool:
    distinct = pc.count_distinct(values, mode="only_valid").as_py()
    rows = len(values) - values.null_count
    return bool(distinct <= 2 or (distinct <= FEW_LEVELS and distinct <= FEW_SHARE * rows))
