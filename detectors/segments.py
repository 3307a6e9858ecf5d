"""Segments: which values of a column are told apart, and how much of their budget each gets.

A shift inside a segment of 5 % of the rows is diluted twentyfold in the whole: the whole needs 400 times the rows to
see it, the segment 20 times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors.cuts import SegmentColumn
from detectors.intervals import normal_quantile
from detectors.levels import dictionary
from detectors.measurement import MINIMUM_ROWS

EVERY = "*"  # stands for the value where something is about all segments of a column
MOST_VALUES = 50  # of one column
LONGEST = 256  # characters of a value: stores index it
LARGEST_EFFECT = 0.10  # a segment in which less would not be seen within a week is not judged
POWER = 0.9


def segment_column(name: str, values: Any | None) -> SegmentColumn:
    """A column's commonest values in a pyarrow array of the reference (float64 or string; None: not there): at most 50
    with at least 30 rows each and at most 256 characters, the commonest first, equally common ones by name."""
    if values is None:
        return SegmentColumn(name)
    codes, distinct = dictionary(values)
    rows = np.bincount(codes[codes >= 0], minlength=len(distinct)).tolist()
    found = zip(rows, distinct.to_pylist(), strict=True)
    enough = [(-n, value) for n, value in found if n >= MINIMUM_ROWS and len(value) <= LONGEST]
    return SegmentColumn(name, tuple(value for _, value in sorted(enough)[:MOST_VALUES]))


def segment_codes(column: SegmentColumn, values: Any) -> NDArray[np.int64]:
    """Places [n] in ``column.values`` of a pyarrow array (float64 or string) [n]; -1 for rows that are in none."""
    codes, distinct = dictionary(values)
    known = pc.index_in(distinct, value_set=pa.array(column.values, type=pa.string()))
    places = pc.fill_null(known, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.append(places, -1)[codes]


@dataclass(frozen=True)
class Size:
    """Of a segment: ``reference`` rows in the reference, and ``weekly`` rows in 7 days."""

    reference: float
    weekly: float


def budget_shares(sizes: Mapping[str, Size], *, tolerance: float, weekly_alpha: float) -> dict[str, float]:
    """The share of the segments' budget of each segment that is judged, in the order given; they add up to 1.

    Shares are proportional to √rows of the reference. ``weekly_alpha``: the level that a number of a 7-day window would
    have if its segment had all of the budget. Segments whose smallest visible effect in a 7-day window (at 90 % power,
    i.i.d.) is not below 0.10 are left out, the worst first and those alike together: what they would have had goes to
    the others.
    """
    rows = np.array([[one.reference, one.weekly] for one in sizes.values()], dtype=np.float64).reshape(-1, 2)
    kept = np.flatnonzero(rows.min(axis=1, initial=np.inf) > 0)
    while len(kept):
        roots = np.sqrt(rows[kept, 0])
        shares = roots / roots.sum()
        effects = smallest_effect(rows[kept], tolerance, weekly_alpha * shares)
        if effects.max() < LARGEST_EFFECT:
            names = list(sizes)
            return {names[place]: float(share) for place, share in zip(kept, shares, strict=True)}
        worst = rows[kept[int(np.argmax(effects))]]
        kept = kept[(rows[kept] != worst).any(axis=1)]
    return {}


def smallest_effect(rows: NDArray[np.float64], tolerance: float, alpha: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smallest change of a share near one half that a window would show to be above ``tolerance`` with 90 % power:
    tolerance + (z(α/2) + z(0.1)) · ½ √(1/n + 1/m); ``rows`` [S, 2] are n of the reference and m of the window."""
    error = 0.5 * np.sqrt((1 / rows).sum(axis=1))
    found: NDArray[np.float64] = tolerance + (normal_quantile(alpha / 2) + normal_quantile(1 - POWER)) * error
    return found
