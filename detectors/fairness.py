"""Differences between groups: how far apart a model's answers are for the values of one column.

Every metric is the largest less the smallest of the groups' numbers. Its interval holds for all pairs of groups at once
(Bonferroni): the two extremes were picked by looking. Limits of a group's share are Wilson's, so that the difference's
are Newcombe's (1998, method 10); those of a calibration gap are normal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, ScoreLayout
from detectors.intervals import normal_quantile, wilson
from detectors.measurement import IMMATURE_LABELS, MINIMUM_ROWS, TOO_FEW_ROWS, Measurement
from detectors.performance.scored import LabelCounts, confusion, score_bins

LEVEL = 0.05
BRIER = 2  # place of the sum of squared errors of scores in ``LabelCounts.sums``


@dataclass(frozen=True)
class Group:
    """One value's rows: counts [L] of all of them, and the labelled ones; ``mature``: enough labels are known."""

    name: str
    counts: NDArray[Any]
    labels: LabelCounts
    mature: bool = True


@dataclass(frozen=True)
class Level:
    """A group's number with the limits of one side each at ``z`` standard errors."""

    name: str
    value: float
    lower: float
    upper: float
    rows: int


Of = Callable[[Binning, Group], tuple[float, float, int]]  # value, standard error (NaN: of a share), rows


def positive_rate(binning: Binning, group: Group) -> tuple[float, float, int]:
    """Share of predictions that are the positive class."""
    said = group.counts[binning.slots("prediction")]
    names = getattr(binning.by_name["prediction"], "levels", ())
    positives = sum(float(n) for name, n in zip(names, said, strict=True) if name == binning.scores.classes[1])
    rows = float(said.sum() + group.counts[binning.extra("prediction", "other")])
    rows += float(group.counts[binning.extra("prediction", "unseen")])
    return positives / max(rows, 1.0), float("nan"), round(rows)


def true_positive_rate(binning: Binning, group: Group) -> tuple[float, float, int]:
    """Share of truly positive rows that were predicted positive."""
    row = confusion(binning.scores, group.labels.counts)[1]
    return float(row[1]) / max(float(row.sum()), 1.0), float("nan"), round(float(row.sum()))


def calibration_gap(binning: Binning, group: Group) -> tuple[float, float, int]:
    """Share of truly positive rows less the mean score, of labelled rows with a score; scores at their bins' middles,
    which are at most 1/512 wide."""
    negative, positive = score_bins(binning.scores, group.labels.counts)
    both = negative + positive
    rows = float(both.sum())
    if rows == 0:
        return 0.0, 0.0, 0
    gap = float(positive.sum() - both @ _middles(binning.scores)) / rows
    error = np.sqrt(max(float(group.labels.sums[BRIER]) / rows - gap**2, 0.0) / rows)
    return gap, float(error), round(rows)


def _middles(layout: ScoreLayout) -> NDArray[np.float64]:
    inner = np.clip(layout.score_cuts, 0.0, 1.0)
    ends = np.concatenate([[0.0], inner, [1.0]])
    middles: NDArray[np.float64] = (ends[1:] + ends[:-1]) / 2
    return middles


METRICS: Mapping[str, Of] = {
    "demographic_parity_difference": positive_rate,
    "equal_opportunity_difference": true_positive_rate,
    "calibration_difference": calibration_gap,
}
WITHOUT_LABELS = frozenset({"demographic_parity_difference"})


def measure_fairness(
    binning: Binning, groups: Sequence[Group], reference: Sequence[Group], metrics: Sequence[str]
) -> list[Measurement]:
    """Each metric over the groups that have at least 30 rows that count for it; binary models.

    ``value`` and its simultaneous 95 % interval; ``effect`` how much wider the gap is than in the reference, with 95 %
    limits; ``details``: ``groups`` {name: {value, rows}}, ``highest``, ``lowest``, ``ratio`` of the lowest to the
    highest share, ``reference_value``, ``positive``. Reasons: ``too_few_rows`` (fewer than two such groups),
    ``immature_labels``; without two groups in the reference there is no effect.
    """
    enough = [one for one in groups if one.counts[0] >= MINIMUM_ROWS]
    return [_one(binning, metric, enough, reference) for metric in metrics]


def _one(binning: Binning, metric: str, groups: Sequence[Group], reference: Sequence[Group]) -> Measurement:
    now, then = _levels(binning, metric, groups), _levels(binning, metric, reference)
    rows = sum(one.rows for one in then), sum(one.rows for one in now)
    details: dict[str, Any] = {
        "positive": binning.scores.classes[1],
        "groups": {one.name: {"value": one.value, "rows": one.rows} for one in now},
    }
    immature = metric not in WITHOUT_LABELS and not all(one.mature for one in groups)
    if immature or len(now) < 2:
        reason = IMMATURE_LABELS if immature else TOO_FEW_ROWS
        return Measurement(metric, None, *rows, reason=reason, details=details)
    gap, lower, upper, high, low = _gap(now)
    details |= {"highest": high.name, "lowest": low.name}
    if metric != "calibration_difference" and high.value > 0:
        details["ratio"] = low.value / high.value
    found = Measurement(metric, gap, *rows, lower=max(lower, 0.0), upper=min(upper, 1.0), details=details)
    if len(then) < 2:
        return found
    before, before_lower, before_upper, *_ = _gap(then)
    change = gap - before
    return replace(
        found,
        effect=change,
        effect_lower=change - float(np.hypot(gap - lower, before_upper - before)),
        effect_upper=change + float(np.hypot(upper - gap, before - before_lower)),
        details={**details, "reference_value": before},
    )


def _levels(binning: Binning, metric: str, groups: Sequence[Group]) -> list[Level]:
    found = [(one.name, *METRICS[metric](binning, one)) for one in groups]
    kept = [one for one in found if one[3] >= MINIMUM_ROWS]
    pairs = max(len(kept) * (len(kept) - 1) / 2, 1.0)
    z = float(normal_quantile(LEVEL / (2 * pairs)))
    return [_level(*one, z) for one in kept]


def _level(name: str, value: float, error: float, rows: int, z: float) -> Level:
    if np.isnan(error):
        low, high = wilson(value * rows, rows, z)
        return Level(name, value, float(low), float(high), rows)
    return Level(name, value, value - z * error, value + z * error, rows)


def _gap(levels: Sequence[Level]) -> tuple[float, float, float, Level, Level]:
    """The largest less the smallest, its limits, and the two; of equal ones the first by name."""
    ordered = sorted(levels, key=lambda one: one.name)
    high, low = max(ordered, key=lambda one: one.value), min(ordered, key=lambda one: one.value)
    gap = high.value - low.value
    below = float(np.hypot(high.value - high.lower, low.upper - low.value))
    above = float(np.hypot(high.upper - high.value, low.value - low.lower))
    return gap, gap - below, gap + above, high, low
