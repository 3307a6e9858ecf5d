"""Labelled rows whose value is none of a model's classes: what a reference never had, and classes past the hundredth.

Those that are predicted right are counted among all rows and in no cell of truth x predicted: in the cell of any other
value they could not be told from those that are wrong. So they are what that table lacks. Counts that were stored
before this was so lack nothing, and such rows stay wrong in them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.scored import confusion

Array = NDArray[np.float64]

_ROUNDING = 1e-9  # of the rows: counts of mixed references and weighted ones are no whole numbers


def others_right(layout: ScoreLayout, counts: NDArray[Any]) -> Array:
    """Rows [...] predicted right whose value is none of the classes, of counts [..., Lc]."""
    rows = np.asarray(counts[..., 0], np.float64)
    rest = rows - confusion(layout, counts).sum(axis=(-2, -1), dtype=np.float64)
    return np.where(rest > _ROUNDING * rows, rest, 0.0)


def right(layout: ScoreLayout, counts: NDArray[Any]) -> Array:
    """All rows predicted right, [...]."""
    known = confusion(layout, counts)[..., :-1, :-1]
    found: Array = np.trace(known, axis1=-2, axis2=-1, dtype=np.float64) + others_right(layout, counts)
    return found


def table_and_hits(layout: ScoreLayout, counts: NDArray[Any]) -> tuple[Array, Array]:
    """All rows by truth and prediction, [..., C, C], and those predicted right by class, [..., C]; the last class is
    any other value."""
    table = confusion(layout, counts).astype(np.float64)
    hits = np.diagonal(table, axis1=-2, axis2=-1).copy()
    hits[..., -1] = others_right(layout, counts)
    table[..., -1, -1] += hits[..., -1]
    return table, hits
