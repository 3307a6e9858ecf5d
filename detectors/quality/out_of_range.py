"""Share of rows outside the reference's smallest and largest value, infinities included."""

from __future__ import annotations

import numpy as np

from detectors.quality.counting import Sources, count
from detectors.quality.rise import Counted

SLOTS = ["below_min", "above_max", "pos_inf", "neg_inf"]


def out_of_range_share(sources: Sources) -> Counted:
    """Of every numeric feature that has a range.

    Of exchangeable rows 2 / (N + 1) fall outside the range of N others: the reference's own two extremes are allowed
    for, so that a small reference does not alarm for being small.
    """
    names = [one.name for one in sources.binning.numeric if one.name in sources.numeric and len(one.cuts)]
    counts = sources.current.counts
    details = [{which: sources.slot(counts, name, which) for which in SLOTS} for name in names]
    return count("out_of_range_share", sources, names, SLOTS, allowance=np.full(len(names), 2.0), details=details)
