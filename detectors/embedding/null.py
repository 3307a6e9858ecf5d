"""How far the mean embedding of a window is from the reference's by chance alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

KNOWN = 1e9  # degrees of a variance that is known


@dataclass(frozen=True)
class Null:
    """A window's deviation by chance: mean ``square`` |ε|², ``dimension`` and ``degrees`` of its F distribution, and
    what the reference ``expects`` [256] at the window's hours; ``factor`` of the calibration, by which its tail is that
    of a larger square, if the reference could be ``replayed``."""

    expects: Array
    square: float
    dimension: float
    degrees: float
    windows: float
    factor: float = 1.0
    replayed: bool = False

    @property
    def farthest(self) -> float:
        """How far from the reference's the mean of any rows can be."""
        return float(np.sqrt(1 + self.expects @ self.expects))

    def reach(self, alpha: float) -> float:
        """|ε| exceeds it with probability ``alpha``."""
        return float(np.sqrt(self.factor * self.square * quantile(self.dimension, self.degrees, alpha)))

    def tail(self, distance: float) -> float:
        """Probability that |ε| exceeds a distance."""
        ratio = max(distance, 0.0) ** 2 / (self.factor * self.square)
        first, second = self.dimension / 2, self.dimension * self.degrees / 2
        if self.degrees >= KNOWN:
            return float(special.gammaincc(first, first * ratio))
        return float(special.betainc(second, first, second / (second + first * ratio)))


def quantile(dimension: float, degrees: float, alpha: float) -> float:
    """That of F with so many and ``dimension`` times ``degrees`` degrees; of chi-square over them where the variance is
    known."""
    first, second = dimension / 2, dimension * degrees / 2
    if degrees >= KNOWN:
        return float(special.gammainccinv(first, alpha) / first)
    return float(second / first * (1 / special.betaincinv(second, first, alpha) - 1))
