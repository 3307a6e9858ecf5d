"""Whether it is news that a part of the traffic has stopped: a region, a customer, a channel without any row.

Many parts come and go by themselves: not at night, not at weekends, a batch a day. So the gap is compared with the gaps
that there were before. The factor is our choice: of parts that come at random (exponential gaps, n of them known) the
next gap is three times the longest with probability 6 / ((n + 1)(n + 2)(n + 3)), the mean of exp(-3 max).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import MINIMUM_ROWS

LONGER = 3  # times the longest gap before: news
_KNOWN = 14 * 24  # hours that show a weekly rhythm twice
_A_WEEK = 7 * 24

Gap = tuple[int, int, int]  # first hour, the hour after the last, and hours between them that had rows at all


@dataclass(frozen=True)
class Traffic:
    """Of the hours [T] since 1970 (int64, increasing) that had any row: ``rows`` [T] in all, ``part`` [T] of the part
    that is asked about."""

    hours: NDArray[np.int64]
    rows: NDArray[np.int64]
    part: NDArray[np.int64]

    @property
    def share(self) -> float:
        """The part's share of the rows, from its first to its last."""
        there = np.flatnonzero(self.part)
        known = slice(there[0], there[-1] + 1) if len(there) else slice(0)
        return float(self.part[known].sum() / max(self.rows[known].sum(), 1))

    @property
    def gaps(self) -> list[Gap]:
        """Where the part had no row, oldest first."""
        edges = np.flatnonzero(np.diff((self.part == 0).astype(np.int8), prepend=0, append=0)).reshape(-1, 2).tolist()
        return [(int(self.hours[a]), int(self.hours[b - 1]) + 1, b - a) for a, b in edges]

    @property
    def known_hours(self) -> int:
        """From the part's first row to its last."""
        there = self.hours[self.part > 0]
        return int(there[-1] - there[0]) + 1 if len(there) else 0


def is_news(log: Traffic, references: Sequence[Traffic], seen: Sequence[Gap]) -> bool:
    """Whether the gap that the log ends with is longer than usual, in a part of which at least 30 rows would have come
    in it, by its smallest share before.

    ``seen``: gaps as they looked when they were new, before rows came late. A gap that is three times as long as any
    other was an incident: what is usual is told by the others. With less than two weeks known a rhythm of the week may
    not have been seen: then it takes a week without rows.
    """
    there = np.flatnonzero(log.part)
    if len(there) == 0 or there[-1] == len(log.part) - 1:
        return False
    last = int(log.hours[there[-1]])
    missed = log.rows[there[-1] + 1 :]
    known = [one for one in references if one.part.any()]
    if min(one.share for one in [log, *known]) * int(missed.sum()) < MINIMUM_ROWS:
        return False
    mine = log.gaps[int(log.part[0] == 0) : -1]  # before its first row it was not known yet
    before = [*mine, *(gap for one in known for gap in one.gaps), *seen]
    least = 0 if max(one.known_hours for one in [log, *known]) >= _KNOWN else _A_WEEK
    return len(missed) >= max(LONGER * _usual(gap for gap in before if gap[1] <= last), least)


def _usual(gaps: Iterable[Gap]) -> int:
    """Hours of the longest of these gaps, those that overlap being one; of the second where the longest stands out."""
    joined: list[Gap] = []
    for start, end, hours in sorted(gaps):
        if joined and start < joined[-1][1]:
            before = joined.pop()
            start, end, hours = before[0], max(end, before[1]), max(hours, before[2])
        joined.append((start, end, hours))
    longest = [*sorted((hours for *_, hours in joined), reverse=True), 0, 0]
    return longest[1] if longest[0] > LONGER * longest[1] else longest[0]
