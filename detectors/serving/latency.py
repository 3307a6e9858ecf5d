"""Percentiles of the response time, from fixed logarithmic bins about 5 % wide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, NumericColumn
from detectors.measurement import MINIMUM_ROWS, NO_HISTORY, TOO_FEW_ROWS, Measurement
from detectors.serving.history import ratio_to_weeks
from detectors.summary import WindowCounts

NAME = "latency_ms"
PERCENTILES = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}
BIN_ERROR = 0.025  # half a bin, in logarithm


def latency(binning: Binning, current: WindowCounts, history: Sequence[WindowCounts]) -> list[Measurement]:
    """``latency_p50``, ``_p95``, ``_p99`` in milliseconds, ``effect`` the ratio to the mean of the weeks before;
    nothing where no latencies are sent."""
    column = binning.by_name.get(NAME)
    if not isinstance(column, NumericColumn):
        return []
    slots = binning.slots(NAME)
    bins = current.counts[slots]
    weeks = [week.counts[slots] for week in history if week.counts[slots].sum() >= MINIMUM_ROWS]
    if bins.sum() == 0 and not weeks:
        return []
    return [_one(metric, level, column, bins, weeks) for metric, level in PERCENTILES.items()]


def percentile(column: NumericColumn, bins: NDArray[Any], level: float) -> float:
    """Interpolated in the bin's logarithm; ``bins`` int64 [len(cuts) + 1], not all zero."""
    target = level * bins.sum()
    place = _place(bins, level)
    inside = (target - (np.cumsum(bins)[place] - bins[place])) / bins[place]
    low, high = column.cuts[max(place - 1, 0)], column.cuts[min(place, len(column.cuts) - 1)]
    return float(low * (high / low) ** inside)


def _place(bins: NDArray[Any], level: float) -> int:
    return int(np.searchsorted(np.cumsum(bins), level * bins.sum()))


def _error_bound(column: NumericColumn, bins: NDArray[np.int64], level: float, value: float) -> float | None:
    """How far the row at that rank may be from ``value``: to the farther end of its bin; None above the last cut."""
    place = _place(bins, level)
    if place == len(column.cuts):
        return None
    low = float(column.cuts[place - 1]) if place else 0.0
    return max(value - low, float(column.cuts[place]) - value)


def _one(
    metric: str,
    level: float,
    column: NumericColumn,
    bins: NDArray[np.int64],
    weeks: Sequence[NDArray[np.int64]],
) -> Measurement:
    rows, total = int(bins.sum()), int(sum(int(week.sum()) for week in weeks))
    if rows == 0:
        return Measurement(metric, None, total, 0, reason=TOO_FEW_ROWS)
    value = percentile(column, bins, level)
    lower, upper = interval(column, bins, level)
    before = np.array([percentile(column, week, level) for week in weeks])
    noise = max(BIN_ERROR, float(np.log(upper / lower)) / 4)
    ratio = ratio_to_weeks(value, before, noise)
    reason = NO_HISTORY if ratio is None else TOO_FEW_ROWS if rows < MINIMUM_ROWS else None
    return Measurement(
        metric,
        value,
        total,
        rows,
        lower=lower,
        upper=upper,
        effect=ratio.effect if ratio else None,
        effect_lower=ratio.lower if ratio else None,
        effect_upper=ratio.upper if ratio else None,
        mde=ratio.mde if ratio else None,
        reason=reason,
        details={"weeks": before.tolist(), "error_bound": _error_bound(column, bins, level, value)},
    )


def interval(column: NumericColumn, bins: NDArray[Any], level: float, z: float = 1.96) -> tuple[float, float]:
    """The percentiles at the binomial limits of the rank, 95 % unless another normal quantile is given."""
    reach = z * float(np.sqrt(level * (1 - level) / bins.sum()))
    low, high = max(level - reach, 0.5 / bins.sum()), min(level + reach, 1.0)
    return percentile(column, bins, low), percentile(column, bins, high)
