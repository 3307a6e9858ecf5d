"""What a metric usually is at the hours of a window, and how restless it is: by the share engine.

What each labelled row brings to a metric is added up by hour in place of the rows in a cell, in units of the standard
deviation of one row: the seasonal baseline, its error, the memory and the unrest of that are the metric's own.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.estimate import Estimate
from detectors.performance.ratios import RATIOS, Ratio, area_near
from detectors.performance.scored import WHOLE_SUMS, LabelCounts
from detectors.performance.values import VALUES
from detectors.profile import Reference, ReferenceProfile
from detectors.shares.calibrate import calibrated
from detectors.shares.cells import Cells
from detectors.shares.engine import FEWEST_HOURS
from detectors.shares.fitting import Fit, fit_reference, horizon
from detectors.shares.horizons import Horizon, level_changes
from detectors.shares.seasons import CONSTANT, DAY, WEEK
from detectors.shares.unrest import ENOUGH, Hours

Array = NDArray[np.float64]

METRICS = ("precision", "recall", "f1", "roc_auc", "log_loss", "brier", "mae", "rmse")
OF_ALL_ROWS = ("roc_auc", "log_loss", "brier", "mae", "rmse")  # an hour has as many of them as it has predictions
RELATIVE = ("mae", "rmse")  # tolerances are parts of the value

_ONE = Cells.of([(np.array([0]), np.array([1]), 0, 1)])
_MOST = 64  # windows that tell how far the area is from its first order
_LEAST = 0.05  # of the reference's value: a metric that cannot be negative has a baseline that can


@dataclass(frozen=True)
class UsualValue:
    """The ``value`` that a metric has at the hours of a window; ``deviation`` of the window's own from it although
    nothing changed, with the ``degrees`` of freedom that this is worth; whether it is ``seasonal``."""

    value: float
    deviation: float
    degrees: float
    seasonal: bool


@dataclass(frozen=True)
class Asked:
    """A ``metric`` of a window that ends at ``end_hour`` (hours since 1970), whose ``labels`` come from hours that have
    each a part of its rows, ``by_hour`` [length]; to be tested one-sided at ``alpha`` beyond ``tolerance``."""

    layout: ScoreLayout
    metric: str
    end_hour: int
    labels: LabelCounts
    by_hour: Array
    tolerance: float
    alpha: float


def rows_by_hour(layout: ScoreLayout, metric: str, counts: Array, sums: Array) -> Array:
    """How many of the rows that a metric rests on each hour has, of counts [T, Lc] and sums [T, S]."""
    ratio = RATIOS["brier" if metric == "roc_auc" else metric]
    return np.asarray(ratio(layout, counts, sums)[1], np.float64)


def usual_value(asked: Asked, reference: Reference, then: Estimate) -> UsualValue | None:
    """``then``: the metric of all of the reference. None where its labelled rows have no times, or fewer than 8 windows
    of this length, where it is mixed of several, or no two rows differ: then nobody knows."""
    parts = reference.parts
    hours = parts[0][0].label_hours
    if len(parts) != 1 or hours is None or len(hours) < FEWEST_HOURS or not then.error:
        return None
    profile, length = parts[0][0], len(asked.by_hour)
    series = _series(asked, profile, then)
    known = _horizon(asked, profile, series, length)
    if known.windows[0] < ENOUGH:
        return None
    labels = asked.labels
    rows = float(series.ratio(asked.layout, labels.counts, labels.sums)[1])
    if rows <= 0 or asked.by_hour.sum() <= 0:
        return None
    each = (asked.by_hour / asked.by_hour.sum() * rows)[:, None]
    stretch = Hours(asked.end_hour - length, np.zeros_like(each), each)
    found = level_changes(_ONE, known, stretch, np.array([length]))
    value = series.value + series.unit * float(found.expected[0, 0])
    value += _beyond_first_order(asked, profile, series, length)
    deviation = series.unit * float(np.sqrt(found.variance[0, 0]))
    seasonal = bool(known.baseline.sizes[0] > CONSTANT)
    if asked.metric in RELATIVE:
        value = max(value, _LEAST * series.value)
    if asked.metric == "rmse":
        value = float(np.sqrt(value))
        deviation /= 2 * value
    return UsualValue(value, deviation, float(found.degrees[0]), seasonal)


@dataclass(frozen=True)
class _Series:
    """The reference hour by hour: the ``ratio`` that the metric is, its ``value`` there (of rmse: its square), the
    ``unit`` (standard deviation of a row), and what the engine made of it."""

    ratio: Ratio
    value: float
    unit: float
    fit: Fit


def _series(asked: Asked, profile: ReferenceProfile, then: Estimate) -> _Series:
    key: Hashable = ("usual", asked.metric, asked.layout.classes)
    if key not in profile.memo:
        profile.memo[key] = _made(asked, profile, then)
    found: _Series = profile.memo[key]
    return found


def _made(asked: Asked, profile: ReferenceProfile, then: Estimate) -> _Series:
    ratio = area_near(profile.labels) if asked.metric == "roc_auc" else RATIOS[asked.metric]
    parts = []
    for first in range(0, len(profile.label_counts), WEEK):
        some = slice(first, first + WEEK)
        counts, sums = profile.label_counts[some].astype(np.float64), profile.label_sums[some, :WHOLE_SUMS]
        parts.append(np.stack(ratio(asked.layout, counts, sums)))
    total, rows = np.concatenate(parts, axis=1)
    value, error = (then.value**2, 2 * then.value * (then.error or 0.0)) if asked.metric == "rmse" else (
        then.value, then.error or 0.0,
    )  # fmt: skip
    unit = error * float(np.sqrt(rows.sum()))
    assert profile.label_hours is not None
    start = int(profile.label_hours[0])
    inside, known = np.zeros((2, int(profile.label_hours[-1]) - start + 1, 1))
    inside[profile.label_hours - start, 0], known[profile.label_hours - start, 0] = (total - value * rows) / unit, rows
    return _Series(ratio, value, unit, fit_reference(_ONE, Hours(start, inside, known), np.ones(1)))


def _horizon(asked: Asked, profile: ReferenceProfile, series: _Series, length: int) -> Horizon:
    key: Hashable = ("usual", asked.metric, asked.layout.classes, length, asked.tolerance, asked.alpha)
    if key not in profile.memo:
        known = horizon(series.fit, length)
        known = replace(known, worthwhile=np.zeros_like(known.worthwhile))  # tested by the mean alone
        # What is calibrated is two-sided; a loss has one side, with all of the level.
        profile.memo[key] = calibrated(series.fit, known, np.array([_allowed(asked, series)]), 2 * asked.alpha)
    found: Horizon = profile.memo[key]
    return found


def _allowed(asked: Asked, series: _Series) -> float:
    """The tolerance in units of a row."""
    if asked.metric == "rmse":
        return series.value * ((1 + asked.tolerance) ** 2 - 1) / series.unit
    return asked.tolerance * (series.value if asked.metric == "mae" else 1.0) / series.unit


def _beyond_first_order(asked: Asked, profile: ReferenceProfile, series: _Series, length: int) -> float:
    """Where both classes' scores rise and fall together, the area of a window differs from that of all hours, and from
    what its rows' placements among those say: by as much as in the reference's windows that end at this hour."""
    if asked.metric != "roc_auc":
        return 0.0
    key: Hashable = ("beyond first order", asked.layout.classes, length, asked.end_hour % DAY)
    if key not in profile.memo:
        assert profile.label_hours is not None
        hours, layout = profile.label_hours, asked.layout
        last = int(hours[-1]) + 1
        ends = np.arange(last - (last - asked.end_hour) % DAY, int(hours[0]) + length - 1, -DAY)
        ends = ends[:: max(1, -(-len(ends) // _MOST))]
        runs = np.searchsorted(hours, np.stack([ends - length, ends], axis=1))
        counts = np.stack([profile.label_counts[a:b].sum(axis=0, dtype=np.float64) for a, b in runs])
        none = np.zeros((len(counts), WHOLE_SUMS))
        total, rows = series.ratio(layout, counts, none)
        off = VALUES[layout.task]["roc_auc"](layout, counts, none) - total / np.maximum(rows, 1)
        profile.memo[key] = float(np.mean(off[np.isfinite(off)])) if np.isfinite(off).any() else 0.0
    found: float = profile.memo[key]
    return found
