"""Population stability index: Σ (p - q) ln(p / q)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.sample import Comparison, Sample
from detectors.tables import table

Array = NDArray[np.float64]

EACH_SIDE = 0.025


def compare(reference: Sample, current: Sample) -> Comparison:
    """On the reference's deciles, or per category, with half a row added to each cell (Yurdakul 2018). Limits at 95 %
    from its law s · χ²(B - 1, λ) with λ = PSI / s, s = 1/n + 1/m, made wider where the delta method says so."""
    counts = table(reference, current)
    p, q = counts.smoothed
    value = float(np.sum((p - q) * np.log(p / q)))
    rows = reference.rows, current.rows
    lower, upper = _limits(value, p, q, rows) if len(p) > 1 else (None, None)
    return Comparison(value, lower=lower, upper=upper, details=counts.details)


def _limits(value: float, p: Array, q: Array, rows: tuple[float, float]) -> tuple[float, float]:
    """λ at which so large a value has 2.5 % of chance, and so small a one; in units of the index. The law holds for
    small indices; the variance of large ones is larger (5 % at 1), as its derivatives tell."""
    scale, degrees = 1 / rows[0] + 1 / rows[1], len(p) - 1
    at = value / scale
    low, high = (
        scale * float(special.chndtrinc(at, degrees, level)) if special.chndtr(at, degrees, 0.0) > level else 0.0
        for level in (1 - EACH_SIDE, EACH_SIDE)
    )
    centre, factor = value - degrees * scale, _widening(value, p, q, rows, scale)
    lower = max(0.0, centre - (centre - low) * factor) if low > 0 else 0.0
    return min(lower, value), max(centre + (high - centre) * factor, value) if high > 0 else value


def _widening(value: float, p: Array, q: Array, rows: tuple[float, float], scale: float) -> float:
    """Standard error by the delta method over that of the law, at least 1."""
    variance = 0.0
    for share, other, n in ((p, q, rows[0]), (q, p, rows[1])):
        slope = np.log(share / other) + 1 - other / share
        variance += float((share @ slope**2 - (share @ slope) ** 2) / n)
    return max(1.0, float(np.sqrt(variance / max(4 * value * scale, np.finfo(float).tiny))))
