"""Labels of one large hour counted from parts of its rows: no more than a part is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.performance.parts import ScoredParts
from detectors.segments import MOST_VALUES, segment_codes
from monitor.actions import counting, slicing
from monitor.actions.counting import LabelGroups, Meaning
from monitor.store.observations.base import ScoredRows, StoredColumn

_CODES = MOST_VALUES + 1  # a group is a known hour times so much, and a code


def count(
    binning: Binning,
    columns: Sequence[StoredColumn],
    meaning: Meaning,
    hour: int,
    read: Callable[[], Iterator[ScoredRows]],
) -> Iterator[tuple[str, str, LabelGroups]]:
    """As ``slicing.label_counts`` of all rows of the hour. ``read`` gives them in parts, each prediction with all its
    labels in one; it is called twice, and must give the same."""
    found: dict[tuple[str, int], ScoredParts] = {}
    for put in (ScoredParts.count, ScoredParts.add):
        for rows in read():
            for place, codes in enumerate(_codes(binning, columns, rows)):
                for version, one in counting.labelled(meaning, rows, codes):
                    keys = one.known_hours * _CODES + (0 if one.codes is None else one.codes)
                    put(found.setdefault((version, place), ScoredParts(binning.scores)), keys, *one.values)
            del rows
    names = [(slicing.WHOLE,), *(one.segments for one, _ in slicing.labelled_by(binning, columns))]
    for (version, place), counted in found.items():
        groups = _groups(hour, counted)
        for code in np.unique(groups.codes).tolist():
            yield version, names[place][code], groups.where(groups.codes == code)


def _codes(binning: Binning, columns: Sequence[StoredColumn], rows: ScoredRows) -> Iterator[NDArray[np.int64] | None]:
    """By what they are counted: all of them together, then by each column of segments."""
    yield None
    for one, source in slicing.labelled_by(binning, columns):
        yield segment_codes(one, rows.columns[source.physical])


def _groups(hour: int, counted: ScoredParts) -> LabelGroups:
    keys, counts, sums = counted.found()
    known, codes = np.divmod(keys, _CODES)
    return LabelGroups(codes, np.full(len(keys), hour), known, counts, sums)
