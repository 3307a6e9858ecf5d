"""Hourly summaries: additive counts per hour on a model's binning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors import sums
from detectors.cuts import (
    CATEGORICAL_EXTRAS,
    ERROR,
    FREQUENCIES,
    NUMERIC_EXTRAS,
    Binning,
    CategoricalColumn,
    Column,
    EmbeddingColumn,
    NumericColumn,
)
from detectors.embedding import features as embedding
from detectors.groups import Groups
from detectors.hour_bytes import Vectors, decode
from detectors.levels import dictionary
from detectors.pairs.counting import SUMS, Coded

MISSING, MISMATCH, NAN = 0, 1, 2
HOURS_BEFORE = 48  # a window knows so many hours before it: what is sudden is told by what came before

_PARTS = ("hours", "counts", "moments", "extremes", "products", "embedded")


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
    (minimum, maximum; +inf, -inf where there is no finite value), ``products`` int64 [T, pairs, 6] (see
    ``detectors.pairs.counting``; no pairs where they were not counted), ``embedded`` int64 [T, columns of vectors, 256]
    (see ``detectors.embedding.features``; likewise)."""

    hours: NDArray[np.int64]
    counts: NDArray[np.int64]
    moments: NDArray[np.float64]
    extremes: NDArray[np.float64]
    products: NDArray[np.int64]
    embedded: NDArray[np.int64]

    def hour(self, place: int) -> Vectors:
        """What there is of one hour."""
        numbers = self.counts[place], self.moments[place], self.extremes[place]
        return (*numbers, self.products[place], self.embedded[place])


@dataclass(frozen=True)
class WindowCounts:
    """The sum of the hours ``start_hour <= hour < end_hour``: ``counts`` [L], ``moments`` [M, 2], ``extremes``
    [M, 2]. ``hourly``: the hours themselves, and some before them, where they are known; ``others``: what of these is
    of versions that have no rows in the window itself."""

    start_hour: int
    end_hour: int
    counts: NDArray[np.int64]
    moments: NDArray[np.float64]
    extremes: NDArray[np.float64]
    hourly: HourlySummaries | None = field(default=None, repr=False, compare=False)
    others: HourlySummaries | None = field(default=None, repr=False, compare=False)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.counts[0])


def summarise(binning: Binning, hours: NDArray[np.int64], columns: Mapping[str, ColumnValues]) -> HourlySummaries:
    """Count rows (``hours`` int64 [n], any order; ``columns`` by binning name, absent ones are all missing).

    The answer is the same to the bit in whichever order the rows come.
    """
    return summarise_by(binning, [hours], columns)[0]


def summarise_by(
    binning: Binning, groupings: Sequence[NDArray[np.int64]], columns: Mapping[str, ColumnValues]
) -> list[HourlySummaries]:
    """The same rows counted by several keys (int64 [n] each: the hour, the hour within a segment), each value looked up
    once. A negative key is in no group; ``hours`` of an answer are the distinct keys. Pairs of columns and the
    features of vectors are counted by the first key alone."""
    tallies = [_Tally.of(binning, keys) for keys in groupings]
    coded = Coded.of(binning, len(groupings[0]))
    row = 0
    for column in binning.columns:
        values = columns.get(column.name)
        if isinstance(column, NumericColumn):
            slots = _count_numeric(binning, column, row, tallies, values)
            if slots is not None:
                coded.put(column, slots)
            row += 1
        elif isinstance(column, EmbeddingColumn):
            _count_vectors(binning, column, tallies, values)
        else:
            _count_categorical(binning, column, tallies, values)
    clock = tallies[0].clock
    products = [coded.sums(clock.starts, clock.places_in_order)]
    products += [np.zeros((len(one.clock.hours), 0, SUMS), np.int64) for one in tallies[1:]]
    embedded = [_embedded(binning, clock, columns)]
    embedded += [np.zeros((len(one.clock.hours), 0, 2 * FREQUENCIES), np.int64) for one in tallies[1:]]
    return [
        HourlySummaries(one.clock.hours, one.counts, one.moments, one.extremes, of_pairs, of_vectors)
        for one, of_pairs, of_vectors in zip(tallies, products, embedded, strict=True)
    ]


def _embedded(binning: Binning, clock: Groups, columns: Mapping[str, ColumnValues]) -> NDArray[np.int64]:
    found = np.zeros((len(clock.hours), len(binning.embeddings), 2 * FREQUENCIES), np.int64)
    for place, column in enumerate(binning.embeddings):
        if column.name in columns:
            values = columns[column.name].values
            found[:, place] = embedding.sums(column, values, clock.starts, clock.places_in_order)
    return found


def empty(binning: Binning) -> HourlySummaries:
    """No hours at all."""
    return summarise(binning, np.empty(0, dtype=np.int64), {})


def add(first: HourlySummaries, second: HourlySummaries) -> HourlySummaries:
    """The hours of both, summed where they meet (other versions, other batches of the same hour)."""
    hours, places = np.unique(np.concatenate([first.hours, second.hours]), return_inverse=True)
    counts = np.zeros((len(hours), first.counts.shape[1]), dtype=np.int64)
    moments = np.zeros((len(hours), *first.moments.shape[1:]))
    extremes = np.tile([np.inf, -np.inf], (len(hours), first.extremes.shape[1], 1))
    products, embedded = (_zeros(first, second, name, len(hours)) for name in ("products", "embedded"))
    for part, where in ((first, places[: len(first.hours)]), (second, places[len(first.hours) :])):
        counts[where] += part.counts
        products[where] += part.products[:, : products.shape[1]]
        embedded[where] += part.embedded[:, : embedded.shape[1]]
        moments[where] += part.moments
        extremes[where, :, 0] = np.minimum(extremes[where, :, 0], part.extremes[:, :, 0])
        extremes[where, :, 1] = np.maximum(extremes[where, :, 1], part.extremes[:, :, 1])
    return HourlySummaries(hours, counts, moments, extremes, products, embedded)


def _zeros(first: HourlySummaries, second: HourlySummaries, name: str, hours: int) -> NDArray[np.int64]:
    """For sums of what was counted in all hours: all pairs or columns of vectors, or none."""
    shapes = [getattr(one, name).shape for one in (first, second) if len(one.hours)] or [getattr(first, name).shape]
    return np.zeros((hours, *min(shape[1:] for shape in shapes)), dtype=np.int64)


def window(summaries: HourlySummaries, start_hour: int, end_hour: int) -> WindowCounts:
    """Sum the hours of the half-open stretch; one without rows is all zeros."""
    before = start_hour - HOURS_BEFORE
    known = slice(*np.searchsorted(summaries.hours, [before, end_hour]))
    inside = slice(*np.searchsorted(summaries.hours, [start_hour, end_hour]))
    extremes = summaries.extremes[inside]
    return WindowCounts(
        start_hour,
        end_hour,
        summaries.counts[inside].sum(axis=0, dtype=np.int64),
        summaries.moments[inside].sum(axis=0),
        np.stack(
            [extremes[:, :, 0].min(axis=0, initial=np.inf), extremes[:, :, 1].max(axis=0, initial=-np.inf)], axis=1
        ),
        HourlySummaries(*(getattr(summaries, name)[known] for name in _PARTS)),
    )


def merge(windows: Sequence[WindowCounts]) -> WindowCounts:
    """Sum windows of one stretch (of several versions); at least one."""
    counts = np.sum([one.counts for one in windows], axis=0)
    moments = np.sum([one.moments for one in windows], axis=0)
    low = np.min([one.extremes[:, 0] for one in windows], axis=0)
    high = np.max([one.extremes[:, 1] for one in windows], axis=0)
    start, end = min(one.start_hour for one in windows), max(one.end_hour for one in windows)
    hourly = [one.hourly for one in windows if one.hourly is not None]
    together = reduce(add, hourly) if len(hourly) == len(windows) else None
    gone = [one.hourly for one in windows if one.hourly is not None and not one.rows and len(one.hourly.hours)]
    others = reduce(add, gone) if gone and len(gone) < len(windows) else None
    return WindowCounts(start, end, counts, moments, np.stack([low, high], axis=1), together, others)


def stack(binning: Binning, hours: Sequence[int], data: Sequence[bytes]) -> HourlySummaries:
    """Encoded vectors of distinct, increasing hours to one stack."""
    return stack_decoded(hours, [decode(binning, one) for one in data]) if data else empty(binning)


def stack_decoded(hours: Sequence[int], vectors: Sequence[Vectors]) -> HourlySummaries:
    """The like of decoded vectors, at least one."""
    counts, moments, extremes = (np.stack(part) for part in list(zip(*vectors, strict=True))[:3])
    products, embedded = _of_all([one[3] for one in vectors]), _of_all([one[4] for one in vectors])
    return HourlySummaries(np.array(hours, dtype=np.int64), counts, moments, extremes, products, embedded)


def _of_all(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Where some hours are without, there are none."""
    fewest = min(len(part) for part in parts)
    return np.stack([part[:fewest] for part in parts])


def narrow(summaries: HourlySummaries) -> HourlySummaries:
    """The same hours with their counts in the narrowest unsigned type that holds them."""
    counts = summaries.counts.astype(np.min_scalar_type(int(summaries.counts.max(initial=0))))
    return replace(summaries, counts=counts)


@dataclass(frozen=True)
class _Tally:
    """What is counted by one key."""

    clock: Groups
    counts: NDArray[np.int64]
    moments: NDArray[np.float64]
    extremes: NDArray[np.float64]

    @classmethod
    def of(cls, binning: Binning, keys: NDArray[np.int64]) -> _Tally:
        clock = Groups.of(keys)
        groups = len(clock.hours)
        counts = np.zeros((groups, binning.size), dtype=np.int64)
        counts[:, 0] = clock.sizes
        extremes = np.tile([np.inf, -np.inf], (groups, len(binning.numeric), 1))
        return cls(clock, counts, np.zeros((groups, len(binning.numeric), 2)), extremes)

    def part(self, binning: Binning, column: Column) -> NDArray[np.int64]:
        """The counts of one column."""
        start = binning.offsets[column.name]
        return self.counts[:, start : start + column.size]


def _count_numeric(
    binning: Binning, column: NumericColumn, row: int, tallies: Sequence[_Tally], values: ColumnValues | None
) -> NDArray[np.int64] | None:
    """The slot that each row has; None where the column is absent, or nobody asks."""
    first_extra = len(column.cuts) + 1
    extra = {name: first_extra + place for place, name in enumerate(NUMERIC_EXTRAS)}
    if values is None:
        for tally in tallies:
            tally.part(binning, column)[:, extra["missing"]] = tally.clock.sizes
        return None
    numbers = values.values.to_numpy(zero_copy_only=False)
    known = sums.extremes(numbers, np.array([len(numbers)])) if len(numbers) else None
    finite = None if known is None or np.isfinite(known).all() else np.isfinite(numbers)
    if finite is None and len(tallies) == 1 and tallies[0].clock.alone and not binning.pairs:
        tallies[0].part(binning, column)[0, :first_extra] = column.grid.count(numbers)
        slots = None
    else:
        slots = column.grid.find(numbers)
    if finite is not None and slots is not None:
        slots[np.isnan(numbers)] = extra["missing"]
        slots[values.odd_rows] = np.where(values.odd_codes == NAN, extra["nan"], extra["mismatch"])
        slots[numbers == np.inf] = extra["pos_inf"]
        slots[numbers == -np.inf] = extra["neg_inf"]
    for tally in tallies:
        clock, counts, extremes = tally.clock, tally.part(binning, column), tally.extremes[:, row]
        if slots is not None:
            clock.count(slots, counts)
        whole = known if finite is None and clock.rows is None else None
        _measure(clock, numbers, finite, whole, tally.moments[:, row], extremes)
        if len(extremes):
            sides = (("below_min", np.less, 0, column.minimum), ("above_max", np.greater, 1, column.maximum))
            for name, beyond, side, bound in sides:
                if beyond(extremes[:, side], bound).any():
                    outside = beyond(numbers, bound)
                    counts[:, extra[name]] = clock.tell(outside if finite is None else outside & finite)
    return slots


def _measure(
    clock: Groups,
    numbers: NDArray[np.float64],
    finite: NDArray[np.bool_] | None,
    known: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    moments: NDArray[np.float64],
    extremes: NDArray[np.float64],
) -> None:
    """Sums, sums of squares and extremes of the finite values (``None``: all) of each group that has any.
    ``known``: the extremes of all of them together."""
    numbers, sizes = clock.runs(numbers, finite)
    some = np.flatnonzero(sizes)
    if len(some) == 0:
        return
    low, high = known if known and len(some) == 1 else sums.extremes(numbers, sizes[some])
    extremes[some, 0], extremes[some, 1] = low, high
    moments[some] = sums.moments(numbers, sizes[some], (low, high))


def _count_vectors(
    binning: Binning, column: EmbeddingColumn, tallies: Sequence[_Tally], values: ColumnValues | None
) -> None:
    """Whether there is a vector, or why not."""
    missing, mismatch = (binning.extra(column.name, one) - binning.offsets[column.name] for one in _WHY)
    for tally in tallies:
        if values is None:
            tally.part(binning, column)[:, missing] = tally.clock.sizes
            continue
        slots = np.where(values.values.is_valid().to_numpy(zero_copy_only=False), 0, missing)
        slots[values.odd_rows] = mismatch
        tally.clock.count(slots, tally.part(binning, column))


_WHY = ("missing", "mismatch")


def _count_categorical(
    binning: Binning, column: CategoricalColumn, tallies: Sequence[_Tally], values: ColumnValues | None
) -> None:
    if values is None:
        missing = len(column.levels) + CATEGORICAL_EXTRAS.index("missing")
        for tally in tallies:
            tally.part(binning, column)[:, missing] = tally.clock.sizes
        return
    slots = categorical_slots(column, values)
    for tally in tallies:
        tally.clock.count(slots, tally.part(binning, column))


def categorical_slots(column: CategoricalColumn, values: ColumnValues) -> NDArray[np.int64]:
    """The slot of each row within the column, int64 [n]."""
    other, unseen, missing, mismatch = range(len(column.levels), column.size)
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
    return slots
