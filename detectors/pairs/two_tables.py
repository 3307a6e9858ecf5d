"""Correlations of two tables, by the same codes and test as those of windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.binning import make_binning
from detectors.cuts import ScoreLayout
from detectors.measurement import Measurement
from detectors.pairs.correlations import is_measured, measure_correlations
from detectors.profile import ReferenceProfile
from detectors.summary import ColumnValues, HourlySummaries, summarise, window

MOST_ROWS = 100_000  # of each table: a correlation is then known to 0.003
_NOTHING = np.empty(0, np.int64), np.empty(0, np.uint8)


def compare_correlations(
    reference: pa.Table, current: pa.Table, names: Sequence[str], alpha: float
) -> Measurement | None:
    """``measure_correlations`` of the numeric columns ``names``, their rows taken for independent: all of them, or
    every so many-th where there are more than 100,000. None where fewer than two columns vary."""
    then, now = _values(reference, names), _values(current, names)
    if len(names) < 2:
        return None
    binning = make_binning(then, dict.fromkeys(then, "numeric"), ScoreLayout("regression"))
    if not binning.pairs or not is_measured(binning, list(then)):
        return None
    before = summarise(binning, np.zeros(_rows(then), np.int64), then)
    counts = window(summarise(binning, np.zeros(_rows(now), np.int64), now), 0, 1)
    return measure_correlations(
        binning, list(then), counts, _profile(before), length_hours=1, alpha=alpha, independent=True
    )


def _values(frame: pa.Table, names: Sequence[str]) -> dict[str, ColumnValues]:
    step = max(1, -(-frame.num_rows // MOST_ROWS))
    some = frame.take(pa.array(np.arange(0, frame.num_rows, step))) if step > 1 else frame
    there = [name for name in names if name in frame.column_names]
    return {f"feature.{name}": _column(some.column(name).combine_chunks()) for name in there}


def _column(values: pa.Array) -> ColumnValues:
    plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    numbers = pc.cast(plain, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return ColumnValues(pa.array(numbers, from_pandas=True), *_NOTHING)


def _rows(columns: Mapping[str, ColumnValues]) -> int:
    return max((len(one.values) for one in columns.values()), default=0)


def _profile(summaries: HourlySummaries) -> ReferenceProfile:
    none = np.empty(0, np.int64), np.zeros((0, 1), np.int64), np.zeros((0, 1))
    return ReferenceProfile.of(summaries, none, timed=False)
