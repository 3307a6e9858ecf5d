"""Hourly summaries from counts that the store's engine made, equal to the bit to those from rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors import sums
from detectors.cuts import NUMERIC_EXTRAS, Binning, CategoricalColumn, Column, NumericColumn
from detectors.hour_bytes import encode
from detectors.pairs.counting import codes_of
from detectors.summary import MISMATCH, NAN, ColumnValues, categorical_slots
from monitor.actions.from_probabilities import canonical_text
from monitor.actions.meaning import Meaning
from monitor.actions.slicing import WHOLE
from monitor.store.observations.base import Counting, HourCounts, Number, StoredColumn, StoredModel
from monitor.store.observations.canonical import canonical_stored
from monitor.store.observations.odd import odd_codes

NOTHING = (np.empty(0, np.int64), np.empty(0, np.uint8))
_NOTHING_LEFT = -4000  # a shift that leaves nothing of any number
Hour = tuple[str, str, int, int, int, bytes]  # version, segment, hour, rows, time of the newest, encoded counts


def can_be(binning: Binning, columns: Sequence[StoredColumn], meaning: Meaning) -> bool:
    """Whether all that a binning counts can be counted there: not segments, not vectors, and not what is derived from
    probabilities."""
    several = meaning.task == "multiclass" and sum(column.role == "probability" for column in columns) > 1
    derived = several or meaning.likeliest
    return not (any(one.values for one in binning.segments) or binning.embeddings or derived)


def hours(
    store: Counting, model: StoredModel, binning: Binning, meaning: Meaning, start: int, end: int
) -> Iterator[Hour]:
    """Summaries of hours [start, end), in order of version and hour within stretches of them."""
    sources = _Sources.of(binning, model, meaning)
    for stretch in store.stretches(model, start, end):
        counted = store.counts(model, stretch, list(sources.numbers.values()), list(sources.texts.values()))
        if len(counted.groups):
            yield from _encoded(binning, _Assembled(store, model, binning, meaning, sources, counted))


class _Sources:
    """What of the table each column of the binning is: ``numbers`` and ``texts`` by the binning's name; ``physical``
    the column whose odd values count with it."""

    def __init__(self) -> None:
        self.numbers: dict[str, Number] = {}
        self.texts: dict[str, str] = {}
        self.stored: dict[str, StoredColumn] = {}

    @classmethod
    def of(cls, binning: Binning, model: StoredModel, meaning: Meaning) -> _Sources:
        found = cls()
        by_name = {_name(column): column for column in model.columns}
        for column in binning.columns:
            stored = by_name.get(column.name)
            if stored is not None:
                found.stored[column.name] = stored
            physical = stored.physical if stored is not None else column.name
            if isinstance(column, NumericColumn):
                terms = _score(model.columns, meaning) if column.name == "score" else ((physical, False),)
                known = stored is not None or column.name in ("latency_ms", "score")
                usable = stored is None or stored.storage == "number"
                if terms and known and usable:
                    found.numbers[column.name] = Number(terms, column.cuts, column.minimum, column.maximum)
            elif stored is not None or column.name == "error":
                found.texts[column.name] = physical
        return found


def _name(column: StoredColumn) -> str:
    return column.role if column.role == "prediction" else f"{column.role}.{column.name}"


def _score(columns: Sequence[StoredColumn], meaning: Meaning) -> tuple[tuple[str, bool], ...]:
    """The probability of the positive class: a plain number, else named so, else what the other leaves. Of a
    multiclass model the only one."""
    if meaning.task == "multiclass":
        return tuple((column.physical, False) for column in columns if column.role == "probability")
    if meaning.task != "binary" or not meaning.classes:
        return ()
    negative, positive = meaning.classes
    by_class = {
        canonical_text(column.name) if column.name else "": column.physical
        for column in columns
        if column.role == "probability"
    }
    terms = [(by_class[name], False) for name in ("", positive) if name in by_class]
    return (*terms, *([(by_class[negative], True)] if negative in by_class else []))


class _Assembled:
    """Counts of one stretch, put together as ``detectors.summary`` has them: [G, …] for the store's groups."""

    def __init__(
        self,
        store: Counting,
        model: StoredModel,
        binning: Binning,
        meaning: Meaning,
        sources: _Sources,
        counted: HourCounts,
    ) -> None:
        self.groups, self._counted, self._sources, self._meaning = counted.groups, counted, sources, meaning
        self._binning = binning
        size = len(self.groups)
        self._rows = self.groups["rows"].to_numpy()
        self.counts = np.zeros((size, binning.size), np.int64)
        self.counts[:, 0] = self._rows
        self.extremes = np.tile([np.inf, -np.inf], (size, len(binning.numeric), 1))
        for column in binning.columns:
            self._put_numbers(column) if isinstance(column, NumericColumn) else self._put_texts(column)
        self.moments = self._moments(store, model)
        self.products = self._products(store, model)

    def _part(self, column: Column) -> NDArray[np.int64]:
        start = self._binning.offsets[column.name]
        return self.counts[:, start : start + column.size]

    def _put_numbers(self, column: NumericColumn) -> None:
        part, first = self._part(column), len(column.cuts) + 1
        slots = dict(zip(NUMERIC_EXTRAS, range(first, first + len(NUMERIC_EXTRAS)), strict=True))
        if column.name not in self._sources.numbers:
            part[:, slots["missing"]] = self._rows
            return
        at = list(self._sources.numbers).index(column.name)
        told = {name: values[:, at] for name, values in self._counted.told.items()}
        bins = self._counted.bins
        mine = bins["number"].to_numpy() == at
        np.add.at(part, (bins["at"].to_numpy()[mine], bins["place"].to_numpy()[mine]), bins["rows"].to_numpy()[mine])
        odd, codes = self._odd(column.name)
        np.add.at(part, (odd, np.where(codes == NAN, slots["nan"], slots["mismatch"])), 1)
        part[:, slots["missing"]] = told["null"].astype(np.int64) - np.bincount(odd, minlength=len(self._rows))
        for name, source in (("pos_inf",) * 2, ("neg_inf",) * 2, ("below_min", "below"), ("above_max", "above")):
            part[:, slots[name]] = told[source]
        some = told["finite"] > 0
        row = self._binning.numeric.index(column)
        self.extremes[some, row] = np.stack([told["low"], told["high"]], axis=1)[some] + 0.0  # see sums.extremes

    def _put_texts(self, column: Column) -> None:
        part = self._part(column)
        assert isinstance(column, CategoricalColumn)
        if column.name not in self._sources.texts:
            part[:, len(column.levels) + 2] = self._rows
            return
        found = self._counted.texts[self._sources.texts[column.name]]
        values = found["value"].combine_chunks()
        if column.name == "prediction":
            values = canonical_stored(values, self._sources.stored["prediction"].storage)
        slots = categorical_slots(column, ColumnValues(values, *NOTHING))
        np.add.at(part, (found["at"].to_numpy(), slots), found["rows"].to_numpy())
        odd, codes = self._odd(column.name)
        wrong = odd[codes == MISMATCH]
        np.add.at(part, (wrong, len(column.levels) + 2), -1)
        np.add.at(part, (wrong, len(column.levels) + 3), 1)

    def _odd(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """The groups of the column's odd values, and how they are odd."""
        stored = self._sources.stored.get(name)
        if stored is None or name == "score":
            return NOTHING
        rows, codes = odd_codes(self._counted.odd["odd"].combine_chunks(), stored.physical)
        return self._counted.odd["at"].to_numpy()[rows], codes

    def _moments(self, store: Counting, model: StoredModel) -> NDArray[np.float64]:
        found = np.zeros((len(self.groups), len(self._binning.numeric), 2))
        names = list(self._sources.numbers)
        if not names:
            return found
        told = self._counted.told
        shifts = np.zeros((len(self.groups), len(names), 2), np.int32)
        overflow = np.zeros(shifts.shape, np.bool_)
        for at in range(len(names)):
            some = told["finite"][:, at] > 0
            low, high, sizes = told["low"][some, at], told["high"][some, at], told["finite"][some, at].astype(np.int64)
            steps = sums.Steps.of(low, high, sizes, (1, 2))
            shifts[some, at], overflow[some, at] = steps.shifts, steps.overflow
        shifts[overflow] = _NOTHING_LEFT
        numbers = list(self._sources.numbers.values())
        totals = store.sums(model, self._counted, numbers, shifts).astype(np.float64)
        found_sums = np.ldexp(totals, -np.where(overflow, 0, shifts))
        found_sums[overflow] = np.inf
        rows = [[one.name for one in self._binning.numeric].index(name) for name in names]
        found[:, rows] = found_sums
        return found

    def _products(self, store: Counting, model: StoredModel) -> NDArray[np.int64]:
        names = list(self._sources.numbers)
        there = [place for place, pair in enumerate(self._binning.pairs) if set(pair) <= set(names)]
        found = np.zeros((len(self.groups), len(self._binning.pairs), 6), np.int64)
        columns = [self._binning.by_name[name] for name in names]
        codes = [
            codes_of(column)[: len(column.cuts) + 1] if isinstance(column, NumericColumn) else np.empty(0, np.int8)
            for column in columns
        ]
        pairs = [(names.index(a), names.index(b)) for a, b in (self._binning.pairs[place] for place in there)]
        found[:, there] = store.products(model, self._counted, list(self._sources.numbers.values()), codes, pairs)
        return found


def _encoded(binning: Binning, made: _Assembled) -> Iterator[Hour]:
    embedded = np.zeros((len(binning.embeddings), 0), np.int64)
    keys = (made.groups[name].to_pylist() for name in ("version", "hour", "rows", "newest"))
    for place, (version, hour, rows, newest) in enumerate(zip(*keys, strict=True)):
        vectors = (made.counts[place], made.moments[place], made.extremes[place], made.products[place], embedded)
        yield version, WHOLE, hour, rows, newest, encode(*vectors)
