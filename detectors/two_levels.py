"""The categories of two tables: where their shares differ most, and whether the reference's tell anything at all.

As of columns that are counted (``shares.cells.categories``): of values of which none is common, as of users or texts
that are different in every row, nothing is told; those that the reference lacks are also one category together, set
beside as many as are to be expected of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.binning import levels_of_counts
from detectors.cuts import CategoricalColumn
from detectors.sample import NAMELESS, Levels
from detectors.shares.bounds import Shares
from detectors.shares.cells import Cells
from detectors.tables import table

UNSEEN = NAMELESS[1]


@dataclass(frozen=True)
class TwoLevels:
    """Rows of both by value."""

    name: str
    reference: Levels
    current: Levels

    @cached_property
    def column(self) -> CategoricalColumn:
        """What would be counted of the reference."""
        return levels_of_counts(self.name, self.reference.levels, self.reference.counts)

    @property
    def tells(self) -> bool:
        """Whether a value is common in the reference, or values that it lacks would be news."""
        return (self.column.common or 0) > 0 or not self.column.is_open

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the cells: values of either table, then ``UNSEEN``, where that is asked."""
        categories: list[str] = table(self.reference, self.current).details["categories"]
        return (*categories, *([] if self.column.is_open else [UNSEEN]))

    @cached_property
    def shares(self) -> Shares:
        """Cells, one for each name. Of unseen values the reference is taken to have what the other
        table has, up to what is to be expected: only more is news."""
        counts = table(self.reference, self.current)
        order = np.argsort(counts.reference > 0, kind="stable")[::-1]  # unseen ones come last, and so are a run
        then, now, lacking = counts.reference[order], counts.current[order], int(np.sum(counts.reference == 0))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        asked = len(self.names) > len(place)
        first = np.append(place, len(order) - lacking) if asked else place
        last = np.append(place + 1, len(order)) if asked else place + 1
        least = np.zeros(len(first))
        least[len(place) :] = min(self.column.unseen or 0.0, float(now[len(order) - lacking :].sum() / now.sum()))
        cells = Cells.of([(first, last, 0, len(order))], least)
        return Shares(cells, cells.count(now)[0], cells.count_reference(then)[0], *(_all(side) for side in (now, then)))

    def largest(self) -> tuple[float, dict[str, Any]]:
        """By how much the share of one changed most, and which it is; of ``UNSEEN`` where that is more."""
        then, now = self.shares.q, self.shares.p
        gap = np.abs(now - then)
        place = int(np.argmax(gap))
        return float(gap[place]), {
            "category": self.names[place],
            "share_reference": float(then[place]),
            "share_current": float(now[place]),
            "direction": "more" if now[place] > then[place] else "less",
        }


def _all(counts: NDArray[Any]) -> NDArray[np.float64]:
    return np.array([float(counts.sum())])
