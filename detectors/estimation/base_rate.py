"""The base rate of a binary window before its labels, in the unrest that the reference's own windows have.

Weekdays and weekends, mornings and nights have scores of their own: what is no label shift moves the estimate without
any drift. How far it is off in windows whose labels are known, those of the reference, is how far it may be off now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, NumericColumn
from detectors.estimation.label_shift import (
    BY_CLASSES,
    GATE,
    LABEL_SHIFT_REJECTED,
    LEAST_OF_EACH,
    METRIC,
    black_box,
    confusion_of,
    histograms,
    joined_scores,
    maximum_likelihood,
    said_positive,
)
from detectors.intervals import Z95
from detectors.measurement import MINIMUM_ROWS, NO_REFERENCE, NO_VARIATION, TOO_FEW_ROWS, Measurement
from detectors.profile import Reference, ReferenceProfile
from detectors.rise import ENOUGH_WINDOWS
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

MOST_WINDOWS = 60  # the newest are replayed


@dataclass(frozen=True)
class Wider:
    """How many times as wide intervals are, at least 1: of the estimate by scores, and of that by predicted classes."""

    by_scores: float
    by_classes: float


ALIKE = Wider(1.0, 1.0)


def measure_base_rate(
    binning: Binning, current: WindowCounts, reference: Reference, window_of: tuple[int, int] | None = None
) -> list[Measurement]:
    """``estimated_base_rate`` of a window of a binary model with scores, and ``estimated_base_rate_bbse`` where its
    classes are known and the gate is open; nothing for any other model.

    ``value`` is the EM estimate with its 95 % interval, ``details`` hold ``bbse, bbse_lower, bbse_upper``,
    ``reference_value`` (the base rate of the reference's labels), ``gate_p_value`` and ``positive``. ``window_of``: the
    window's length and end in hours; intervals are then as wide as the reference's own windows of that length need
    (``details.widened``). Reasons:
    ``no_reference`` (fewer than 10 labelled rows of either class with a score), ``too_few_rows`` (under 30 scores in
    the window), ``label_shift_rejected``: the gate's p is below 0.001, and no estimate is given; ``no_variation``: the
    scores of both classes are alike, so that any base rate would explain the window's.
    """
    column = binning.by_name.get("score")
    layout = binning.scores
    if layout.task != "binary" or not isinstance(column, NumericColumn) or not len(layout.score_cuts):
        return []
    window, negative, positive = histograms(binning, column, current, reference.labels)
    labelled, rows = round(float(negative.sum() + positive.sum())), round(float(window.sum()))
    details = {"positive": layout.classes[1]}
    if min(negative.sum(), positive.sum()) < LEAST_OF_EACH:
        return [Measurement(METRIC, None, labelled, rows, reason=NO_REFERENCE, details=details)]
    base = {**details, "reference_value": float(positive.sum() / (negative.sum() + positive.sum()))}
    if rows < MINIMUM_ROWS:
        return [Measurement(METRIC, None, labelled, rows, reason=TOO_FEW_ROWS, details=base)]
    found = maximum_likelihood(window, negative, positive)
    wider = ALIKE if window_of is None else unrest_of(binning, reference, *window_of)
    gated = {**base, "gate_p_value": found.gate_p_value}
    gated |= {"widened": wider.by_scores} if wider.by_scores > 1 else {}
    if found.gate_p_value is not None and found.gate_p_value < GATE:
        return [Measurement(METRIC, None, labelled, rows, reason=LABEL_SHIFT_REJECTED, details=gated)]
    if found.says_nothing:
        return [Measurement(METRIC, None, labelled, rows, reason=NO_VARIATION, details=base)]
    found = found.widened(wider.by_scores)
    said = said_positive(binning, current)
    box = None if said is None else black_box(*said, confusion_of(binning, reference.labels))
    by_scores = Measurement(METRIC, found.value, labelled, rows, lower=found.lower, upper=found.upper, details=gated)
    if box is None:
        return [by_scores]
    low, high = (box[0] + wider.by_classes * (end - box[0]) for end in box[1:])
    box = box[0], max(low, 0.0), min(high, 1.0)
    more = {"bbse": box[0], "bbse_lower": box[1], "bbse_upper": box[2]}
    told = (
        {**gated, "widened": wider.by_classes} if wider.by_classes > 1 else {**base, "gate_p_value": found.gate_p_value}
    )
    by_classes = Measurement(BY_CLASSES, box[0], labelled, rows, lower=box[1], upper=box[2], details=told)
    return [replace(by_scores, details={**gated, **more}), by_classes]


def unrest_of(binning: Binning, reference: Reference, length: int, end: int) -> Wider:
    """How much wider intervals are in windows of ``length`` hours up to hour ``end``; of a mixed reference the root
    mean square of its parts'. Worked out once a profile, length and hour of the day."""
    column = binning.by_name.get("score")
    if not isinstance(column, NumericColumn):
        return ALIKE
    shares, each = [share for _, share in reference.parts], []
    key = ("base_rate", length, end % length)
    for profile, _ in reference.parts:
        if key not in profile.memo:
            profile.memo[key] = _unrest(binning, column, profile, length, end)
        each.append(profile.memo[key])
    by_scores, by_classes = (
        float(np.sqrt(np.average([getattr(one, name) ** 2 for one in each], weights=shares)))
        for name in ("by_scores", "by_classes")
    )
    return Wider(by_scores, by_classes)


def _unrest(binning: Binning, column: NumericColumn, reference: ReferenceProfile, length: int, end: int) -> Wider:
    """Root mean square of how far estimates of the reference's labelled windows are off, each from the labels of all
    others, over their own errors; those of too few windows are taken to be alike."""
    windows = reference.label_windows(length, end % length)[-MOST_WINDOWS:]
    if len(windows) < ENOUGH_WINDOWS:
        return ALIKE
    negative, positive = joined_scores(binning, column, reference.labels)
    table = confusion_of(binning, reference.labels)
    by_scores, by_classes = [], []
    for labels in windows:
        mine = joined_scores(binning, column, labels)
        others = negative - mine[0], positive - mine[1]
        sizes = [float(one.sum()) for one in mine]
        if min(float(one.sum()) for one in others) < LEAST_OF_EACH or sum(sizes) < MINIMUM_ROWS:
            continue
        truth = sizes[1] / sum(sizes)
        found = maximum_likelihood(mine[0] + mine[1], *others)
        if np.isfinite(found.error) and found.error > 0:
            by_scores.append((found.value - truth) / found.error)
        own = confusion_of(binning, labels)
        box = black_box(float(own[:, 1].sum()), float(own.sum()), np.maximum(table - own, 0.0))
        if box is not None and box[2] > box[1]:
            by_classes.append((box[0] - own[1].sum() / max(float(own.sum()), 1.0)) / ((box[2] - box[1]) / (2 * Z95)))
    return Wider(_times(by_scores), _times(by_classes))


def _times(errors: list[float]) -> float:
    if len(errors) < ENOUGH_WINDOWS:
        return 1.0
    return max(1.0, float(np.sqrt(np.mean(np.square(errors)))))
