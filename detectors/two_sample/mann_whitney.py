"""Mann and Whitney's U (1947), Wilcoxon's rank-sum test: does a row of one sample tend to be the larger one?"""

from __future__ import annotations

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed
from scipy import special

from detectors.sample import Comparison, Sample, Values
from detectors.tables import need_rows
from detectors.ties import Ties, ties


def compare(reference: Sample, current: Sample) -> Comparison:
    """Value: U of the reference, the pairs of one row of each sample in which the reference's is larger, ties half.
    ``details.window_larger``: the share of pairs in which the window's is, 0.5 where nothing changed. Two-sided p.

    Values: scipy's ``mannwhitneyu`` (exact for small samples without ties). Bins: a bin is a tie, and p is scipy's
    asymptotic one with its corrections for ties and continuity (Hollander and Wolfe 1999, 4.1). Every pair within one
    bin counts ½ in place of 0, ½ or 1, so ``details.error_bound`` is half the number of such pairs.
    """
    need_rows(reference, current)
    pairs = reference.rows * current.rows
    if isinstance(reference, Values) and isinstance(current, Values):
        found = scipy.stats.mannwhitneyu(reference.numbers, current.numbers)
        u = float(found.statistic)
        return Comparison(u, float(found.pvalue), details={"window_larger": 1 - u / pairs})
    grouped = ties(reference, current)
    u, p_value = _of_ties(grouped)
    bound = float((grouped.reference * grouped.current * grouped.hides).sum() / 2)
    return Comparison(u, p_value, details={**grouped.details, "error_bound": bound, "window_larger": 1 - u / pairs})


def _of_ties(grouped: Ties) -> tuple[float, float]:
    n, m, tied = grouped.reference.sum(), grouped.current.sum(), grouped.pooled
    below = np.cumsum(grouped.current) - grouped.current / 2
    u = float(grouped.reference @ below)
    rows = n + m
    square = n * m / 12 * (rows + 1 - (tied**3 - tied).sum() / (rows * (rows - 1)))
    if len(tied) < 2 or square <= 0:
        return u, 1.0
    beyond = (abs(u - n * m / 2) - 0.5) / np.sqrt(square)
    return u, float(min(1.0, 2 * special.ndtr(-beyond)))
