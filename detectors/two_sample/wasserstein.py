"""Wasserstein distance: how far values moved on average, in their own unit."""

from __future__ import annotations

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed

from detectors.sample import Array, Binned, Comparison, Sample, Values
from detectors.tables import need_rows, need_same_cuts


def compare(reference: Sample, current: Sample) -> Comparison:
    """scipy's ``wasserstein_distance``; ``details.per_sd`` in standard deviations of the reference.

    Bins: each bin stands for its middle. ``details.error_bound``: no row is farther from it than half the bin's width,
    as long as values stay within the range of the first reference (``None`` where that is not known).
    """
    need_rows(reference, current)
    if isinstance(reference, Values) and isinstance(current, Values):
        found = float(scipy.stats.wasserstein_distance(reference.numbers, current.numbers))
        return Comparison(found, details={"per_sd": _per(found, float(reference.numbers.std()))})
    if isinstance(reference, Binned) and isinstance(current, Binned):
        need_same_cuts(reference, current)
        return _of_bins(reference, current)
    raise TypeError("Wasserstein compares numbers")


def _of_bins(reference: Binned, current: Binned) -> Comparison:
    if len(reference.cuts) == 0:
        return Comparison(0.0, details={"edges": [], "per_sd": None, "error_bound": None})
    middles, widths = reference.middles, reference.widths
    p, q = reference.counts / reference.rows, current.counts / current.rows
    found = float(scipy.stats.wasserstein_distance(middles, middles, p, q))
    bound = float((widths / 2) @ (p + q)) if reference.bounded else None
    per_sd = _per(found, _deviation(middles, p))
    return Comparison(found, details={"edges": reference.cuts.tolist(), "per_sd": per_sd, "error_bound": bound})


def _deviation(middles: Array, shares: Array) -> float:
    mean = float(middles @ shares)
    return float(np.sqrt((middles - mean) ** 2 @ shares))


def _per(found: float, deviation: float) -> float | None:
    return found / deviation if deviation > 0 else None
