"""Hourly summaries: additive counts per hour on a model's binning."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors import sums
from detectors.cuts import ERROR, NUMERIC_EXTRAS, Binning, CategoricalColumn, NumericColumn
from detectors.levels import dictionary

MISSING, MISMATCH, NAN = 0, 1, 2

Vectors = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


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


@dataclass(frozen=True)
class WindowCounts:
    """The sum of the hours ``start_hour <= hour < end_hour``: ``counts`` [L], ``moments`` [M, 2], ``extremes``
    [M, 2]."""

    start_hour: int
    end_hour: int
    counts: NDArray[np.int64]
    moments: NDArray[np.float64]
    extremes: NDArray[np.float64]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.counts[0])


def summarise(binning: Binning, hours: NDArray[np.int64], columns: Mapping[str, ColumnValues]) -> HourlySummaries:
    """Count rows (``hours`` int64 [n], any order; ``columns`` by binning name, absent ones are all missing).

    The answer is the same to the bit in whichever order the rows come.
    """
    clock = _Clock.of(hours)
    counts = np.zeros((len(clock.hours), binning.size), dtype=np.int64)
    moments = np.zeros((len(clock.hours), len(binning.numeric), 2))
    extremes = np.tile([np.inf, -np.inf], (len(clock.hours), len(binning.numeric), 1))
    counts[:, 0] = clock.sizes
    row = 0
    for column in binning.columns:
        start = binning.offsets[column.name]
        part = counts[:, start : start + column.size]
        values = columns.get(column.name)
        if isinstance(column, NumericColumn):
            _count_numeric(column, clock, values, part, moments[:, row], extremes[:, row])
            row += 1
        else:
            _count_categorical(column, clock, values, part)
    return HourlySummaries(clock.hours, counts, moments, extremes)


def empty(binning: Binning) -> HourlySummaries:
    """No hours at all."""
    return summarise(binning, np.empty(0, dtype=np.int64), {})


def add(first: HourlySummaries, second: HourlySummaries) -> HourlySummaries:
    """The hours of both, summed where they meet (other versions, other batches of the same hour)."""
    hours, places = np.unique(np.concatenate([first.hours, second.hours]), return_inverse=True)
    counts = np.zeros((len(hours), first.counts.shape[1]), dtype=np.int64)
    moments = np.zeros((len(hours), *first.moments.shape[1:]))
    extremes = np.tile([np.inf, -np.inf], (len(hours), first.extremes.shape[1], 1))
    for part, where in ((first, places[: len(first.hours)]), (second, places[len(first.hours) :])):
        counts[where] += part.counts
        moments[where] += part.moments
        extremes[where, :, 0] = np.minimum(extremes[where, :, 0], part.extremes[:, :, 0])
        extremes[where, :, 1] = np.maximum(extremes[where, :, 1], part.extremes[:, :, 1])
    return HourlySummaries(hours, counts, moments, extremes)


def window(summaries: HourlySummaries, start_hour: int, end_hour: int) -> WindowCounts:
    """Sum the hours of the half-open stretch; one without rows is all zeros."""
    inside = slice(*np.searchsorted(summaries.hours, [start_hour, end_hour]))
    extremes = summaries.extremes[inside]
    return WindowCounts(
        start_hour,
        end_hour,
        summaries.counts[inside].sum(axis=0),
        summaries.moments[inside].sum(axis=0),
        np.stack(
            [extremes[:, :, 0].min(axis=0, initial=np.inf), extremes[:, :, 1].max(axis=0, initial=-np.inf)], axis=1
        ),
    )


def merge(windows: Sequence[WindowCounts]) -> WindowCounts:
    """Sum windows of one stretch (of several versions); at least one."""
    counts = np.sum([one.counts for one in windows], axis=0)
    moments = np.sum([one.moments for one in windows], axis=0)
    low = np.min([one.extremes[:, 0] for one in windows], axis=0)
    high = np.max([one.extremes[:, 1] for one in windows], axis=0)
    start, end = min(one.start_hour for one in windows), max(one.end_hour for one in windows)
    return WindowCounts(start, end, counts, moments, np.stack([low, high], axis=1))


def encode(counts: NDArray[np.int64], moments: NDArray[np.float64], extremes: NDArray[np.float64]) -> bytes:
    """One hour's vectors to compact bytes.

    Nearly all counts of an hour are below 255: one byte each, the few larger ones listed after them, then the floats
    byte-transposed (their exponents compress), everything deflated.
    """
    large = np.flatnonzero(counts >= 255)
    small = np.minimum(counts, 255).astype(np.uint8)
    floats = np.concatenate([moments.ravel(), extremes.ravel()]).astype("<f8")
    planes = floats.view(np.uint8).reshape(-1, 8).T
    parts = [
        np.array([len(large)], dtype="<u4").tobytes(),
        large.astype("<u4").tobytes(),
        counts[large].astype("<i8").tobytes(),
        small.tobytes(),
        planes.tobytes(),
    ]
    return zlib.compress(b"".join(parts))


def decode(binning: Binning, data: bytes) -> Vectors:
    """The inverse of ``encode``: counts int64 [L], moments and extremes float64 [numeric columns, 2]."""
    raw = zlib.decompress(data)
    found = int.from_bytes(raw[:4], "little")
    start = 4 + 12 * found
    counts = np.frombuffer(raw, np.uint8, binning.size, start).astype(np.int64)
    if found:
        counts[np.frombuffer(raw, "<u4", found, 4)] = np.frombuffer(raw, "<i8", found, 4 + 4 * found)
    planes = np.frombuffer(raw, np.uint8, offset=start + len(counts)).reshape(8, -1)
    floats = np.ascontiguousarray(planes.T).view("<f8").reshape(2, -1, 2)
    return counts, floats[0], floats[1]


def stack(binning: Binning, hours: Sequence[int], data: Sequence[bytes]) -> HourlySummaries:
    """Encoded vectors of distinct, increasing hours to one stack."""
    if not data:
        return empty(binning)
    vectors = [decode(binning, one) for one in data]
    counts, moments, extremes = (np.stack(part) for part in zip(*vectors, strict=True))
    return HourlySummaries(np.array(hours, dtype=np.int64), counts, moments, extremes)


@dataclass(frozen=True)
class _Clock:
    """Which hour each row is in. ``places`` int64 [n] into ``hours``; ``order`` sorts rows by hour (None: sorted)."""

    hours: NDArray[np.int64]
    places: NDArray[np.int64]
    sizes: NDArray[np.int64]
    order: NDArray[np.int64] | None

    @classmethod
    def of(cls, hours: NDArray[np.int64]) -> _Clock:
        new = hours[1:] != hours[:-1]
        if not np.all(hours[1:] >= hours[:-1]):
            distinct, places, sizes = np.unique(hours, return_inverse=True, return_counts=True)
            return cls(distinct, places, sizes.astype(np.int64), np.argsort(places, kind="stable"))
        starts = np.concatenate([[0], np.flatnonzero(new) + 1])[: len(hours)]
        sizes = np.diff(starts, append=len(hours)).astype(np.int64)
        return cls(hours[starts], np.repeat(np.arange(len(starts)), sizes), sizes, None)

    def count(self, slots: NDArray[np.int64], into: NDArray[np.int64]) -> None:
        """Add one per row at (its hour, its slot); ``into`` int64 [T, size]."""
        size = into.shape[1]
        cells = slots if len(self.hours) == 1 else self.places * size + slots
        flat = np.bincount(cells, minlength=into.size)
        into += flat.reshape(into.shape)


def _count_numeric(
    column: NumericColumn,
    clock: _Clock,
    values: ColumnValues | None,
    counts: NDArray[np.int64],
    moments: NDArray[np.float64],
    extremes: NDArray[np.float64],
) -> None:
    first_extra = len(column.cuts) + 1
    extra = {name: first_extra + place for place, name in enumerate(NUMERIC_EXTRAS)}
    if values is None:
        counts[:, extra["missing"]] = clock.sizes
        return
    numbers = values.values.to_numpy(zero_copy_only=False)
    slots = column.grid.find(numbers)
    known = sums.extremes(numbers, np.array([len(numbers)])) if len(numbers) else None
    finite = None if known is None or np.isfinite(known).all() else np.isfinite(numbers)
    if finite is not None:
        slots[np.isnan(numbers)] = extra["missing"]
        slots[values.odd_rows] = np.where(values.odd_codes == NAN, extra["nan"], extra["mismatch"])
        slots[numbers == np.inf] = extra["pos_inf"]
        slots[numbers == -np.inf] = extra["neg_inf"]
    clock.count(slots, counts)
    _measure(clock, numbers, finite, known if finite is None else None, moments, extremes)
    if len(extremes) and (extremes[:, 0].min() < column.minimum or extremes[:, 1].max() > column.maximum):
        for name, outside in (("below_min", numbers < column.minimum), ("above_max", numbers > column.maximum)):
            chosen = outside if finite is None else outside & finite
            counts[:, extra[name]] = np.bincount(clock.places[chosen], minlength=len(clock.hours))


def _measure(
    clock: _Clock,
    numbers: NDArray[np.float64],
    finite: NDArray[np.bool_] | None,
    known: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    moments: NDArray[np.float64],
    extremes: NDArray[np.float64],
) -> None:
    """Sums, sums of squares and extremes of the finite values (``None``: all) of each hour that has any.
    ``known``: the extremes of all of them together."""
    if clock.order is not None:
        numbers, finite = numbers[clock.order], finite if finite is None else finite[clock.order]
    sizes = clock.sizes
    if finite is not None:
        places = np.repeat(np.arange(len(clock.hours)), clock.sizes)[finite]
        numbers, sizes = numbers[finite], np.bincount(places, minlength=len(clock.hours))
    some = np.flatnonzero(sizes)
    if len(some) == 0:
        return
    low, high = known if known and len(some) == 1 else sums.extremes(numbers, sizes[some])
    extremes[some, 0], extremes[some, 1] = low, high
    for power in (1, 2):
        moments[some, power - 1] = sums.group_sums(numbers, sizes[some], power, (low, high))


def _count_categorical(
    column: CategoricalColumn, clock: _Clock, values: ColumnValues | None, counts: NDArray[np.int64]
) -> None:
    other, unseen, missing, mismatch = range(len(column.levels), column.size)
    if values is None:
        counts[:, missing] = clock.sizes
        return
    codes, distinct = dictionary(values.values)
    if column.name == ERROR:
        targets = np.full(len(distinct), other)
    else:
        levels = pc.index_in(distinct, value_set=pa.array(column.levels, type=pa.string()))
        targets = pc.fill_null(levels, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        rare = pc.is_in(distinct, value_set=column.rare_array).to_numpy(zero_copy_only=False)
        targets[targets < 0] = np.where(rare, other, unseen)[targets < 0]
    slots = np.append(targets, missing)[codes]
    slots[values.odd_rows[values.odd_codes == MISMATCH]] = mismatch
    clock.count(slots, counts)
