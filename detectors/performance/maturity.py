"""How labels come in: which share is known by which age, of all predictions and of each kind of labelled row.

Delays and ages are whole hours. A cohort is the predictions of one hour; its age is how long ago that hour was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import MINIMUM_ROWS

Array = NDArray[np.float64]

LONGEST = 0.75  # of the oldest cohort's age: beyond it too few cohorts would tell
SETTLED = 0.9  # of each class's labels must be there by half of that, else the rest of the curve is not known


@dataclass(frozen=True)
class Arrivals:
    """``known`` [D + 1]: share of all predictions whose label is known after each delay 0..D (Kaplan-Meier). By
    stratum of labelled rows, ``share`` [S, D + 1]: of the labels that come within D, those known by that age;
    ``error`` [S, D + 1]: standard error of its logarithm; ``mass`` [S]: share of labelled rows; ``usable`` [S]: whether
    there are enough rows to tell; ``unrest``: how many times the variance of independent rows the numbers of labels
    that came have, see ``label_delay``."""

    known: Array
    share: Array
    error: Array
    mass: Array
    usable: NDArray[np.bool_]
    unrest: float = 1.0

    @property
    def plateau(self) -> float:
        """Share of predictions whose label ever comes."""
        return float(self.known[-1])

    def reached(self, coverage: float) -> int | None:
        """Hours until labels are known for that share of predictions; None where they never are."""
        enough = self.known >= coverage
        return int(np.argmax(enough)) if enough.any() else None

    def complete(self, ages: NDArray[np.int64], predictions: NDArray[np.int64]) -> tuple[Array, Array]:
        """Of a window whose hours have these ages and numbers of predictions: ``share`` [S] of the labels to come that
        are known, and the standard error [S] of its logarithm."""
        at = np.clip(ages, 0, self.share.shape[1] - 1)
        weight = predictions / max(int(predictions.sum()), 1)
        share: Array = self.share[:, at] @ weight
        # Hours share one curve, so their errors are one error.
        error: Array = (self.share[:, at] * self.error[:, at]) @ weight / np.maximum(share, np.finfo(float).tiny)
        return share, error


def kaplan_meier(events: Array, censored: Array) -> Array:
    """P(delay <= d) for d = 0..D from ``events`` [D + 1] (labels that came after d hours) and ``censored`` [D + 1]
    (predictions without a label when they were d hours old; a label after exactly d hours would have been seen).

    Product limit (Kaplan and Meier 1958). Where nobody is at risk the curve goes on as it was.
    """
    events, censored = np.asarray(events, np.float64), np.asarray(censored, np.float64)
    at_risk = np.cumsum((events + censored)[::-1])[::-1]
    kept = 1 - np.divide(events, at_risk, out=np.zeros_like(at_risk), where=at_risk > 0)
    known: Array = 1 - np.cumprod(np.clip(kept, 0, 1))
    return known


def completeness(
    ages: NDArray[np.int64], delays: NDArray[np.int64], counts: Array, longest: int
) -> tuple[Array, Array]:
    """Share of the labels known by each age 0..D among those that come within ``longest`` = D hours, [S, D + 1], and
    the standard error of its logarithm.

    ``counts`` [n, S]: labelled rows by stratum that became known ``delays`` [n] after predictions of a cohort that is
    ``ages`` [n] old; a correction counts -1 where the row was. A label is only seen when delay <= age, so the share is
    built from the longest delay backward: share(d) = Π over u > d of (N(u) - n(u)) / N(u), with n(u) labels of delay u
    and N(u) of delay up to u, both in cohorts at least u old (Lagakos, Barraj and De Gruttola 1988). Its error is
    Greenwood's (1926) sum of n / (N (N - n)) over the same delays.
    """
    size = longest + 2
    inside = delays <= longest
    delays, leaves, counts = delays[inside], np.minimum(ages[inside], longest) + 1, counts[inside]
    arriving = _by_hour(delays, counts, size)[:, :-1]
    known = np.cumsum(_by_hour(delays, counts, size) - _by_hour(leaves, counts, size), axis=1)[:, :-1]
    before = known - arriving
    some = known > 0
    factor = np.divide(before, known, out=np.ones_like(known), where=some)
    term = np.divide(arriving, known * before, out=np.zeros_like(known), where=some & (before > 0))
    return _after(np.clip(factor, 0, None), np.cumprod, 1.0), np.sqrt(_after(np.clip(term, 0, None), np.cumsum, 0.0))


def arrivals(
    ages: NDArray[np.int64],
    delays: NDArray[np.int64],
    counts: Array,
    parents: NDArray[np.int64],
    cohorts: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Arrivals | None:
    """The curves of a model's labels; None where its cohorts are too young to know how long labels take.

    ``ages``, ``delays`` int64 [n] and ``counts`` [n, S] as in ``completeness``. ``parents`` int64 [S]: the class
    that stands in for a stratum with fewer than 30 rows (-1: none does); a class is its own parent. Classes with 30
    rows must be settled: 90 % of their labels within half of the longest delay looked at. ``cohorts``: age and number
    of predictions of every cohort, int64 [C] each.
    """
    born, predictions = cohorts
    longest = int(LONGEST * born.max()) if len(born) else 0
    if longest < 2 or not len(delays):
        return None
    share, error = completeness(ages, delays, counts, longest)
    rows = counts[delays <= longest].sum(axis=0)
    few, classes = rows < MINIMUM_ROWS, parents == np.arange(len(parents))
    if not (classes & ~few).any() or (share[classes & ~few, longest // 2] < SETTLED).any():
        return None
    stands_in = np.where(few & (parents >= 0), parents, np.arange(len(parents)))
    known = _known(ages, delays, counts[:, classes].sum(axis=1), born, predictions, longest)
    return Arrivals(known, share[stands_in], error[stands_in], rows / rows[classes].sum(), ~few[stands_in])


def _known(
    ages: NDArray[np.int64],
    delays: NDArray[np.int64],
    rows: Array,
    born: NDArray[np.int64],
    predictions: NDArray[np.int64],
    longest: int,
) -> Array:
    inside = delays <= longest
    events = np.maximum(_by_hour(delays[inside], rows[inside, None], longest + 1)[0], 0)
    at = np.minimum(born, longest)
    labelled = _by_hour(np.minimum(ages, longest)[inside], rows[inside, None], longest + 1)[0]
    censored = np.bincount(at, weights=predictions, minlength=longest + 1) - labelled
    return kaplan_meier(events, np.maximum(censored, 0))


def _by_hour(hours: NDArray[np.int64], counts: Array, size: int) -> Array:
    """Sums [S, size] of counts [n, S] by hour."""
    return np.stack([np.bincount(hours, weights=column, minlength=size) for column in counts.T])


def _after(each: Array, run: Callable[..., Array], first: float) -> Array:
    """What ``run`` makes of everything after each place, [S, D + 1] from [S, D + 1]."""
    backward = run(each[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([backward[:, 1:], np.full((len(each), 1), first)], axis=1)
