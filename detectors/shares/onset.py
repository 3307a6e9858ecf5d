"""Since when rows have been as they are: the hour that parts the old from the new."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.cuts import Binning, CategoricalColumn, NumericColumn
from detectors.profile import Reference
from detectors.shares import cells as cell
from detectors.shares.engine import known_horizons, stretch_of
from detectors.shares.seasons import DAY
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

LEVEL, TOLERANCE = 0.05, 0.02  # of a calibration that comes with the baseline and is not looked at
_Kind = type[NumericColumn] | type[CategoricalColumn]
KINDS: tuple[tuple[_Kind, Callable[[Binning, Sequence[str]], cell.Cells]], ...] = (
    (NumericColumn, cell.trigger_cuts),
    (CategoricalColumn, cell.categories),
)


def onset(
    binning: Binning, names: Sequence[str], current: WindowCounts, reference: Reference, *, length_hours: int
) -> int | None:
    """The hour (since 1970) at which the named columns together changed, of a stretch of ``length_hours`` that begins
    before the change and ends after it; None where no column of them has cells and rows.

    The maximum over t of the likelihood ratio of "the hours from t on have shares of their own" to "all are as the
    reference expects of these hours" (Hinkley 1970); of each column the cell that says it loudest.
    """
    total = np.zeros(length_hours)
    for kind, make in KINDS:
        mine = [name for name in names if has_cells(binning, name, kind)]
        if mine:
            total += _ratios(cell.remembered(make, binning, mine), current, reference, length_hours)
    latest = int(np.argmax(total[::-1])) + 1  # of equals, which only hours without rows can be
    return current.end_hour - latest if total.any() else None


def has_cells(binning: Binning, name: str, kind: _Kind) -> bool:
    """Whether a column is of a kind, and has shares to look at."""
    column = binning.by_name.get(name)
    return isinstance(column, kind) and (not isinstance(column, NumericColumn) or len(column.cuts) > 0)


def _ratios(cells: cell.Cells, current: WindowCounts, reference: Reference, length: int) -> Array:
    """Logarithms of the likelihood ratio, summed over the columns, of a change at the start of each hour, [H]."""
    stretch, _ = stretch_of(cells, current, length, reference)
    known = known_horizons(cells, reference, {DAY: LEVEL}, TOLERANCE)
    then, m = cells.count_reference(reference.total)
    rows = stretch.rows[:, cells.owner]
    least = 0.5 / np.maximum(m, 1)[cells.owner]
    if known is None:
        expected = np.broadcast_to(then / np.maximum(m, 1)[cells.owner], rows.shape)
    else:
        expected = stretch.expected(cells, known[DAY].baseline)
    n = np.maximum(_from_here(rows), 1)
    p, q = _from_here(stretch.inside) / n, _from_here(rows * np.clip(expected, least, 1 - least)) / n
    q = np.clip(q, least, 1 - least)
    ratio = n * (special.rel_entr(p, q) + special.rel_entr(1 - p, 1 - q))
    found: Array = np.where(m > 0, np.maximum.reduceat(ratio, cells.starts, axis=1), 0.0).sum(axis=1)
    return found


def _from_here(hourly: Array) -> Array:
    """Sums of each hour and all later ones, [H, B]."""
    found: Array = np.cumsum(hourly[::-1], axis=0)[::-1]
    return found
