"""Differences between groups: how far apart a model's answers are for the values of one column.

Every metric is the largest less the smallest of the groups' numbers. Its interval holds for all pairs of groups at once
(Bonferroni): the two extremes were picked by looking. Limits of a group's share are Wilson's, so that the difference's
are Newcombe's (1998, method 10); those of a calibration gap are normal. Where labels are still to come that are unlike
those that are there, a group's number is of weighted rows (``performance.weighting``), and its limits rest on as many
rows as these are worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, ScoreLayout
from detectors.intervals import normal_quantile, wilson
from detectors.measurement import IMMATURE_LABELS, MINIMUM_ROWS, TOO_FEW_ROWS, Measurement
from detectors.performance.measure import FEW_MISSING
from detectors.performance.scored import LabelCounts, confusion, score_bins
from detectors.performance.weighting import ALL_KNOWN, ASSUMPTION, Known, Weighting
from detectors.rise import Z_POWER

LEVEL = 0.05
BRIER = 2  # place of the sum of squared errors of scores in ``LabelCounts.sums``


@dataclass(frozen=True)
class Group:
    """One value's rows: counts [L] of all of them, and the labelled ones; ``mature``: enough labels are known."""

    name: str
    counts: NDArray[Any]
    labels: LabelCounts
    mature: bool = True


class Number(NamedTuple):
    """A group's: ``value``, its standard error (NaN: of a share), rows that count for it and what these are worth."""

    value: float
    error: float
    rows: int
    effective: float


@dataclass(frozen=True)
class Level:
    """A group's number with the limits of one side each at ``z`` standard errors."""

    name: str
    value: float
    lower: float
    upper: float
    rows: int
    effective: float


Of = Callable[[Binning, Group, Weighting | None], Number]


def positive_rate(binning: Binning, group: Group, weighting: Weighting | None = None) -> Number:
    """Share of predictions that are the positive class."""
    said = group.counts[binning.slots("prediction")]
    names = getattr(binning.by_name["prediction"], "levels", ())
    positives = sum(float(n) for name, n in zip(names, said, strict=True) if name == binning.scores.classes[1])
    rows = float(said.sum() + group.counts[binning.extra("prediction", "other")])
    rows += float(group.counts[binning.extra("prediction", "unseen")])
    return Number(positives / max(rows, 1.0), float("nan"), round(rows), rows)


def true_positive_rate(binning: Binning, group: Group, weighting: Weighting | None = None) -> Number:
    """Share of truly positive rows that were predicted positive."""
    return _said_positive(binning, group, weighting, 1, "recall")


def false_positive_rate(binning: Binning, group: Group, weighting: Weighting | None = None) -> Number:
    """Share of truly negative rows that were predicted positive."""
    return _said_positive(binning, group, weighting, 0, "false_positive_rate")


def _said_positive(binning: Binning, group: Group, weighting: Weighting | None, truth: int, weighted_as: str) -> Number:
    labels = group.labels
    rows = round(float(confusion(binning.scores, labels.counts)[truth].sum()))
    weighted = None if weighting is None else weighting.of(weighted_as, labels)
    labels = labels if weighted is None else weighted[0]
    row = confusion(binning.scores, labels.counts)[truth]
    effective = float(row.sum())
    return Number(float(row[1]) / effective if effective > 0 else 0.0, float("nan"), rows, effective)


def calibration_gap(binning: Binning, group: Group, weighting: Weighting | None = None) -> Number:
    """Share of truly positive rows less the mean score, of labelled rows with a score; scores at their bins' middles,
    which are at most 1/512 wide."""
    negative, positive = score_bins(binning.scores, group.labels.counts)
    both = negative + positive
    rows = float(both.sum())
    if rows == 0:
        return Number(0.0, 0.0, 0, 0.0)
    middles = _middles(binning.scores)
    weighted = None if weighting is None else weighting.mean(group.labels, np.stack([-middles, 1 - middles]))
    if weighted is not None:
        return Number(weighted[0], weighted[1], round(rows), weighted[2])
    gap = float(positive.sum() - both @ middles) / rows
    error = np.sqrt(max(float(group.labels.sums[BRIER]) / rows - gap**2, 0.0) / rows)
    return Number(gap, float(error), round(rows), rows)


def _middles(layout: ScoreLayout) -> NDArray[np.float64]:
    inner = np.clip(layout.score_cuts, 0.0, 1.0)
    ends = np.concatenate([[0.0], inner, [1.0]])
    middles: NDArray[np.float64] = (ends[1:] + ends[:-1]) / 2
    return middles


METRICS: Mapping[str, Of] = {
    "demographic_parity_difference": positive_rate,
    "equal_opportunity_difference": true_positive_rate,
    "false_positive_difference": false_positive_rate,
    "calibration_difference": calibration_gap,
}
WITHOUT_LABELS = frozenset({"demographic_parity_difference"})


def measure_fairness(
    binning: Binning,
    groups: Sequence[Group],
    reference: Sequence[Group],
    metrics: Sequence[str],
    known: Known = ALL_KNOWN,
) -> list[Measurement]:
    """Each metric over the groups that have at least 30 rows that count for it; binary models.

    ``value`` and its simultaneous 95 % interval; ``mde`` the smallest gap that would surely be above 0; ``effect`` how
    much wider the gap is than in the reference, with 95 % limits; ``details``: ``groups`` {name: {value, rows}},
    ``highest``, ``lowest``, ``ratio`` of the lowest to the highest share, ``reference_value``, ``positive``. Reasons:
    ``too_few_rows`` (fewer than two such groups), then the value is None; ``immature_labels``, then it is that of the
    labels that are there, and there is no effect. Without two groups in the reference there is none either.

    Where ``known`` has weights, a number that needs labels is the weighted one: 30 rows are then effective ones, the
    groups' ``n_effective``, and ``details.unweighted`` is the plain gap; of immature labels ``details.weighted`` is the
    weighted gap. ``details.uncorrected`` is true where labels are missing that may be unlike those that are there, and
    there are no weights.
    """
    enough = [one for one in groups if one.counts[0] >= MINIMUM_ROWS]
    return [
        _without_labels(binning, metric, enough, reference)
        if metric in WITHOUT_LABELS
        else _of_labels(binning, metric, enough, reference, known)
        for metric in metrics
    ]


def _without_labels(binning: Binning, metric: str, groups: Sequence[Group], reference: Sequence[Group]) -> Measurement:
    now, then = _levels(binning, metric, groups), _levels(binning, metric, reference)
    return _changed(_gap_of(binning, metric, now, then), now, then)


def _of_labels(
    binning: Binning, metric: str, groups: Sequence[Group], reference: Sequence[Group], known: Known
) -> Measurement:
    plain, then = _levels(binning, metric, groups), _levels(binning, metric, reference)
    weighted = None if known.weighting is None else _levels(binning, metric, groups, known.weighting)
    mature = known.overlap and all(one.mature for one in groups)
    now = weighted if mature and weighted is not None else plain
    found = _gap_of(binning, metric, now, then)
    labelled, rows = sum(one.labels.rows for one in groups), sum(float(one.counts[0]) for one in groups)
    details = {**found.details, "coverage": labelled / max(rows, 1.0)}
    if not mature:
        if weighted is not None and len(weighted) > 1:
            details["weighted"] = {**_told(weighted), "groups": _shown(weighted), "assumption": ASSUMPTION}
        return replace(found, reason=IMMATURE_LABELS, details=details)
    if weighted is not None:
        details |= {"unweighted": _told(plain)} if len(plain) > 1 else {}
    elif known.unlike and labelled < (1 - FEW_MISSING) * rows:
        details["uncorrected"] = True
    return _changed(replace(found, details=details), now, then)


def _gap_of(binning: Binning, metric: str, now: Sequence[Level], then: Sequence[Level]) -> Measurement:
    """The gap as it is now; no value where there are not two groups."""
    rows = sum(one.rows for one in then), sum(one.rows for one in now)
    details: dict[str, Any] = {"positive": binning.scores.classes[1], "groups": _shown(now)}
    if len(now) < 2:
        return Measurement(metric, None, *rows, reason=TOO_FEW_ROWS, details=details)
    gap, lower, upper, high, low = _gap(now)
    details |= {"highest": high.name, "lowest": low.name}
    if metric != "calibration_difference" and high.value > 0:
        details["ratio"] = low.value / high.value
    seen = min((gap - lower) * (1 + Z_POWER / _quantile(len(now))), 1.0)
    return Measurement(metric, gap, *rows, lower=max(lower, 0.0), upper=min(upper, 1.0), mde=seen, details=details)


def _changed(found: Measurement, now: Sequence[Level], then: Sequence[Level]) -> Measurement:
    """With how much wider it is than in the reference."""
    if found.value is None or len(then) < 2:
        return found
    (gap, lower, upper, *_), (before, before_lower, before_upper, *_) = _gap(now), _gap(then)
    change = gap - before
    return replace(
        found,
        effect=change,
        effect_lower=change - float(np.hypot(gap - lower, before_upper - before)),
        effect_upper=change + float(np.hypot(upper - gap, before - before_lower)),
        details={**found.details, "reference_value": before},
    )


def _told(levels: Sequence[Level]) -> dict[str, float]:
    gap, lower, upper, *_ = _gap(levels)
    return {"value": gap, "lower": max(lower, 0.0), "upper": min(upper, 1.0)}


def _shown(levels: Sequence[Level]) -> dict[str, dict[str, float]]:
    """Of every group; what its rows are worth where that is not their number."""
    return {
        one.name: {"value": one.value, "rows": one.rows}
        | ({} if abs(one.effective - one.rows) < 0.5 else {"n_effective": one.effective})
        for one in levels
    }


def _levels(binning: Binning, metric: str, groups: Sequence[Group], weighting: Weighting | None = None) -> list[Level]:
    found = [(one.name, METRICS[metric](binning, one, weighting)) for one in groups]
    kept = [(name, number) for name, number in found if min(number.rows, number.effective) >= MINIMUM_ROWS]
    return [_level(*one, _quantile(len(kept))) for one in kept]


def _quantile(groups: int) -> float:
    """Of the standard normal, for all pairs of so many groups at once (Bonferroni)."""
    return float(normal_quantile(LEVEL / (2 * max(groups * (groups - 1) / 2, 1.0))))


def _level(name: str, number: Number, z: float) -> Level:
    value, error, rows, effective = number
    if np.isnan(error):
        low, high = wilson(value * effective, effective, z)
        return Level(name, value, float(low), float(high), rows, effective)
    return Level(name, value, value - z * error, value + z * error, rows, effective)


def _gap(levels: Sequence[Level]) -> tuple[float, float, float, Level, Level]:
    """The largest less the smallest, its limits, and the two; of equal ones the first by name."""
    ordered = sorted(levels, key=lambda one: one.name)
    high, low = max(ordered, key=lambda one: one.value), min(ordered, key=lambda one: one.value)
    gap = high.value - low.value
    below = float(np.hypot(high.value - high.lower, low.upper - low.value))
    above = float(np.hypot(high.upper - high.value, low.value - low.lower))
    return gap, gap - below, gap + above, high, low
