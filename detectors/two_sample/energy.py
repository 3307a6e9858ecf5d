"""Energy distance of two samples of numbers (Székely 2003)."""

from __future__ import annotations

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed

from detectors.sample import Array, Binned, Comparison, Sample, Values
from detectors.tables import need_rows, need_same_cuts


def compare(reference: Sample, current: Sample) -> Comparison:
    """√(2 ∫ (F - G)²), in the square root of the values' unit: scipy's ``energy_distance``.

    Bins: each bin stands for its middle. ``details.error_bound``: by the triangle inequality the distance is off by at
    most the sum of both samples' own distances from their middles. Within a bin of share p and width w the two
    distribution functions differ by a below the middle and b above it with a + b <= p, so ∫ (a² + b²) <= p² w / 2 and
    that distance is at most √(Σ p² w), as long as values stay within the range of the first reference (``None`` where
    that is not known).
    """
    need_rows(reference, current)
    if isinstance(reference, Values) and isinstance(current, Values):
        return Comparison(float(scipy.stats.energy_distance(reference.numbers, current.numbers)))
    if isinstance(reference, Binned) and isinstance(current, Binned):
        need_same_cuts(reference, current)
        p, q = reference.counts / reference.rows, current.counts / current.rows
        middles = reference.middles
        found = float(scipy.stats.energy_distance(middles, middles, p, q))
        bound = _off(p, reference.widths) + _off(q, reference.widths) if reference.bounded else None
        return Comparison(found, details={"edges": reference.cuts.tolist(), "error_bound": bound})
    raise TypeError("energy distance compares numbers")


def _off(shares: Array, widths: Array) -> float:
    return float(np.sqrt(shares**2 @ widths))
