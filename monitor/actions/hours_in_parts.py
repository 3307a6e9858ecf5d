"""Hours counted from chunks of rows, of which a large hour has several: no more rows than a chunk are in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors import parts, summary
from detectors.cuts import Binning, NumericColumn
from detectors.hour_bytes import encode
from detectors.summary import HourlySummaries
from monitor.actions import counting, slicing
from monitor.actions.meaning import Meaning
from monitor.actions.slicing import Counted
from monitor.store.observations.base import StoredColumn

Read = Callable[[int, int, Sequence[StoredColumn]], Iterator[pa.Table]]


def count(
    binning: Binning, columns: Sequence[StoredColumn], meaning: Meaning, read: Read, start: int, end: int
) -> Iterator[tuple[str, Counted]]:
    """Versions and their counts in hours [start, end). ``read`` gives rows of hours [first, last) with some columns, as
    ``Observations.read`` without order; an hour that comes in several chunks is read again, and must be the same."""
    hour: _Hour | None = None
    for chunk in read(start, end, columns):
        if not len(chunk):  # what was there a moment ago has been erased
            continue
        first, last = (int(chunk["hour"][place].as_py()) for place in (0, -1))
        if hour is not None and hour.hour != first:
            yield from hour.counted(read)
            hour = None
        if first == last:
            hour = hour or _Hour(binning, columns, meaning, first)
            hour.add(chunk)
        else:
            yield from _of_hours(binning, columns, meaning, chunk)
        del chunk  # while the next is fetched
    if hour is not None:
        yield from hour.counted(read)


def _of_hours(
    binning: Binning, columns: Sequence[StoredColumn], meaning: Meaning, chunk: pa.Table
) -> Iterator[tuple[str, Counted]]:
    for version, part in counting.by_version(chunk).items():
        for counted in slicing.count(binning, columns, meaning, part):
            yield version, counted


@dataclass
class _Counts:
    """Of one version: names of the segments by which rows are counted apart, by each column of them; their counts, with
    places among the names for keys; and the time of the newest row of each, int64 [names]."""

    names: list[Sequence[str]]
    counts: list[HourlySummaries]
    newest: list[NDArray[np.int64]]

    def add(self, other: _Counts) -> None:
        """Another part."""
        self.counts = [parts.together(*both) for both in zip(self.counts, other.counts, strict=True)]
        self.newest = [np.maximum(*both) for both in zip(self.newest, other.newest, strict=True)]

    def encoded(self, hour: int) -> Iterator[Counted]:
        """Each segment that has rows."""
        for names, found, newest in zip(self.names, self.counts, self.newest, strict=True):
            for index, place in enumerate(found.hours.tolist()):
                vectors = found.hour(index)
                yield names[place], hour, int(vectors[0][0]), int(newest[place]), encode(*vectors)


class _Hour:
    """One hour, whose rows come in one chunk or several."""

    def __init__(self, binning: Binning, columns: Sequence[StoredColumn], meaning: Meaning, hour: int) -> None:
        self.hour = hour
        self._binning, self._columns, self._meaning = binning, columns, meaning
        self._versions: dict[str, _Counts] = {}
        self._chunks = 0

    def add(self, chunk: pa.Table) -> None:
        """Some of its rows."""
        self._chunks += 1
        for version, table in counting.by_version(chunk).items():
            names, codes = slicing.segments_of(self._binning, self._columns, table)
            values = counting.column_values(self._columns, self._meaning, table)
            found = [summary.narrow(one) for one in summary.summarise_by(self._binning, codes, values)]
            times = table["timestamp"].to_numpy()
            newest = [
                slicing.newest_of(np.arange(len(some)), code, times) for some, code in zip(names, codes, strict=True)
            ]
            counts = _Counts(names, found, newest)
            if version in self._versions:
                self._versions[version].add(counts)
            else:
                self._versions[version] = counts

    def counted(self, read: Read) -> Iterator[tuple[str, Counted]]:
        """What there is of the hour, by version."""
        if self._chunks > 1:
            self._sum(read)
        for version, counts in self._versions.items():
            for one in counts.encoded(self.hour):
                yield version, one

    def _sum(self, read: Read) -> None:
        """Read the numbers again for their sums."""
        moments = {name: parts.Moments(self._binning, one.counts) for name, one in self._versions.items()}
        columns = numbers_of(self._binning, self._columns, self._meaning)
        for chunk in read(self.hour, self.hour + 1, columns):
            if not len(chunk):
                continue
            for version, table in counting.by_version(chunk).items():
                if version in moments:
                    _, codes = slicing.segments_of(self._binning, self._columns, table)
                    moments[version].add(codes, counting.column_values(columns, self._meaning, table))
            del chunk, table
        for version, one in moments.items():
            self._versions[version].counts = one.found()


def numbers_of(binning: Binning, columns: Sequence[StoredColumn], meaning: Meaning) -> list[StoredColumn]:
    """The stored columns that a binning's numbers and segments come from."""
    apart = slicing.sources_of(columns, binning)
    return [column for column in columns if column in apart or _is_number(binning, column, meaning)]


def _is_number(binning: Binning, column: StoredColumn, meaning: Meaning) -> bool:
    if column.role in ("feature", "metric"):
        return isinstance(binning.by_name.get(f"{column.role}.{column.name}"), NumericColumn)
    return column.role == "probability" or (column.role == "prediction" and meaning.task == "regression")
