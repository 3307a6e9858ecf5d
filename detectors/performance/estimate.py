"""One metric's value with its 95 % interval, and what metrics share in finding it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95, wilson
from detectors.performance.scored import LabelCounts


@dataclass(frozen=True)
class Estimate:
    """``value`` with 95 % limits; ``error`` its standard error if rows were independent; ``rows`` that it rests on."""

    value: float
    lower: float
    upper: float
    rows: int
    error: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class Score(Protocol):
    """A metric of labelled rows; None where it is not defined for them. Its limits are ``z`` standard errors away: more
    than the normal quantile where rows go together (an interval of n rows at 2z is that of n / 4 at z)."""

    def __call__(self, layout: ScoreLayout, labels: LabelCounts, z: float = Z95) -> Estimate | None:
        """The estimate."""

    def __hash__(self) -> int:
        """A function's own: what was found once is kept by it."""


def share(successes: float, rows: float, z: float = Z95) -> Estimate | None:
    """A proportion with its Wilson interval."""
    if rows <= 0:
        return None
    lower, upper = wilson(successes, rows, z)
    value = float(successes / rows)
    error = float(np.sqrt(max(value * (1 - value), 0.0) / rows))
    return Estimate(value, float(lower), float(upper), round(float(rows)), error)


def mean(total: float, squares: float, rows: float, z: float = Z95, least: float = -np.inf) -> Estimate | None:
    """A mean with its normal interval, from Σx and Σx², of something that is never below ``least``."""
    if rows <= 0 or not np.isfinite(squares):
        return None
    value = total / rows
    variance = max(squares / rows - value**2, 0.0) * rows / max(rows - 1, 1)
    error = float(np.sqrt(variance / rows))
    return Estimate(float(value), max(value - z * error, least), value + z * error, round(float(rows)), error)
