"""How long an hour is remembered: the autocorrelation of hourly residuals, and what it makes of a sudden step.

An hour's share wanders around the baseline like an AR(1) seen through sampling noise, which is an ARMA(1,1): its
autocorrelation is r φ^(k-1) at lag k (Box and Jenkins 1970). An AR(1) fitted to the same hours would forget too soon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.shares.cells import Cells
from detectors.summary import HOURS_BEFORE

Array = NDArray[np.float64]

PAST = HOURS_BEFORE  # hours before a window that foretell it
_LONGEST = 0.97
_NOTHING = 1e-9  # variance of a share, below which there is only rounding
_NOISE = 2.5  # standard errors that an autocorrelation must exceed to be one


@dataclass(frozen=True)
class Memory:
    """``first`` autocorrelation at one hour and ``decay`` per further hour, float64 [F] each; 0 where hours are
    independent."""

    first: Array
    decay: Array

    def correlations(self, lags: NDArray[np.int64]) -> Array:
        """Autocorrelations at so many hours, at least 1, [K, F] of [K, 1]."""
        found: Array = self.first * self.decay ** (lags - 1)
        return found

    def variance(self, length: int) -> Array:
        """Variance of the mean of so many hours, in units of one hour's variance, [F]."""
        lags = np.arange(1, length)[:, None]
        found: Array = (1 + 2 * ((1 - lags / length) * self.correlations(lags)).sum(axis=0)) / length
        return found

    def step_weights(self, length: int) -> Array:
        """Weights [F, 48 + length] of hourly residuals that estimate a step at the start of the window with the least
        variance (generalised least squares, Aitken 1935): those of the window sum to 1, those before foretell it."""
        hours = PAST + length
        distance = np.abs(np.subtract.outer(np.arange(hours), np.arange(hours)))
        persistent = np.divide(self.first, self.decay, out=np.zeros_like(self.first), where=self.decay > 0)
        wander = np.minimum(persistent, 1.0)[:, None, None] * self.decay[:, None, None] ** distance
        covariance = wander + (1 - np.minimum(persistent, 1.0))[:, None, None] * np.eye(hours) + 1e-9 * np.eye(hours)
        step = np.repeat([0.0, 1.0], [PAST, length])
        weights = np.linalg.solve(covariance, np.broadcast_to(step[:, None], (len(self.first), hours, 1)))[:, :, 0]
        found: Array = weights / weights[:, PAST:].sum(axis=1, keepdims=True)
        return found


def memory_of(cells: Cells, residuals: Array, weights: Array) -> Memory:
    """From hourly residual shares [T, B] on a grid without gaps, and how much each hour counts [T, F] (0: no rows).

    Autocovariances are pooled over the cells of a column; what stays below their noise is taken for independence.
    """
    weighted = residuals * weights[:, cells.owner]
    pairs = np.stack([(weights[lag:] * weights[: len(weights) - lag]).sum(axis=0) for lag in range(4)])
    products = np.stack([_pooled(cells, weighted[lag:] * weighted[: len(weighted) - lag]) for lag in range(4)])
    covariance = products / np.maximum(pairs, 1e-300)
    hours = np.maximum((weights > 0).sum(axis=0), 1)
    rho = covariance[1:] / np.maximum(covariance[0], 1e-300) + 1 / hours
    first = np.clip(rho[0], 0, 0.98)
    certain = (covariance[0] > _NOTHING) & (first > _NOISE / np.sqrt(3 * hours)) & (hours > 2 * PAST)
    decay = np.clip((rho[1] + rho[2]) / np.maximum(rho[0] + rho[1], 1e-9), 0, _LONGEST)
    return Memory(np.where(certain, first, 0.0), np.where(certain, decay, 0.0))


def _pooled(cells: Cells, products: Array) -> Array:
    return np.add.reduceat(products.sum(axis=0), cells.starts)
