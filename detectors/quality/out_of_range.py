"""Share of rows outside the reference's smallest and largest value, infinities included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.quality.counting import Sources, count
from detectors.quality.rise import Array, Counted
from detectors.rise import design_effect

DAY = 24
SLOTS = ["below_min", "above_max", "pos_inf", "neg_inf"]


def out_of_range_share(sources: Sources) -> Counted:
    """Of every numeric feature that has a range.

    Of exchangeable rows 2 / (N + 1) fall outside the range of N others: the reference's own two extremes are allowed
    for, so that a small reference does not alarm for being small. Extremes come together, a hot day as a whole: rows
    are worth as little as those of the reference's outermost bins, unless they lie a whole range away.
    """
    names = [one.name for one in sources.binning.numeric if one.name in sources.numeric and len(one.cuts)]
    counts = sources.current.counts
    details = [{which: sources.slot(counts, name, which) for which in SLOTS} for name in names]
    return count(
        "out_of_range_share",
        sources,
        names,
        SLOTS,
        allowance=np.full(len(names), 2.0),
        clustering=np.where(_far_away(sources, names), 1.0, _clustering(sources, tuple(names))),
        details=details,
    )


def _far_away(sources: Sources, names: list[str]) -> NDArray[np.bool_]:
    """Features whose window has infinities, or a mean beyond the reference's range by more than that range, [F]."""
    row = {one.name: place for place, one in enumerate(sources.binning.numeric)}
    places = np.array([row[name] for name in names], dtype=np.int64)
    columns = [sources.binning.numeric[row[name]] for name in names]
    counts = sources.current.counts
    low, high = (np.array([getattr(one, side) for one in columns]) for side in ("minimum", "maximum"))
    rows = np.array([counts[sources.binning.slots(name)].sum() for name in names])
    mean = sources.current.moments[places, 0] / np.maximum(rows, 1)
    infinite = np.array(
        [any(sources.slot(counts, name, one) for one in ("pos_inf", "neg_inf")) for name in names], dtype=bool
    )
    away: NDArray[np.bool_] = infinite | (rows > 0) & ((mean > 2 * high - low) | (mean < 2 * low - high))
    return away


def _clustering(sources: Sources, names: tuple[str, ...]) -> Array:
    """The largest design effect of the shares below the first and above the last cut in windows of a day and of this
    length, [F]."""
    lengths = sorted({min(sources.length_hours, DAY), sources.length_hours})
    largest: Array = np.max([_of_tails(sources, names, length) for length in lengths], axis=0, initial=1.0)
    return largest


def _of_tails(sources: Sources, names: tuple[str, ...], length: int) -> Array:
    key = ("tails", names, length, sources.current.end_hour % length)
    memo = sources.reference.memo
    if key not in memo:
        runs = [sources.binning.slots(name) for name in names]
        ends = np.array([[run.start, run.stop - 1] for run in runs], dtype=np.int64).reshape(len(runs), 2)
        windows = sources.reference.windows(length, sources.current.end_hour)
        rows = np.repeat(windows[:, :1].astype(np.float64), len(runs), axis=1)
        each = [design_effect(windows[:, ends[:, side]].astype(np.float64), rows) for side in (0, 1)]
        memo[key] = np.maximum(*each)
    found: Array = memo[key]
    return found
