"""From counts on uneven cuts to what the eye can compare: even bins, single values, quantiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EVEN_BINS = 48
MOST_VALUES = 24
DISCRETE = 0.9  # share of rows on single values from which on bars at the values are drawn


def ends(edges: Floats, minimum: float | None, maximum: float | None) -> Floats:
    """All bin ends [bins + 1]: the cuts between the reference's extremes (the outer cuts where none are known)."""
    low = edges[0] if minimum is None else min(minimum, edges[0])
    high = edges[-1] if maximum is None else max(maximum, edges[-1])
    return np.concatenate([[low], edges, [high]])


def point_bins(edges: Floats) -> NDArray[np.bool_]:
    """Which bins hold one single value: those between a cut and the float just below it, bool [len(edges) + 1]."""
    found = np.zeros(len(edges) + 1, dtype=bool)
    found[1:-1] = np.nextafter(edges[1:], -np.inf) == edges[:-1]
    return found


def single_values(edges: Floats, maximum: float | None, sides: Sequence[Floats]) -> tuple[Floats, list[Floats]] | None:
    """(values, shares per side) when nearly all rows lie on few single values; None for a continuous column."""
    points = point_bins(edges)
    if maximum is not None and np.nextafter(maximum, -np.inf) == edges[-1]:
        points[-1] = True
    values = np.append(edges, edges[-1] if maximum is None else maximum)[points]
    shares = [side / max(float(side.sum()), 1.0) for side in sides]
    on_points = max(float(share[points].sum()) for share in shares)
    if not 0 < len(values) <= MOST_VALUES or on_points < DISCRETE:
        return None
    return values, [share[points] for share in shares]


def even_shares(bin_ends: Floats, sides: Sequence[Floats]) -> tuple[Floats, list[Floats]]:
    """(edges [bins + 1], shares per side [bins]) on even bins over the middle 99 % of each side, rows spread evenly
    inside the bins they were counted in."""
    cumulated = [np.concatenate([[0.0], np.cumsum(side)]) / max(float(side.sum()), 1.0) for side in sides]
    spans = [np.interp([0.005, 0.995], cdf, bin_ends) for cdf, side in zip(cumulated, sides, strict=True) if side.sum()]
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, EVEN_BINS + 1)
    return edges, [np.diff(np.interp(edges, bin_ends, cdf)) for cdf in cumulated]


def quantiles(bin_ends: Floats, counts: Floats, probabilities: Sequence[float]) -> Floats:
    """Quantiles [T, len(probabilities)] of counts [T, bins], interpolated inside bins; NaN where a row is empty."""
    found = np.full((len(counts), len(probabilities)), np.nan)
    for row, each in enumerate(counts):
        total = each.sum()
        if total > 0:
            found[row] = np.interp(probabilities, np.concatenate([[0.0], np.cumsum(each)]) / total, bin_ends)
    return found
