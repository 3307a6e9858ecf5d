"""Have labels stopped? How long none has become known, against the pauses that were usual.

Whole hours; a label counts from the hour at which it is known. Labels come steadily, in office hours, once a night or
once a week: nothing is assumed of that but that the pauses to come are like those before. Of n pauses that are drawn
alike (exponential, as between events at random) the next is f times the longest with probability
1 / C(n + f, f), the mean of exp(-f max): what ``_factor`` keeps small, also over a month of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import NO_LABELS, Measurement
from detectors.performance.maturity import kaplan_meier

Whole = NDArray[np.int64]

NAME = "label_pause"
WEEKS = 8  # that tell what is usual, or two label horizons where these are longer
ENOUGH = 8  # hours at which labels became known: batches once a week are just so many
KNOWN = 14 * 24  # hours that show a weekly rhythm twice
LEAST = 24  # hours: a shorter pause is no news
LABELS = 30  # that should have come meanwhile
FACTOR, OF_FEW, MANY = 2, 3, 40  # times the longest pause; of fewer than 40 pauses
ALIKE, AT_LEAST, SLACK = 0.85, 6, 72  # batches: 6 long pauses, their median 0.85 of the longest; told 3 days late


@dataclass(frozen=True)
class Usual:
    """``longest``: the longest usual pause; a pause that is longer than ``limit`` is news. Hours."""

    longest: int
    limit: int


def usual_pause(known: Whole, seen: Sequence[int] = ()) -> Usual | None:
    """What is usual by the hours [K], increasing, at which labels ``known`` so far became that; None where these are
    too few, or of too short a time, to tell.

    ``seen``: pauses as they looked while they lasted, before labels were posted that had become known in them. A pause
    so long that the others would have had it told is no habit as long as it is the only one.
    """
    if len(known) < ENOUGH or known[-1] - known[0] < KNOWN:
        return None
    between = np.diff(known)
    pauses = np.sort(np.concatenate([between, [one for one in seen if one > between.max()]]))[::-1]
    others = _limit(pauses[1:])
    return Usual(int(pauses[1]), others) if pauses[0] > others else Usual(int(pauses[0]), _limit(pauses))


def _limit(pauses: NDArray[np.float64]) -> int:
    """Hours, of pauses [n], the longest first."""
    longest = float(pauses[0])
    alike = pauses[pauses >= longest / 2]
    if len(alike) >= AT_LEAST and float(np.median(alike)) >= ALIKE * longest:
        more = min(longest, SLACK)
    else:
        more = ((FACTOR if len(pauses) >= MANY else OF_FEW) - 1) * longest
    return max(LEAST, int(longest + more))


@dataclass(frozen=True)
class Feed:
    """Of the hours [T] ``hours`` with ``predictions`` [T] each: ``sampled`` [T], whether ``labels`` has theirs, as hour
    of the prediction, hour at which it became known and number [L] each, of those known at hour ``last``."""

    hours: Whole
    predictions: Whole
    sampled: NDArray[np.bool_]
    labels: tuple[Whole, Whole, Whole]
    last: int

    def expected(self, at: int) -> float:
        """How many labels should have become known after ``last``, up to hour ``at``: the predictions of hour h times
        F(at - h) - F(last - h), F by Kaplan and Meier (1958) from the labels of the sampled hours."""
        born, known, counts = self.labels
        longest = max(at - int(self.hours.min(initial=at)), 1)
        age = np.clip(self.last - self.hours, 0, longest)[self.sampled]
        waiting = np.bincount(age, weights=self.predictions[self.sampled], minlength=longest + 1)
        waiting -= np.bincount(np.clip(self.last - born, 0, longest), weights=counts, minlength=longest + 1)
        events = np.bincount(np.clip(known - born, 0, longest), weights=counts, minlength=longest + 1)
        curve = np.concatenate([[0.0], kaplan_meier(np.maximum(events, 0), np.maximum(waiting, 0))])
        then, now = (curve[np.clip(hour - self.hours + 1, 0, longest + 1)] for hour in (self.last, at))
        return float(self.predictions @ (now - then))


def measure_pause(at: int, last: int | None, usual: Usual | None, feed: Feed | None, rows: int) -> Measurement:
    """``value``: hours from the hour ``last``, at which the newest label became known, to ``at``.

    ``details``: ``longest_before``; ``limit``, beyond which the pause is news: not before 30 labels should have come by
    ``feed`` (None: not asked), ``expected`` of them have. Without ``usual`` there is none. ``rows``: of the window.
    """
    if last is None:
        return Measurement(NAME, None, 0, rows, reason=NO_LABELS)
    pause = at - last
    if usual is None:
        return Measurement(NAME, float(pause), 0, rows)
    details: dict[str, float] = {"longest_before": usual.longest, "limit": usual.limit}
    if feed is not None:
        details["expected"] = round(feed.expected(at))
        if details["expected"] < LABELS:
            details["limit"] = max(usual.limit, pause)
    return Measurement(NAME, float(pause), 0, rows, details=details)
