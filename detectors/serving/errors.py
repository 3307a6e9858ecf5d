"""Share of rows that carry an error, against the same hours of the weeks before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.cuts import ERROR, Binning
from detectors.intervals import Z95, difference_lower, wilson
from detectors.measurement import MINIMUM_ROWS, NO_HISTORY, TOO_FEW_ROWS, Measurement
from detectors.rise import Z_POWER
from detectors.serving.history import LEAST_WEEKS
from detectors.summary import WindowCounts


def error_share(binning: Binning, current: WindowCounts, history: Sequence[WindowCounts]) -> Measurement:
    """``effect``: the rise over the weeks together, with Newcombe's 95 % limits (exact where counts are small)."""
    n, m = current.rows, sum(week.rows for week in history)
    x, y = _errors(binning, current), sum(_errors(binning, week) for week in history)
    if n == 0:
        return Measurement("error_share", None, m, 0, reason=TOO_FEW_ROWS)
    low, high = wilson(x, n, Z95)
    value = x / n
    if len(history) < LEAST_WEEKS or m == 0:
        return Measurement("error_share", value, m, n, lower=float(low), upper=float(high), reason=NO_HISTORY)
    return Measurement(
        "error_share",
        value,
        m,
        n,
        lower=float(low),
        upper=float(high),
        effect=value - y / m,
        effect_lower=float(difference_lower(x, n, y, m, Z95)),
        effect_upper=-float(difference_lower(y, m, x, n, Z95)),
        mde=float((Z95 + Z_POWER) * np.sqrt(max(y / m, 1 / m) * (1 / n + 1 / m))),
        reason=TOO_FEW_ROWS if n < MINIMUM_ROWS else None,
        details={"reference_share": y / m, "count": x},
    )


def _errors(binning: Binning, window: WindowCounts) -> int:
    return int(window.counts[binning.extra(ERROR, "other")]) if ERROR in binning.by_name else 0
