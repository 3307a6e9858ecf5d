"""Replay: what the classifier's area is where nothing changed, from stretches of the reference against the rest of it.

Days wander, and trees tell a week from others by its level. How well they do so within the reference is what an area
has to be above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from detectors.domain.cross_fit import can_halve, cross_fit
from detectors.domain.wander import Wander
from detectors.multivariate.domain_classifier import DAY, Rows, matrix_of, time_blocks

Array = NDArray[np.float64]
Places = NDArray[np.int64]

DISJOINT = 4  # stretches: fewer tell nothing of how areas scatter
MOST_STRETCHES = 12  # fits: bounds the cost
MOST_ROWS = 6_000  # of either side of a fit
LEAST_ROWS = 60
SCATTER = 1.0  # of areas, as a share of their excess over 1/2: a few may be alike by chance
WORTH = 1.0  # degrees of freedom that this is worth beside their own scatter; both by simulation
SHORTEST = 4 * DAY  # of a reference


@dataclass(frozen=True)
class Null:
    """The area to expect where nothing changed, how far one may be off, and Student's degrees of freedom of that."""

    mean: float
    error: float
    degrees: float


@dataclass(frozen=True)
class Replay:
    """``areas`` [k] of stretches of ``length`` hours, of which ``disjoint`` fit into the reference; ``own``: their
    standard error that rows leave; the days of each and of the rest that it was told from (``stretches``); ``days`` of
    the reference. ``short``: the window's own length does not fit in four times."""

    areas: Array
    own: float
    disjoint: int
    length: int
    stretches: Sequence[tuple[Array, Array]]
    days: Array
    wander: Wander
    short: bool

    def scale(self, window: Array) -> float:
        """By how much farther a window of these days is from the reference than the stretches are from the rest."""
        usual = np.mean([self.wander.apart(*each) for each in self.stretches], axis=0)
        real = self.wander.apart(window, self.days)
        return float(max(1.0, np.sqrt(self.wander.weight @ (real / usual))))

    @property
    def effective(self) -> float:
        """How many independent stretches those that are disjoint are worth. An area is about a square of a difference,
        so areas correlate by the square of what the means do (Isserlis 1918)."""
        own = self.wander.common(*(np.arange(self.length / DAY),) * 2)
        worth = np.ones_like(own)
        for k in range(1, self.disjoint):
            first = np.arange(self.length / DAY)
            shared = self.wander.common(first, first + k * self.length / DAY) / own
            worth += 2 * (1 - k / self.disjoint) * shared**2
        return float(self.disjoint / (self.wander.weight @ worth))

    def null(self, window: Array) -> Null:
        """Of a window of these days. What the areas are above 1/2 grows as differences do, and so does their scatter:
        from few areas it is held against what it usually is (scaled inverse chi-square prior, Gelman et al. 2013)."""
        scale, many = self.scale(window), self.effective
        excess = float(self.areas.mean()) - 0.5
        usual = self.own**2 + (SCATTER * max(excess, 0.0)) ** 2
        degrees = many - 1 + WORTH
        square = ((many - 1) * float(self.areas.var(ddof=1)) + WORTH * usual) / degrees
        mean = 0.5 + (scale if excess > 0 else 1.0) * excess
        return Null(min(mean, 1.0), scale * float(np.sqrt(square * (1 + 1 / many))), degrees)


def replay(features: Sequence[str], reference: Rows, length: int, start: int, gap: int | None = None) -> Replay | None:
    """Of a reference, for windows of ``length`` hours that begin at the hour of the day of ``start``.

    The rest begins ``gap`` hours from a stretch; None: as far as leaves half of the reference, since a fixed reference
    is soon far from the window. Stretches overlap by at most half; where fewer than four of the length fit, they are a
    quarter of the reference. None without times, with less than four days or too few rows.
    """
    hours = reference.hours
    if hours is None or len(hours) == 0 or not features:
        return None
    first, last = int(hours.min()), int(hours.max()) + 1
    span = last - first
    if span < SHORTEST:
        return None
    short = span < DISJOINT * length
    length = span // DISJOINT // DAY * DAY if short else length
    first += (start - first) % DAY if span >= DISJOINT * length + DAY else 0
    disjoint = (last - first) // length
    begins = np.linspace(first, last - length, min(MOST_STRETCHES, 2 * disjoint - 1))
    begins = np.unique(first + np.floor((begins - first) / DAY).astype(int) * DAY)
    farthest = max(0, span // 2 - length) // 2
    apart = farthest if gap is None else min(gap, farthest)
    matrix, categorical = _matrix(features, reference)
    if matrix.shape[1] == 0:
        return None
    areas, errors, stretches = [], [], []
    for begin in begins.tolist():
        inside = np.flatnonzero((hours >= begin) & (hours < begin + length))
        outside = np.flatnonzero((hours < begin - apart) | (hours >= begin + length + apart))
        found = _area(matrix, categorical, hours, _thinned(outside), _thinned(inside))
        if found is not None:
            areas.append(found[0])
            errors.append(found[1])
            stretches.append((_days(hours[inside]), _days(hours[outside])))
    if len(areas) <= len(begins) // 2 or len(areas) < DISJOINT - 1:
        return None
    days = _days(hours)
    wander = Wander.of(_levels(matrix, categorical, hours), days)
    many, own = min(disjoint, len(areas)), float(np.mean(errors))
    return Replay(np.array(areas), own, many, length, stretches, days, wander, short)


def _matrix(features: Sequence[str], reference: Rows) -> tuple[Array, NDArray[np.bool_]]:
    """As the classifier looks at them, without a window."""
    one = Rows({name: reference.columns[name].slice(0, 1) for name in features}, reference.blocks[:1])
    matrix, categorical, _ = matrix_of(features, reference, one)
    return matrix[: len(reference)], categorical


def _area(
    matrix: Array, categorical: NDArray[np.bool_], hours: Places, rest: Places, mine: Places
) -> tuple[float, float] | None:
    """The mean area of both halves, and its standard error by DeLong."""
    blocks = [time_blocks(hours[side]) for side in (rest, mine)]
    if min(len(rest), len(mine)) < LEAST_ROWS or not all(can_halve(side) for side in blocks):
        return None
    of_window = np.repeat([0, 1], [len(rest), len(mine)])
    tries = cross_fit(matrix[np.concatenate([rest, mine])], categorical, of_window, blocks)
    return float(np.mean([one.area for one in tries])), float(np.mean([one.error for one in tries]))


def _thinned(rows: Places) -> Places:
    return rows[:: max(1, -(-len(rows) // MOST_ROWS))]


def _days(hours: Places) -> Array:
    return np.unique(hours // DAY).astype(np.float64)


def _levels(matrix: Array, categorical: NDArray[np.bool_], hours: Places) -> Array:
    """Mean rank of each numeric column and share of each categorical one's commonest value by day, [days, p]; without
    columns that have no value on some day."""
    day = np.unique(hours // DAY, return_inverse=True)[1]
    found = []
    for place in range(matrix.shape[1]):
        known = np.isfinite(matrix[:, place])
        values = matrix[known, place]
        level = (values == 0).astype(float) if categorical[place] else scipy.stats.rankdata(values)
        rows = np.bincount(day[known], minlength=day.max() + 1)
        if rows.all():
            found.append(np.bincount(day[known], weights=level) / rows)
    return np.stack(found, axis=1) if found else np.empty((day.max() + 1, 0))
