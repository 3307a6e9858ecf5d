"""Anderson and Darling's test of two samples: the distance of the distribution functions, the tails as heavy as the
middle (Scholz and Stephens 1987)."""

from __future__ import annotations

import numpy as np
from scipy import special

from detectors.measurement import NO_VARIATION, TOO_FEW_ROWS
from detectors.sample import Array, Comparison, Sample, undefined
from detectors.ties import Ties, ties

# Scholz and Stephens 1987, table 2, for two samples (b0 + b1 + b2): standardised points and the levels they belong to.
LEVELS: Array = np.array([0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001])
POINTS: Array = np.array([0.325, 1.226, 1.961, 2.718, 3.752, 4.592, 6.546])
LIMIT_DEVIATION = float(np.sqrt(2 * (np.pi**2 / 3 - 3)))  # of the limit law, whose mean is 1


def compare(reference: Sample, current: Sample) -> Comparison:
    """scipy's ``anderson_ksamp`` of two samples with midranks: A² of equation 7, less its mean, in standard deviations;
    below 0 where the samples are more alike than chance makes them. A bin is a tie (``details.binned``).

    p: scipy's interpolation in table 2, at most 0.25. Below 0.001, where scipy stops, it goes on as the tail of the
    limit law √3 erfc(√A²) (Zolotarev 1961), so that a small level can be met. It is that of numbers that seldom repeat:
    with two or three values it is far too small, and chi-square is the better test.
    """
    grouped = ties(reference, current)
    details = {**grouped.details, "binned": True} if grouped.details else {}
    if len(grouped.pooled) < 2:
        return undefined(NO_VARIATION, details)
    n, m = reference.rows, current.rows
    if n + m < 4:
        return undefined(TOO_FEW_ROWS, details)
    statistic = (_of_ranks(grouped, n, m) - 1) / _deviation(n, m)
    return Comparison(statistic, _p_value(statistic), details=details)


def _of_ranks(grouped: Ties, n: float, m: float) -> float:
    """Equation 7. The two samples' deviations are the same but for their sign."""
    rows, tied = n + m, grouped.pooled
    below = np.cumsum(tied) - tied / 2
    of_reference = np.cumsum(grouped.reference) - grouped.reference / 2
    squares = (rows * of_reference - below * n) ** 2 / (below * (rows - below) - rows * tied / 4)
    return float((rows - 1) / rows * (1 / n + 1 / m) * (tied / rows @ squares))


def _deviation(n: float, m: float) -> float:
    """Equation 4 for two samples; its sums h and g in closed form (harmonic numbers of both orders)."""
    rows, inverse = n + m, 1 / n + 1 / m
    h = special.digamma(rows) + np.euler_gamma
    g = np.pi**2 / 6 - special.polygamma(1, rows + 1) - 2 * (h + 1 / rows) / rows + 1 / rows**2
    a = 4 * g - 6 + (10 - 6 * g) * inverse
    b = 4 * (2 * g - 4) + 16 * h + (2 * g - 14 * h - 4) * inverse - 8 * h + 4 * g - 6
    c = 4 * (6 * h + 2 * g - 2) + 2 * (4 * h - 4 * g + 6) + (2 * h - 6) * inverse + 4 * h
    d = 4 * (2 * h + 6) - 8 * h
    square = (a * rows**3 + b * rows**2 + c * rows + d) / ((rows - 1) * (rows - 2) * (rows - 3))
    return float(np.sqrt(square))


def _p_value(statistic: float) -> float:
    if statistic < POINTS[0]:
        return float(LEVELS[0])
    fit = np.polyfit(POINTS, np.log(LEVELS), 2)
    if statistic <= POINTS[-1]:
        return float(np.exp(np.polyval(fit, statistic)))
    tail = special.erfc(np.sqrt(1 + LIMIT_DEVIATION * np.array([statistic, POINTS[-1]])))
    return float(np.exp(np.polyval(fit, POINTS[-1])) * tail[0] / tail[1])
