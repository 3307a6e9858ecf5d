"""z-test: of two shares (pooled), or of two means of many rows."""

from __future__ import annotations

import math

import numpy as np

from detectors.measurement import NOT_TWO_LEVELS
from detectors.sample import Comparison, Levels, Sample, undefined
from detectors.tables import need_rows, two_by_two
from detectors.welch import welch


def compare(reference: Sample, current: Sample) -> Comparison:
    """Two-sided; above 0 where the reference has more.

    Categories: (p - q) / √(s (1 - s) (1 / n + 1 / m)) of the first of ``details.categories``, s its share in both
    samples together; the square is the chi-square statistic (Fleiss 1981). A column that has not exactly two:
    ``not_two_levels``. Numbers: the difference of the means over √(variance / n + variance / m), Welch's statistic with
    the normal law in place of Student's; from counts as in ``detectors.welch``.
    """
    need_rows(reference, current)
    if isinstance(reference, Levels) and isinstance(current, Levels):
        return _of_shares(reference, current)
    found = welch(reference, current)
    if found.reason is not None:
        return undefined(found.reason, found.details)
    return Comparison(found.statistic, _two_sided(found.statistic), details=found.details)


def _of_shares(reference: Levels, current: Levels) -> Comparison:
    counts = two_by_two(reference, current)
    if counts is None:
        return undefined(NOT_TWO_LEVELS)
    (p, _), (q, _) = counts.shares
    n, m = counts.reference.sum(), counts.current.sum()
    share, rest = (counts.reference + counts.current) / (n + m)
    z = float((p - q) / np.sqrt(share * rest * (1 / n + 1 / m)))
    return Comparison(z, _two_sided(z), details={**counts.details, "from": float(p), "to": float(q)})


def _two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2))  # to the smallest number there is, where scipy's ndtr ends at 1e-308
