"""Cramér and von Mises: the mean square of the distance between two distribution functions (Anderson 1962)."""

from __future__ import annotations

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed
from scipy import special

from detectors.measurement import TOO_FEW_ROWS
from detectors.sample import Array, Comparison, Sample, Values, undefined
from detectors.ties import ties

TERMS = np.arange(16)  # of the limit law: the next one is below 1e-35 up to FAR
FAR = 6.0  # where p is 1e-14 and can no longer be had as a difference from 1


def compare(reference: Sample, current: Sample) -> Comparison:
    """T = nm / (n + m)² Σ (F - G)² over all rows of both samples (Anderson 1962, eq. 9), F and G being the shares of
    rows at or below.

    Values without ties: scipy's ``cramervonmises_2samp`` (exact p-value for small samples), which has T from ranks.
    Ties and bins: T as defined above, since scipy's midranks add about (n - m)² (n + m) Σ share³ / (12 nm) to it where
    n ≠ m, without any change at all; p is scipy's asymptotic one, too small where there are only two or three values.
    ``details.error_bound``: within a bin F - G is no farther than d, the larger of its two shares, from the difference
    D at its upper end, so a row's square is off by at most d (2 |D| + d).
    """
    grouped = ties(reference, current)
    if min(reference.rows, current.rows) < 2:
        return undefined(TOO_FEW_ROWS, grouped.details)
    if isinstance(reference, Values) and isinstance(current, Values) and grouped.pooled.max() == 1:
        found = scipy.stats.cramervonmises_2samp(reference.numbers, current.numbers)
        return Comparison(float(found.statistic), float(found.pvalue))
    n, m = reference.rows, current.rows
    p, q = grouped.reference / n, grouped.current / m
    apart, weight = np.cumsum(p) - np.cumsum(q), grouped.pooled * n * m / (n + m) ** 2
    statistic = float(weight @ apart**2)
    details = grouped.details
    if details:
        inside = np.maximum(p, q) * grouped.hides
        details = {**details, "error_bound": float(weight @ (inside * (2 * np.abs(apart) + inside)))}
    return Comparison(statistic, _p_value(statistic, n, m), details=details)


def _p_value(statistic: float, n: float, m: float) -> float:
    """Of the limit law, at T moved and scaled to its mean and variance (Anderson 1962, eq. 14), as scipy has it."""
    rows, pairs = n + m, n * m
    mean = (1 + 1 / rows) / 6
    variance = (rows + 1) * (4 * pairs * rows - 3 * (n**2 + m**2) - 2 * pairs) / (45 * rows**2 * 4 * pairs)
    scaled = 1 / 6 + (statistic - mean) / np.sqrt(45 * variance)
    if scaled > FAR:  # the tail by its largest weight (Zolotarev 1961)
        return float(np.sqrt(2) * special.erfc(np.pi * np.sqrt(scaled / 2)))
    return 1.0 if scaled < 0.003 else max(0.0, 1 - _limit(scaled))


def _limit(x: float) -> float:
    """The limit's distribution function (Anderson and Darling 1952, eq. 4.35)."""
    y: Array = (4 * TERMS + 1) ** 2 / (16 * x)
    weights = special.gamma(TERMS + 0.5) / special.factorial(TERMS) / (np.pi**1.5 * np.sqrt(x))
    # kve(y) is kv(y) times e^y: e^-2y remains
    return float((weights * np.sqrt(4 * TERMS + 1) * np.exp(-2 * y) * special.kve(0.25, y)).sum())
