"""Do labels come as fast as they did? Weights for labels that are still to come rest on that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.intervals import Z95
from detectors.measurement import MINIMUM_ROWS, Measurement
from detectors.performance.maturity import Arrivals

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

NAME = "label_delay"
SLOWER, FASTER, SAME = "slower", "faster", "same"
LEVEL = 0.05
DAY = 24


def measure_delay(
    curve: Arrivals, cohorts: tuple[Whole, Whole], labels: tuple[Whole, Whole, Whole], unrest: float
) -> Measurement | None:
    """One-sample log-rank test (Breslow 1975) of a window's labels against the curve of the mature cohorts.

    ``cohorts``: age and number of predictions of each hour; ``labels``: age of the hour, delay and number of labels.
    ``value``: labels that came over those that should have, given which were still open at every delay; limits at 95 %
    and ``p_value`` of H0: 1, with a variance ``unrest`` times that of independent rows. ``details.due``: labels that
    are usually there of predictions of these ages. None where fewer than 30 labels should have come.
    """
    came, expected, variance = (float(part.sum()) for part in residuals(curve.known, cohorts, labels))
    if expected < MINIMUM_ROWS or variance <= 0:
        return None
    error = float(np.sqrt(unrest * variance))
    p_value = float(2 * special.ndtr(-abs(came - expected) / error))
    ratio = came / expected
    pace = SAME if p_value > LEVEL else SLOWER if ratio < 1 else FASTER
    predictions = int(cohorts[1].sum())
    due = float(curve.known[np.minimum(cohorts[0], len(curve.known) - 1)] @ cohorts[1])
    return Measurement(
        NAME,
        ratio,
        0,
        predictions,
        lower=max(0.0, ratio - Z95 * error / expected),
        upper=ratio + Z95 * error / expected,
        p_value=p_value,
        details={"came": came, "expected": expected, "due": due, "pace": pace, "unrest": unrest},
    )


def residuals(known: Array, cohorts: tuple[Whole, Whole], labels: tuple[Whole, Whole, Whole]) -> tuple[Array, ...]:
    """Labels of each cohort that came, that should have, and the variance of that, [C] each; see ``measure_delay``.

    At delay d a prediction without a label so far gets one with the chance h(d) = (F(d) - F(d - 1)) / (1 - F(d - 1)),
    F = ``known`` [D + 1].
    """
    ages, predictions = cohorts
    of_age, delays, counts = labels
    known = known[: int(ages.max(initial=0)) + 1]  # nobody is watched longer
    size = len(known)
    order = np.argsort(ages)
    inside = delays < size
    row = order[np.searchsorted(ages[order], of_age[inside])]
    events = np.zeros((len(ages), size))
    np.add.at(events, (row, delays[inside]), counts[inside])
    before = np.concatenate([[0.0], known[:-1]])
    hazard = np.divide(known - before, 1 - before, out=np.zeros(size), where=before < 1)
    open_ = np.maximum(predictions[:, None] - np.cumsum(events, axis=1) + events, 0)
    watched = open_ * (np.arange(size) <= ages[:, None])
    return events.sum(axis=1), watched @ hazard, watched @ (hazard * (1 - hazard))


def unrest_of(known: Array, cohorts: tuple[Whole, Whole], labels: tuple[Whole, Whole, Whole]) -> float:
    """How many times the variance of independent rows the mature cohorts' own residuals have, by hour or by day, the
    larger; at least 1: labels come in batches."""
    came, expected, variance = residuals(known, cohorts, labels)
    total = float(variance.sum())
    if total <= 0:
        return 1.0
    by_day = np.bincount(np.unique(cohorts[0] // DAY, return_inverse=True)[1], weights=came - expected)
    return max(1.0, float(((came - expected) ** 2).sum()) / total, float((by_day**2).sum()) / total)
