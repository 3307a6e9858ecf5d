"""Rows by segment: which column feeds which segments, and the same counts for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors import summary
from detectors.cuts import Binning, SegmentColumn
from detectors.hour_bytes import encode
from detectors.segments import segment_codes, segment_column
from monitor.actions import counting
from monitor.actions.counting import LabelGroups
from monitor.actions.meaning import Meaning
from monitor.store.observations.base import ScoredRows, StoredColumn

WHOLE = ""  # the segment of all rows
CELLS_AT_ONCE = 8_000_000  # counts in memory while hours are counted by segment
LABELLED_AT_ONCE = 2_000  # rows, at least an hour of them: each may be a group of its own

Counted = tuple[str, int, int, int, bytes]  # segment, hour, rows, time of the newest, encoded counts


def source_of(columns: Sequence[StoredColumn], name: str) -> StoredColumn | None:
    """The stored column that a segment's name means: a segment of the records, else a feature."""
    for role in ("segment", "feature"):
        for column in columns:
            if (column.role, column.name) == (role, name) and column.storage != "vector":
                return column
    return None


def sources_of(columns: Sequence[StoredColumn], binning: Binning) -> tuple[StoredColumn, ...]:
    """The stored columns by which rows are counted apart."""
    return tuple(source for _, source in labelled_by(binning, columns))


def segment_columns(
    names: Sequence[str], columns: Sequence[StoredColumn], tables: Sequence[pa.Table]
) -> tuple[SegmentColumn, ...]:
    """The configured segments with their commonest values in the newest rows of the references."""
    table = pa.concat_tables(tables, promote_options="default") if tables else None
    return tuple(segment_column(name, None if table is None else _values(columns, name, table)) for name in names)


def brings_values(binning: Binning, columns: Sequence[StoredColumn], table: pa.Table) -> bool:
    """Whether a reference has enough rows of a segment column of which no value was known."""
    without = [one.name for one in binning.segments if not one.values]
    return any(segment_column(name, _values(columns, name, table)).values for name in without)


def _values(columns: Sequence[StoredColumn], name: str, table: pa.Table) -> pa.Array | None:
    column = source_of(columns, name)
    if column is None or column.physical not in table.column_names:
        return None
    return table.column(column.physical).combine_chunks()


def by_segment(binning: Binning, columns: Sequence[StoredColumn], table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Each segment that has rows in the table, with them in the order they came."""
    for one in binning.segments:
        values = _values(columns, one.name, table)
        if values is None:
            continue
        codes = segment_codes(one, values)
        order = np.argsort(codes, kind="stable")
        ends = np.searchsorted(codes[order], np.arange(len(one.values) + 1))
        for place, segment in enumerate(one.segments):
            if ends[place] < ends[place + 1]:
                yield segment, table.take(pa.array(order[ends[place] : ends[place + 1]]))


def count(binning: Binning, columns: Sequence[StoredColumn], meaning: Meaning, table: pa.Table) -> Iterator[Counted]:
    """Hourly counts of a chunk of rows of one version, ordered by hour: of all rows and of each segment."""
    for part in _blocks(binning, table):
        yield from _count(binning, columns, meaning, part)


def _blocks(binning: Binning, table: pa.Table) -> Iterator[pa.Table]:
    """Parts of whole hours whose dense counts are small enough for memory."""
    values = sum(len(one.values) for one in binning.segments)
    if not values:
        yield table
        return
    hours = table.column("hour").to_numpy()
    distinct, starts = np.unique(hours, return_index=True)
    step = max(1, CELLS_AT_ONCE // (binning.size * (1 + values)))
    for place in range(0, len(distinct), step):
        end = starts[place + step] if place + step < len(distinct) else len(hours)
        yield table.slice(int(starts[place]), int(end - starts[place]))


def _count(binning: Binning, columns: Sequence[StoredColumn], meaning: Meaning, table: pa.Table) -> Iterator[Counted]:
    hours, times = (table.column(name).to_numpy() for name in ("hour", "timestamp"))
    first, span = int(hours.min()), int(hours.max() - hours.min()) + 1
    names, codes = segments_of(binning, columns, table)
    keys = [hours - first, *(np.where(some >= 0, some * span + hours - first, -1) for some in codes[1:])]
    counted = summary.summarise_by(binning, keys, counting.column_values(columns, meaning, table))
    for segments, key, found in zip(names, keys, counted, strict=True):
        newest = newest_of(found.hours, key, times).tolist()
        for index, one_key in enumerate(found.hours):
            segment, hour = divmod(int(one_key), span)
            vectors = found.hour(index)
            yield segments[segment], first + hour, int(vectors[0][0]), newest[index], encode(*vectors)


def segments_of(
    binning: Binning, columns: Sequence[StoredColumn], table: pa.Table
) -> tuple[list[Sequence[str]], list[NDArray[np.int64]]]:
    """By what rows are counted apart: names of segments, and the places there of each row, int64 [n], -1 in none. The
    first is the whole, with all rows at 0; the others are the columns of segments that the table has."""
    names: list[Sequence[str]] = [(WHOLE,)]
    codes = [np.zeros(len(table), np.int64)]
    for one in binning.segments:
        values = _values(columns, one.name, table)
        if one.values and values is not None:
            names.append(one.segments)
            codes.append(segment_codes(one, values))
    return names, codes


def newest_of(groups: NDArray[np.int64], keys: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Time of the newest row of each group (increasing keys); rows with negative keys are in none."""
    newest = np.full(len(groups), np.iinfo(np.int64).min)
    inside = keys >= 0
    np.maximum.at(newest, np.searchsorted(groups, keys[inside]), times[inside])
    return newest


def label_counts(
    binning: Binning, columns: Sequence[StoredColumn], meaning: Meaning, rows: ScoredRows
) -> Iterator[tuple[str, str, LabelGroups]]:
    """Version, segment and labelled rows: of all rows and of each segment."""
    for version, groups in counting.label_counts(binning.scores, meaning, rows).items():
        yield version, WHOLE, groups
    for one, source in labelled_by(binning, columns):
        if source.physical in rows.columns:
            for part in _label_blocks(rows):
                codes = segment_codes(one, part.columns[source.physical])
                for version, groups in counting.label_counts(binning.scores, meaning, part, codes).items():
                    for code in np.unique(groups.codes).tolist():
                        yield version, one.segments[code], groups.where(groups.codes == code)


def labelled_by(binning: Binning, columns: Sequence[StoredColumn]) -> Iterator[tuple[SegmentColumn, StoredColumn]]:
    """The columns of segments by which labelled rows are counted apart, and what is stored of them."""
    for one in binning.segments:
        source = source_of(columns, one.name)
        if one.values and source is not None:
            yield one, source


def _label_blocks(rows: ScoredRows) -> Iterator[ScoredRows]:
    """Parts of whole hours with about ``LABELLED_AT_ONCE`` rows."""
    _, starts = np.unique(rows.hour, return_index=True)
    cuts = starts[np.flatnonzero(np.diff(starts // LABELLED_AT_ONCE, prepend=-1))].tolist()
    for start, end in pairwise([*cuts, len(rows.hour)]):
        yield rows.part(start, end)
