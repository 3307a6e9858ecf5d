"""Fisher's exact test of a column of two categories (1922)."""

from __future__ import annotations

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed

from detectors.measurement import NOT_TWO_LEVELS
from detectors.sample import Comparison, Levels, Sample, undefined
from detectors.tables import need_rows, two_by_two


def compare(reference: Sample, current: Sample) -> Comparison:
    """scipy's ``fisher_exact``, two-sided. Value: the sample's odds ratio, that of the first of ``details.categories``
    in the reference over that in the window; 1 means no change. Where it would be infinite, the categories change
    places, and it is 0. A column that has not exactly two categories: ``not_two_levels``.

    Counts that are not whole (mixed references) are rounded.
    """
    need_rows(reference, current)
    if not (isinstance(reference, Levels) and isinstance(current, Levels)):
        raise TypeError("Fisher's test compares categories")
    counts = two_by_two(reference, current)
    if counts is None:
        return undefined(NOT_TWO_LEVELS)
    both = np.rint([counts.reference, counts.current]).astype(np.int64)
    names = counts.details["categories"]
    if both[0, 1] == 0 or both[1, 0] == 0:  # the denominator of the odds ratio
        both, names = both[:, ::-1], names[::-1]
    found = scipy.stats.fisher_exact(both)
    if np.isnan(found.statistic):  # rounding emptied a category
        return undefined(NOT_TWO_LEVELS)
    return Comparison(float(found.statistic), float(found.pvalue), details={"categories": names})
