"""How much a share differs between the reference's own windows: measured, never assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import MINIMUM_ROWS
from detectors.profile import Reference
from detectors.rise import ENOUGH_WINDOWS
from detectors.shares.cells import Cells, Indices

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """``variance`` float64 [B] of a cell's share between windows (0 where fewer than two), ``windows`` int64 [F]: how
    many had at least 30 usable rows of the column."""

    variance: Array
    windows: Indices

    @property
    def enough(self) -> NDArray[np.bool_]:
        """Columns with at least 8 windows, [F]."""
        return self.windows >= ENOUGH_WINDOWS


def reference_spread(cells: Cells, reference: Reference, length_hours: int, phase_hour: int) -> Spread:
    """``between_windows`` of a reference's windows, remembered with the reference (``cells`` must be long-lived)."""
    key = (id(cells), length_hours, phase_hour % length_hours)
    found: tuple[Cells, Spread] | None = reference.memo.get(key)
    if found is None or found[0] is not cells:
        found = cells, between_windows(cells, reference.windows(length_hours, phase_hour))
        reference.memo[key] = found
    return found[1]


def between_windows(cells: Cells, windows: NDArray[Any]) -> Spread:
    """Sample variance (K - 1) of each cell's share over the columns' usable windows; ``windows`` [K, L]."""
    inside, rows = cells.count(windows)
    usable = rows >= MINIMUM_ROWS
    weights = usable[:, cells.owner].astype(np.float64)
    shares = inside / np.maximum(rows, 1)[:, cells.owner]
    count = weights.sum(axis=0)
    mean = (weights * shares).sum(axis=0) / np.maximum(count, 1)
    squares = (weights * (shares - mean) ** 2).sum(axis=0)
    return Spread(np.where(count > 1, squares / np.maximum(count - 1, 1), 0.0), usable.sum(axis=0))
