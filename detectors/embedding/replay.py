"""Replay of a reference's vectors: each week judged by the others, and what would have alarmed widens the variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.embedding.null import quantile
from detectors.measurement import MINIMUM_ROWS
from detectors.shares.calibrate import HeldOut, held_out
from detectors.shares.fitting import Fit
from detectors.shares.horizons import Horizon, mean_terms
from detectors.shares.seasons import DAY
from detectors.shares.unrest import between


@dataclass(frozen=True)
class Known:
    """What a reference knows of windows of one length: ``excess`` over all features, and in how many directions they
    differ."""

    horizon: Horizon
    excess: float
    dimension: float


@dataclass(frozen=True)
class Replay:
    """Every week of a reference judged by the other weeks, as windows are: see ``detectors.shares.calibrate``."""

    known: Known
    one_row: float
    dimension: float
    tolerance: float
    alpha: float

    def factor(self, fitted: Fit) -> float:
        """The least, at least 1, by which the mean square must grow so that no window is certain."""
        weeks = held_out(fitted, self.known.horizon.length)
        return max((self._needed(fitted, week) for week in weeks), default=1.0)

    def _needed(self, fitted: Fit, week: HeldOut) -> float:
        known, ends, stretch = self.known.horizon, week.ends, week.stretch
        rows = between(stretch.running_rows, known.length, ends)[:, 0]
        some = rows >= MINIMUM_ROWS
        if not some.any():
            return 1.0
        ends, rows = ends[some], rows[some]
        change = between(stretch.beside(fitted.cells, week.others).running, known.length, ends) / rows[:, None]
        expects = between(stretch.running_inside, known.length, ends) / rows[:, None] - change
        leverage = week.others.leverage(mean_terms(stretch, known.length, ends))[:, 0] * known.rate[0]
        excess = self.known.excess * known.level.by_hour[(stretch.start + ends) % DAY, 0]
        square = self.one_row * (1 / rows + leverage) + excess
        critical = quantile(self._dimension(), float(known.level.degrees[0]), self.alpha)
        farthest = np.sqrt(1 + (expects**2).sum(axis=1))
        beyond = np.maximum(np.sqrt((change**2).sum(axis=1)) - farthest * self.tolerance, 0)
        return max(1.0, float((beyond**2 / (critical * square)).max()))

    def _dimension(self) -> float:
        return min(self.dimension, self.known.dimension) if self.known.excess > 0 else self.dimension
