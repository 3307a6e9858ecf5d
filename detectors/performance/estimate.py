"""One metric's value with its 95 % interval, and what metrics share in finding it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from detectors.cuts import ScoreLayout
from detectors.intervals import Z95, wilson
from detectors.performance.scored import LabelCounts


@dataclass(frozen=True)
class Estimate:
    """``value`` with 95 % limits; ``error`` its standard error where limits rest on one; ``rows`` that it rests on."""

    value: float
    lower: float
    upper: float
    rows: int
    error: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


Score = Callable[[ScoreLayout, LabelCounts], Estimate | None]  # None: not defined for these rows


def share(successes: float, rows: float) -> Estimate | None:
    """A proportion with its Wilson interval."""
    if rows <= 0:
        return None
    lower, upper = wilson(successes, rows, Z95)
    return Estimate(float(successes / rows), float(lower), float(upper), round(float(rows)))


def mean(total: float, squares: float, rows: float) -> Estimate | None:
    """A mean with its normal interval, from Σx and Σx²."""
    if rows <= 0 or not np.isfinite(squares):
        return None
    value = total / rows
    variance = max(squares / rows - value**2, 0.0) * rows / max(rows - 1, 1)
    error = float(np.sqrt(variance / rows))
    return Estimate(float(value), value - Z95 * error, value + Z95 * error, round(float(rows)), error)
