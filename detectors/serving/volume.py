"""Rows in the window, against the same hours of the weeks before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.measurement import NO_HISTORY, Measurement
from detectors.serving.history import ratio_to_weeks
from detectors.summary import WindowCounts


def volume(current: WindowCounts, history: Sequence[WindowCounts]) -> Measurement:
    """``effect``: the ratio to the weeks' mean; 95 % limits from the weeks, with Poisson noise as a floor."""
    weeks = np.array([one.rows for one in history], dtype=np.float64)
    rows, total = current.rows, int(weeks.sum())
    noise = float(np.sqrt(1 / max(rows, 1) + 1 / max(total, 1)))
    ratio = ratio_to_weeks(rows, weeks, noise)
    details = {"weeks": [int(week) for week in weeks]}
    if ratio is None:
        return Measurement("volume", float(rows), total, rows, reason=NO_HISTORY, details=details)
    return Measurement(
        "volume",
        float(rows),
        total,
        rows,
        effect=ratio.effect,
        effect_lower=ratio.lower,
        effect_upper=ratio.upper,
        mde=ratio.mde,
        details=details,
    )
