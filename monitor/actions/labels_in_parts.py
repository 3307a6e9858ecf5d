"""Labels of one large hour counted from parts of its rows: no more than a part is in memory, and of the groups no more
than there is room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.performance.parts import ScoredParts, room_of
from detectors.segments import segment_codes
from monitor.actions import counting, slicing
from monitor.actions.counting import LabelGroups
from monitor.actions.meaning import Meaning
from monitor.store.observations.base import ScoredRows, StoredColumn

ROOM = 128 << 20  # bytes, about, of the groups that are counted at a time
_SPAN = 1 << 32  # the key of a group is a code times so much, and a known hour

Keys = NDArray[np.int64]
By = tuple[str, int]  # version, and which column of segments


def count(
    binning: Binning,
    columns: Sequence[StoredColumn],
    meaning: Meaning,
    hour: int,
    read: Callable[[], Iterator[ScoredRows]],
) -> Iterator[tuple[str, str, LabelGroups]]:
    """As ``slicing.label_counts`` of all rows of the hour; a segment's groups may come in several pieces. ``read``
    gives them in parts, each prediction with all its labels in one, and must give the same whenever it is called: once
    to know the groups, and twice for as many of them as there is room for."""
    names = [(slicing.WHOLE,), *(one.segments for one, _ in slicing.labelled_by(binning, columns))]

    def labelled(places: set[int]) -> Iterator[tuple[By, Keys, Sequence[Any]]]:
        for rows in read():
            for place, codes in enumerate(_codes(binning, columns, rows)):
                for version, one in counting.labelled(meaning, rows, codes) if place in places else ():
                    yield (
                        (version, place),
                        one.known_hours + _SPAN * (0 if one.codes is None else one.codes),
                        one.values,
                    )
            del rows

    for wanted in _batches(binning, _groups(labelled(set(range(len(names)))))):
        found: dict[By, ScoredParts] = {by: ScoredParts(binning.scores) for by in wanted}
        for put in (ScoredParts.count, ScoredParts.add):
            for by, keys, values in labelled({place for _, place in wanted}):
                if by in wanted:
                    put(found[by], *_some(np.isin(keys, wanted[by]), keys, values))
        for (version, place), counted in found.items():
            for code in np.unique(counted.keys // _SPAN).tolist():
                keys, counts, sums = counted.between(code * _SPAN, (code + 1) * _SPAN)
                of_code, hours = np.full(len(keys), code), np.full(len(keys), hour)
                yield version, names[place][code], LabelGroups(of_code, hours, keys % _SPAN, counts, sums)


def _codes(binning: Binning, columns: Sequence[StoredColumn], rows: ScoredRows) -> Iterator[Keys | None]:
    """By what they are counted: all of them together, then by each column of segments."""
    yield None
    for one, source in slicing.labelled_by(binning, columns):
        yield segment_codes(one, rows.columns[source.physical])


def _groups(labelled: Iterator[tuple[By, Keys, Any]]) -> dict[By, tuple[Keys, NDArray[np.int64]]]:
    """Keys, increasing, and how many rows each has."""
    found: dict[By, tuple[Keys, NDArray[np.int64]]] = {}
    for by, keys, _ in labelled:
        known, rows = found.get(by, (keys[:0], keys[:0]))
        whole, places = np.unique(np.concatenate([known, keys]), return_inverse=True)
        weights = np.concatenate([rows, np.ones(len(keys), np.int64)])
        found[by] = whole, np.bincount(places, weights, len(whole)).astype(np.int64)
    return found


def _batches(binning: Binning, groups: Mapping[By, tuple[Keys, NDArray[np.int64]]]) -> Iterator[dict[By, Keys]]:
    """As many groups at a time as there is room for."""
    before = 0
    batches: dict[int, dict[By, Keys]] = {}
    for by, (keys, rows) in groups.items():
        taken = before + np.cumsum(room_of(binning.scores, rows))
        numbers = taken // ROOM
        for number in np.unique(numbers).tolist():
            batches.setdefault(number, {})[by] = keys[numbers == number]
        before = int(taken[-1]) if len(taken) else before
    yield from batches.values()


def _some(chosen: NDArray[np.bool_], keys: Keys, values: Sequence[Any]) -> Iterator[Any]:
    """Some rows, as ``ScoredParts`` takes them."""
    yield keys[chosen]
    for one in values:
        yield one.filter(pa.array(chosen)) if isinstance(one, pa.Array) else None if one is None else one[chosen]
