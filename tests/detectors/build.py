"""Small builders shared by the detectors' tests: columns, profiles and windows from plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.binning import make_binning, score_layout
from detectors.cuts import Binning
from detectors.performance.scored import label_size
from detectors.profile import ReferenceProfile
from detectors.summary import ColumnValues, WindowCounts, summarise, window

LAYOUT = score_layout("regression", (), None)


def column(values: Any, odd: Mapping[int, int] | None = None) -> ColumnValues:
    """A list or array (None and NaN are null) with the codes of its odd rows."""
    array = pa.array(values, from_pandas=True)
    if pa.types.is_integer(array.type) or pa.types.is_null(array.type):
        array = array.cast(pa.float64())
    rows = np.array(sorted(odd or {}), dtype=np.int64)
    return ColumnValues(array, rows, np.array([(odd or {})[row] for row in rows.tolist()], dtype=np.uint8))


def kind_of(values: ColumnValues) -> str:
    """As the column is stored."""
    return "numeric" if pa.types.is_floating(values.values.type) else "categorical"


def binning_of(columns: Mapping[str, ColumnValues]) -> Binning:
    """With every column of the kind that it is stored as."""
    return make_binning(columns, {name: kind_of(one) for name, one in columns.items()}, LAYOUT)  # type: ignore[misc]


def profile_of(
    binning: Binning, hours: NDArray[np.int64], columns: Mapping[str, ColumnValues], *, timed: bool = True
) -> ReferenceProfile:
    """Without labels."""
    size = label_size(LAYOUT)
    none = np.empty(0, dtype=np.int64), np.empty((0, size), dtype=np.int64), np.empty((0, 6))
    return ReferenceProfile.of(summarise(binning, hours, columns), none, timed=timed)


def window_of(
    binning: Binning, columns: Mapping[str, ColumnValues], *, start: int = 0, length: int = 24
) -> WindowCounts:
    """All rows in the first hour of the window."""
    rows = len(next(iter(columns.values())).values)
    return window(summarise(binning, np.full(rows, start), columns), start, start + length)
