"""Lasting changes in a series of days, told from days that wander.

A series of daily values is noise of a known variance, and a wander: a first-order autoregression of any strength and
memory. Changes are steps, and slopes that begin somewhere. One is believed where the series with it, and with the
wander that suits it best then, is more likely by 10 of log likelihood than without it, with the wander that suits it
best alone (a likelihood ratio of regressions with autocorrelated errors; Box and Tiao 1975). Days that wander leave
what would have been taken for a step of independent ones to the wander.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

CERTAIN = 10.0  # log likelihood ratio of a change; by chance one in 100 series has one where days remember by 0.9
SPELL = 2  # days of a run between two changes, at least; the last may be of one
SLOPE = 4  # days of a slope, at least
FEWEST_RUNS = 3  # changes that are looked for together
MOST = 6  # changes of a series
_MEMORIES = (0.0, 0.3, 0.5, 0.7, 0.85, 0.95)  # of a wander from day to day
_STRENGTHS = 2.0 ** np.arange(-2, 20)  # variances of a wander, in units of the mean day's noise
_TINY = 1e-9


@dataclass(frozen=True, order=True)
class Lasting:
    """A change from the ``place`` (in days) on: a step, or, where it ``slopes``, by as much more with every day."""

    place: float
    slopes: bool = False

    def shape(self, times: Array) -> Array:
        """What a change by one adds at ``times`` [T], which are in days."""
        return np.maximum(times - self.place, 0.0) if self.slopes else (times >= self.place).astype(np.float64)


@dataclass(frozen=True)
class _Wanders:
    """Inverses [G, D, D] of the covariances of a series, and the logarithms [G] of their determinants, the first
    without any wander."""

    inverse: Array
    log_determinant: Array


def lasting_changes(values: Array, noise: Array) -> list[Lasting]:
    """The lasting changes of a series ``values`` [D] with variances ``noise`` [D] of independent rows (infinite of days
    without any), in their order."""
    some = np.isfinite(noise)
    if some.sum() < 2 * SLOPE:
        return []
    unit = float(noise[some].mean()) + 1e-300
    series, variance = np.where(some, values, 0.0) / np.sqrt(unit), np.where(some, noise / unit, 1e6)
    still = _Wanders(np.diag(1 / variance)[None], np.log(variance).sum()[None])
    if not _next(series, still, []):  # no change even if days did not wander
        return []
    wanders, ends = _wanders(variance), []
    for start in [[], *_runs(series, variance)]:
        found = list(start)
        while more := _next(series, wanders, found):
            found += more
        ends.append((_likelihood(series, wanders, found) - CERTAIN * len(found), found))
    return sorted(max(ends, key=lambda one: one[0])[1])


def design(changes: Sequence[Lasting], times: Array) -> Array:
    """A constant and the shapes of the changes, [T, 1 + changes]."""
    return np.stack([np.ones(len(times)), *(one.shape(times) for one in changes)], axis=1)


def _wanders(variance: Array) -> _Wanders:
    days = np.arange(len(variance))
    lags = np.abs(np.subtract.outer(days, days))
    of_one = np.stack([np.where(lags == 0, 1.0, memory**lags if memory else 0.0) for memory in _MEMORIES])
    every = (_STRENGTHS[:, None, None, None] * of_one).reshape(-1, len(days), len(days))
    covariance = np.concatenate([np.zeros((1, len(days), len(days))), every]) + np.diag(variance)
    return _Wanders(np.linalg.inv(covariance), np.linalg.slogdet(covariance)[1])


def _runs(series: Array, variance: Array) -> list[list[Lasting]]:
    """The three steps and more that leave the least squares (segment neighbourhood; Auger and Lawrence 1989): what no
    one or two of them say."""
    days = len(series)
    weight, along, square = (
        np.concatenate([[0.0], np.cumsum(one)]) for one in (1 / variance, series / variance, series**2 / variance)
    )
    rows = weight - weight[:, None]
    left = square - square[:, None] - (along - along[:, None]) ** 2 / np.maximum(rows, _TINY)  # of a run [first, last)
    length = np.subtract.outer(np.arange(days + 1), np.arange(days + 1)).T
    inner = np.where(length >= SPELL, left, np.inf)
    cost, found = inner[0], []
    begins: list[NDArray[np.int64]] = []
    for count in range(1, MOST + 1):
        total = cost[:, None] + np.where(length >= 1, left, np.inf)[:, -1:]
        if count >= FEWEST_RUNS and np.isfinite(total.min()):
            places = [int(np.argmin(total[:, 0]))]
            for begin in reversed(begins):
                places.append(int(begin[places[-1]]))
            found.append([Lasting(place) for place in reversed(places)])
        whole = cost[:, None] + inner
        begins.append(np.argmin(whole, axis=0))
        cost = whole.min(axis=0)
    return found


def _likelihood(series: Array, wanders: _Wanders, known: Sequence[Lasting]) -> float:
    """Logarithm of it, with the wander that suits best."""
    left = _projected(wanders.inverse, design(known, np.arange(len(series), dtype=np.float64)))
    return float((-0.5 * (wanders.log_determinant + np.einsum("i,gij,j->g", series, left, series))).max())


def _next(series: Array, wanders: _Wanders, known: Sequence[Lasting]) -> list[Lasting]:
    """The change, or the two ends of a spell, that make the series most likely; none where that is not certain."""
    days = np.arange(len(series), dtype=np.float64)
    if len(known) + 2 > MOST:
        return []
    changes = [Lasting(place) for place in range(1, len(days))]
    changes += [Lasting(place, slopes=True) for place in range(len(days) - SLOPE)]
    shapes = np.stack([one.shape(days) for one in changes], axis=1)
    left = _projected(wanders.inverse, design(known, days))
    alone = -0.5 * (wanders.log_determinant + np.einsum("i,gij,j->g", series, left, series))
    by_shape = np.einsum("gij,ij->gj", left @ shapes, shapes)  # [G, changes]
    along = np.einsum("gij,i->gj", left @ shapes, series)
    edges = np.array([0, *(one.place for one in known if not one.slopes)])
    places = np.array([one.place for one in changes])
    apart = np.array([one.slopes for one in changes]) | (np.abs(places[:, None] - edges).min(axis=1) >= SPELL)
    gain = np.where(apart & (by_shape > _TINY), along**2 / np.maximum(by_shape, _TINY), 0.0) / 2
    one, of_one = _likeliest(alone[:, None] + gain)
    steps = len(days) - 1
    both = _spells(left, shapes[:, :steps], along[:, :steps], by_shape[:, :steps], apart[:steps])
    two, of_two = _likeliest((alone[:, None, None] + both).reshape(len(alone), -1))
    before = float(alone.max())
    if max(of_one - CERTAIN, of_two - 2 * CERTAIN) <= before:
        return []
    return [changes[one]] if of_one + CERTAIN >= of_two else [changes[place] for place in divmod(two, steps)]


def _projected(inverse: Array, known: Array) -> Array:
    """What is left of a series beside what is ``known`` [D, K] of it, as a quadratic form [G, D, D]."""
    weighted = inverse @ known
    found: Array = inverse - weighted @ np.linalg.solve(known.T @ weighted, weighted.transpose(0, 2, 1))
    return found


def _spells(left: Array, steps: Array, along: Array, by_shape: Array, apart: Flags) -> Array:
    """What two steps together add to the log likelihood, [G, first, last]."""
    cross = steps.T @ left @ steps
    room = apart[:, None] & apart & (np.subtract.outer(np.arange(len(apart)), np.arange(len(apart))) <= -SPELL)
    product = by_shape[:, :, None] * by_shape[:, None, :]
    determinant = product - cross**2
    total = along[:, :, None] ** 2 * by_shape[:, None, :] + along[:, None, :] ** 2 * by_shape[:, :, None]
    total -= 2 * cross * along[:, :, None] * along[:, None, :]
    sound = room & (determinant > 1e-6 * product)
    found: Array = np.where(sound, total / np.where(sound, determinant, 1.0), 0.0) / 2
    return found


def _likeliest(found: Array) -> tuple[int, float]:
    """Of candidates [G, C] with the wander that suits each best."""
    best = found.max(axis=0)
    place = int(np.argmax(best))
    return place, float(best[place])
