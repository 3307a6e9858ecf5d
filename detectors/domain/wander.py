"""How days wander without any drift: how much the days of one stretch have in common, learned from a reference's.

A pseudo-window inside a reference has neighbours there, which the real window has not, and a short reference hides slow
wander in its own mean. Both are known once the days' memory is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy
from numpy.typing import NDArray

Array = NDArray[np.float64]

DECAYS = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97)  # correlation of a day with the next
NOISES = (0.0, 0.2, 0.5, 0.8)  # share of a day's variance that no other day has
LEAST_DAYS = 4


@dataclass(frozen=True)
class Wander:
    """Correlations of days' levels, noise + (1 - noise) decay^lag, each as likely as ``weight`` says, all [g]."""

    decay: Array
    noise: Array
    weight: Array

    @classmethod
    def of(cls, levels: Array, days: Array) -> Wander:
        """From the mean level of each of p columns on each of n ``days``, ``levels`` [n, p]. The likelihood is REML
        (Patterson and Thompson 1971), which knows that the mean was estimated, each column with a variance of its own;
        all columns share one memory. Without columns, or with fewer than 4 days: no memory."""
        levels = levels[:, np.ptp(levels, axis=0) > 0] if len(levels) >= LEAST_DAYS else levels[:, :0]
        grid = [(0.0, 1.0), *product(DECAYS, NOISES)] if levels.shape[1] else [(0.0, 1.0)]
        decay, noise = np.array(grid).T
        fits = np.array([_likelihood(levels, days, *one) for one in grid])
        weight = np.exp(fits - fits.max())
        return cls(decay, noise, weight / weight.sum())

    @property
    def memory(self) -> float:
        """The correlation of a day with the next that is expected."""
        return float(self.weight @ ((1 - self.noise) * self.decay))

    def common(self, a: Array, b: Array) -> Array:
        """Covariance of the mean levels of days ``a`` and of days ``b``, [g]; of a single day the variance is 1."""
        lag, count = np.unique(np.abs(a[:, None] - b), return_counts=True)
        share = count / count.sum()
        same = share[lag == 0].sum()
        found: Array = (1 - self.noise) * (self.decay[:, None] ** lag @ share) + self.noise * same
        return found

    def apart(self, a: Array, b: Array) -> Array:
        """Variance of the difference of both means, [g]."""
        return self.common(a, a) + self.common(b, b) - 2 * self.common(a, b)


def _likelihood(levels: Array, days: Array, decay: float, noise: float) -> float:
    """The logarithm, but for a constant."""
    n, p = levels.shape
    if p == 0:
        return 0.0
    covariance = (1 - noise) * decay ** np.abs(days[:, None] - days) + noise * np.eye(n)
    root = np.linalg.cholesky(covariance)
    white = scipy.linalg.solve_triangular(root, np.column_stack([np.ones(n), levels]), lower=True)
    one, rest = white[:, 0], white[:, 1:]
    rest = rest - np.outer(one, one @ rest / (one @ one))
    own = -(n - 1) / 2 * np.log((rest**2).sum(axis=0)).sum()
    return float(own - p * (np.log(np.diag(root)).sum() + np.log(one @ one) / 2))
