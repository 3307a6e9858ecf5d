"""How much what scores mean wanders between the reference's own windows, also where a decile has few rows in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.rise import ENOUGH_WINDOWS

Array = NDArray[np.float64]

_EXPECTED = 1.0  # positives, and negatives, that are to be expected of a decile's rows in a window: fewer tell nothing


@dataclass(frozen=True)
class Wandering:
    """By decile [D]: ``variance`` of the log odds between windows, and Student's ``degrees`` of freedom of it;
    ``windows``: of how many, K."""

    variance: Array
    degrees: Array
    windows: int

    @property
    def enough(self) -> bool:
        """Whether there are at least 8 windows."""
        return self.windows >= ENOUGH_WINDOWS

    def deviation(self, chance: Array, of_one: Array) -> Array:
        """Standard error of predicting a gap [D]: of ``chance``, its variance where nothing wanders, and of the
        wandering; ``of_one``: the variance p (1 - p) of one row, by which log odds become shares."""
        found: Array = np.sqrt(chance + self.variance * of_one**2 * (1 + 1 / max(self.windows, 1)))
        return found


def wandering_of(gap: Array, expected: Array, rows: Array) -> Wandering:
    """From gaps, expected shares and numbers of rows by window and decile, [K, D].

    Moments of DerSimonian and Laird (1986) on the scale of log odds, on which all deciles can be pooled: a window's gap
    z = gap / (p (1 - p)) has the variance 1 / (n p (1 - p)) of chance and that of the wandering. A decile has the
    larger variance of its own, known from 8 windows, and the one of all deciles together. Degrees add up (Smyth 2004):
    those of its own windows, and as many as there are windows of all, for deciles may move together.
    """
    one = expected * (1 - expected)
    usable = rows * np.minimum(expected, 1 - expected) >= _EXPECTED
    count = usable.sum(axis=0)
    weight = np.where(usable, rows * one, 0.0)
    moved = np.where(usable, gap / np.where(usable, one, 1.0), 0.0)
    total = np.maximum(weight.sum(axis=0), np.finfo(float).tiny)
    apart = moved - (weight * moved).sum(axis=0) / total
    beyond = (weight * apart**2).sum(axis=0) - np.maximum(count - 1, 0)
    scale = np.where(count > 1, total - (weight**2).sum(axis=0) / total, 0.0)
    told = count > 1
    pooled = max(float(beyond[told].sum() / scale[told].sum()), 0.0) if told.any() else 0.0
    own = np.divide(beyond, scale, out=np.zeros_like(scale), where=(count >= ENOUGH_WINDOWS) & (scale > 0))
    windows = int(usable.any(axis=1).sum())
    degrees = np.maximum(count - 1, 0) + max(windows - 1, 1)
    return Wandering(np.maximum(own, pooled), degrees.astype(np.float64), windows)
