"""What was expected of the labelled rows of a mature window, beside what came: one metric, and how far they are apart.

Both numbers are of the same rows, so that no other mix of inputs is in their difference: only what labels say otherwise
than the reference let expect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.estimation.calibration import Calibration
from detectors.estimation.cbpe import Expected, estimate_accuracy, estimate_binary, split
from detectors.performance.scored import LabelCounts, LabelWindows, confusion
from detectors.performance.weighting import Weighting
from detectors.rise import Spread, rise_of_estimate, spread_of

Array = NDArray[np.float64]

_EACH_SIDE = 0.025
_LEAST = np.finfo(float).tiny


@dataclass(frozen=True)
class Cohort:
    """``expected`` and ``realised`` value of ``metric``; ``error`` of their difference, if rows are independent."""

    metric: str
    expected: float
    realised: float
    error: float

    @property
    def difference(self) -> float:
        """Realised less expected."""
        return self.realised - self.expected

    def told(self, spread: Spread) -> dict[str, Any]:
        """For details; the difference with its 95 % interval, which is at least as wide as the ``spread`` of that of
        the reference's own windows makes it."""
        rise = rise_of_estimate(np.array([self.difference]), np.array([self.error]), spread, 0.0, _EACH_SIDE)
        return {
            "metric": self.metric,
            "expected": self.expected,
            "realised": self.realised,
            "difference": self.difference,
            "lower": float(rise.lower[0]),
            "upper": float(rise.upper[0]),
        }


def accuracy_of_binary(
    layout: ScoreLayout, labels: LabelCounts, rows: Array, weighting: Weighting | None, calibration: Calibration
) -> Cohort | None:
    """Of two classes whose prediction is a threshold on the score, from ``rows`` (weighted) by score bin, [B]."""
    found = None if weighting is None else weighting.of("accuracy", labels)
    if weighting is not None and found is None:
        return None
    known, effective = (labels, float(rows.sum())) if found is None else found
    table = confusion(layout, known.counts)[:2, :2].astype(np.float64)
    if table.sum() <= 0 or rows.sum() <= 0:
        return None
    shown = rows * min(1.0, effective / rows.sum())
    claimed = split(shown, float(table[:, 1].sum() / table.sum()))
    one = estimate_binary("accuracy", Expected(claimed, calibration.share), calibration)
    if one is None or one.error is None:
        return None
    return Cohort("accuracy", one.value, float(np.trace(table) / table.sum()), one.error)


def accuracy_of_several(right: Array, rows: Array, calibration: Calibration) -> Cohort | None:
    """Of several classes, from rows predicted right and all rows by bin of the highest probability, [B]."""
    one = estimate_accuracy(rows, calibration)
    if one is None or one.error is None:
        return None
    return Cohort("accuracy", one.value, float(right.sum() / max(rows.sum(), _LEAST)), one.error)


def spread_of_cohorts(windows: Sequence[LabelCounts], cohort: Callable[[LabelCounts], Cohort | None]) -> Spread:
    """Of the difference in the reference's own windows, worked out once."""
    memo = windows.memo if isinstance(windows, LabelWindows) else {}
    if "cohorts" not in memo:
        values = np.array([one.difference for one in map(cohort, windows) if one is not None]).reshape(-1, 1)
        memo["cohorts"] = spread_of(values, np.ones(values.shape, dtype=bool))
    known: Spread = memo["cohorts"]
    return known
