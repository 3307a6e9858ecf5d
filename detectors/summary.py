"""Hourly summaries: additive counts per hour on a model's binning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning

MISSING, MISMATCH, NAN = 0, 1, 2


@dataclass(frozen=True)
class ColumnValues:
    """Values of one column, one per row.

    ``values``: a pyarrow Array, float64 or string (or dictionary of string), null where there is no usable value.
    Floats may hold infinities, never NaN. ``odd_rows`` (int64) are the rows that are null because the value sent was of
    the wrong type or a NaN, ``odd_codes`` (uint8) say which: MISMATCH or NAN.
    """

    values: Any
    odd_rows: NDArray[np.int64]
    odd_codes: NDArray[np.uint8]


@dataclass(frozen=True)
class HourlySummaries:
    """A stack of T hours: ``hours`` int64 [T] (hours since 1970, increasing), ``counts`` int64 [T, L], ``moments``
    float64 [T, numeric columns, 2] (sum, sum of squares of finite values), ``extremes`` float64 [T, numeric columns, 2]
    (minimum, maximum; +inf, -inf where there is no finite value)."""

    hours: NDArray[np.int64]
    counts: NDArray[np.int64]
    moments: NDArray[np.float64]
    extremes: NDArray[np.float64]


def summarise(binning: Binning, hours: NDArray[np.int64], columns: Mapping[str, ColumnValues]) -> HourlySummaries:
    """Count rows (``hours`` int64 [n], any order; ``columns`` by binning name, absent ones are all missing)."""
    raise NotImplementedError


def encode(counts: NDArray[np.int64], moments: NDArray[np.float64], extremes: NDArray[np.float64]) -> bytes:
    """One hour's vectors to compact bytes (sparse, compressed)."""
    raise NotImplementedError


def decode(binning: Binning, data: bytes) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The inverse of ``encode``."""
    raise NotImplementedError
