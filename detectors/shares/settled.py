"""Hours of the log without their lasting changes: what is left of them is how restless they are.

What a short reference borrows of the log was not looked at before: drift may have begun in it, and would be taken for
unrest, which it is not. Days that wander are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.shares.fitting import Fit, fit_reference
from detectors.shares.lasting import Lasting, design, lasting_changes
from detectors.shares.seasons import DAY
from detectors.shares.unrest import Hours

Array = NDArray[np.float64]


def lasting_of(fitted: Fit, tolerance: float) -> list[list[Lasting]]:
    """The lasting changes of each column of a stretch of hours, beside their rhythm. What changed by less than the
    ``tolerance`` is no drift, and none of them.

    They are looked for in the cell whose days differ most; each step is placed at the hour that leaves the least
    squares.
    """
    cells, hours = fitted.cells, fitted.reference
    days = len(hours.rows) // DAY
    off, rows = (part[: days * DAY].reshape(days, DAY, -1).sum(axis=1) for part in (fitted.residuals, hours.rows))
    loudness = (off**2 / np.maximum(rows, 1)[:, cells.owner]).sum(axis=0) / fitted.row
    found = []
    for column, (first, size) in enumerate(zip(cells.starts.tolist(), cells.sizes.tolist(), strict=True)):
        loudest = first + int(np.argmax(loudness[first : first + size]))
        each = np.maximum(rows[:, column], 1)
        noise = np.where(rows[:, column] > 0, fitted.row[loudest] / each, np.inf)
        changes = lasting_changes(off[:, loudest] / each, noise)
        found.append(_drift(fitted, loudest, _at_hours(fitted, loudest, changes), tolerance))
    return found


def settled(fitted: Fit, changes: Sequence[Sequence[Lasting]]) -> Fit:
    """The same hours without the changes of each column, each cell with the mean that it had; a level more is paid for
    each change."""
    cells, hours = fitted.cells, fitted.reference
    if not any(changes):
        return fitted
    inside = hours.inside.copy()
    for column, (first, size) in enumerate(zip(cells.starts.tolist(), cells.sizes.tolist(), strict=True)):
        if changes[column]:
            mine = slice(first, first + size)
            inside[:, mine] -= _brought(fitted, mine, column, changes[column])
    levels = np.array([1.0 + len(some) for some in changes])
    return fit_reference(cells, Hours(hours.start, inside, hours.rows), levels=levels)


def _at_hours(fitted: Fit, cell: int, changes: list[Lasting]) -> list[Lasting]:
    """Each step at the hour, of two days around its day, that leaves the least squares (Hinkley 1970)."""
    found = list(changes)
    for index, one in enumerate(changes):
        if one.slopes:
            continue
        others = found[:index] + found[index + 1 :]
        around = one.place + np.arange(1 - DAY, DAY) / DAY
        left = [_squares(fitted, cell, [*others, Lasting(place)]) for place in around.tolist()]
        found[index] = Lasting(float(around[int(np.argmin(left))]))
    return found


def _drift(fitted: Fit, cell: int, changes: list[Lasting], tolerance: float) -> list[Lasting]:
    """Those by no less than the tolerance."""
    if not changes:
        return []
    coefficients, _ = _least_squares(fitted, slice(cell, cell + 1), int(fitted.cells.owner[cell]), changes)
    last = (len(fitted.residuals) - 1) / DAY
    size = [abs(by) * one.shape(np.array([last]))[0] for by, one in zip(coefficients[1:, 0], changes, strict=True)]
    return [one for one, by in zip(changes, size, strict=True) if by >= tolerance]


def _brought(fitted: Fit, cells: slice, column: int, changes: Sequence[Lasting]) -> Array:
    """Rows in the cells that the changes brought beyond the mean of all hours, [H, cells]."""
    coefficients, shapes = _least_squares(fitted, cells, column, changes)
    rows = fitted.reference.rows[:, column : column + 1]
    brought = shapes[:, 1:] @ coefficients[1:]
    found: Array = rows * (brought - (rows * brought).sum(axis=0) / np.maximum(rows.sum(), 1))
    return found


def _squares(fitted: Fit, cell: int, changes: list[Lasting]) -> float:
    """What is left of the cell's hours beside the changes."""
    column = int(fitted.cells.owner[cell])
    coefficients, shapes = _least_squares(fitted, slice(cell, cell + 1), column, changes)
    rows = fitted.reference.rows[:, column]
    off = fitted.residuals[:, cell] / np.maximum(rows, 1) - (shapes @ coefficients)[:, 0]
    return float((rows * off**2).sum())


def _least_squares(fitted: Fit, cells: slice, column: int, changes: Sequence[Lasting]) -> tuple[Array, Array]:
    """Coefficients [1 + changes, cells] and design [H, 1 + changes] of the hours' shares beyond the baseline, weighted
    by rows."""
    rows = fitted.reference.rows[:, column : column + 1]
    shapes = design(changes, np.arange(len(rows)) / DAY)
    by = np.linalg.lstsq(shapes.T @ (rows * shapes), shapes.T @ fitted.residuals[:, cells], rcond=None)[0]
    return np.asarray(by, dtype=np.float64), shapes
