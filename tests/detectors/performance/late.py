"""Labels that come late and depend on what they say: a made-up year of a fraud model.

Positives are confirmed after 20 days on average, negatives after 4; rows that are predicted positive are looked at
twice as fast; 3 % never get a label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.maturity import Arrivals, arrivals
from detectors.performance.scored import LabelCounts, count_scored, encode, no_labels
from detectors.performance.strata import Strata
from detectors.performance.weighting import Known, weigh

DAY = 24
LAYOUT = ScoreLayout("binary", ("0", "1"), np.arange(1, 64) / 64)
STRATA = Strata.of(LAYOUT)


@dataclass(frozen=True)
class Cases:
    """Rows: hour of the prediction, truth, score, predicted class and the label's delay in hours (far beyond all: none
    ever comes)."""

    hour: NDArray[np.int64]
    truth: NDArray[np.int64]
    score: NDArray[np.float64]
    said: NDArray[np.int64]
    delay: NDArray[np.int64]

    def at(self, chosen: NDArray[np.bool_]) -> Cases:
        return Cases(*(getattr(self, name)[chosen] for name in ("hour", "truth", "score", "said", "delay")))


def cases(days: int, per_hour: int, seed: int, *, slow: float = 20.0) -> Cases:
    """``slow``: mean delay of positives, days."""
    rng = np.random.default_rng(seed)
    hour = np.repeat(np.arange(days * DAY), per_hour)
    n = len(hour)
    x = rng.normal(size=n)
    chance = 1 / (1 + np.exp(-(1.6 * x - 2.0)))
    truth = (rng.random(n) < chance).astype(np.int64)
    said = (chance > 0.3).astype(np.int64)
    mean = np.where(truth == 1, slow, 4.0) * DAY * np.where(said == 1, 0.5, 1.0)
    delay = 1 + np.floor(rng.exponential(mean)).astype(np.int64)
    delay[rng.random(n) < 0.03] = 10**6
    return Cases(hour, truth, chance, said, delay)


def counted(rows: Cases, groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts [G, Lc] and sums [G, S] by group."""
    truth, said = (pa.array(one.astype(str)) for one in (rows.truth, rows.said))
    _, counts, sums = count_scored(LAYOUT, groups, truth, said, rows.score, np.ones(len(groups), dtype=np.int8))
    return counts, sums


def encoded(rows: Cases, as_of: int) -> tuple[NDArray[np.int64], NDArray[np.int64], list[bytes]]:
    """Label summaries as stored: ages and delays of the groups [n], and their bytes."""
    known = rows.at(rows.hour + rows.delay <= as_of)
    pairs, group = np.unique(np.stack([known.hour, known.delay], axis=1), axis=0, return_inverse=True)
    counts, sums = counted(known, group.ravel().astype(np.int64))
    return as_of - pairs[:, 0], pairs[:, 1], [encode(*pair) for pair in zip(counts, sums, strict=True)]


def curve_of(rows: Cases, as_of: int) -> Arrivals | None:
    """From everything known at ``as_of``."""
    rows = rows.at(rows.hour < as_of)
    ages, delays, data = encoded(rows, as_of)
    hours, predictions = np.unique(rows.hour, return_counts=True)
    return arrivals(ages, delays, STRATA.count(data), STRATA.parents, (as_of - hours, predictions))


def labelled(rows: Cases, as_of: int) -> LabelCounts:
    """What is known at ``as_of``, summed."""
    known = rows.at(rows.hour + rows.delay <= as_of)
    counts, sums = counted(known, np.zeros(len(known.hour), dtype=np.int64))
    return LabelCounts(counts[0], sums[0]) if len(counts) else no_labels(LAYOUT)


def known_of(rows: Cases, curve: Arrivals, as_of: int) -> Known:
    """The weights of a window."""
    hours, predictions = np.unique(rows.hour, return_counts=True)
    return weigh(LAYOUT, STRATA, curve, as_of - hours, predictions)
