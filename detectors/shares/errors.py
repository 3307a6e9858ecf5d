"""The share of labelled rows that are wrong, known like any other share: by its hours, its memory and its unrest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance.others import right
from detectors.performance.scored import LabelCounts
from detectors.profile import Reference, ReferenceProfile, mix
from detectors.shares.cells import Cells
from detectors.shares.engine import known_horizons
from detectors.shares.horizons import Changes, level_changes
from detectors.shares.seasons import CONSTANT
from detectors.shares.unrest import ENOUGH, Hours
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

_CELLS = Cells.of([(np.array([1]), np.array([2]), 1, 3)])  # of counts (rows, wrong, right)


@dataclass(frozen=True)
class UsualErrors:
    """``share`` of wrong rows that the reference has at the hours of a window; ``deviation`` of the window's own share
    from it although nothing changed, with the ``degrees`` of freedom that this is worth; whether it is ``seasonal``."""

    share: float
    deviation: float
    degrees: float
    seasonal: bool

    @property
    def value(self) -> float:
        """The accuracy."""
        return 1 - self.share


def usual_errors(
    layout: ScoreLayout,
    reference: Reference,
    predictions: WindowCounts,
    labels: LabelCounts,
    *,
    length_hours: int,
    tolerance: float,
    alpha: float,
) -> UsualErrors | None:
    """Of a classifier's window with these ``labels`` (their rows may be effective ones), spread over its hours as its
    ``predictions`` are. None where the reference's labelled rows have no times, or fewer than 8 windows of this length:
    then nobody knows."""
    known = known_horizons(_CELLS, _errors_of(layout, reference), {length_hours: alpha}, tolerance)
    if known is None or known[length_hours].windows[0] < ENOUGH or labels.weight <= 0:
        return None
    rows = part_by_hour(predictions, length_hours) * labels.weight
    wrong = 1 - float(right(layout, labels.counts)) / labels.weight

    def changes(share: float) -> Changes:
        hours = Hours(predictions.end_hour - length_hours, (rows * share)[:, None], rows[:, None])
        return level_changes(_CELLS, known[length_hours], hours, np.array([length_hours]))

    usual = wrong - float(changes(wrong).change[0, 0])
    found = changes(min(max(usual, 0.0) + tolerance, 1.0))  # the variance of what is tolerated; Newcombe knows the rest
    seasonal = bool(known[length_hours].baseline.sizes[0] > CONSTANT)
    return UsualErrors(usual, float(np.sqrt(found.variance[0, 0])), float(found.degrees[0]), seasonal)


def part_by_hour(predictions: WindowCounts, length: int) -> Array:
    """The part of a window's rows that each of its hours has, [length]."""
    rows = np.zeros(length)
    if predictions.hourly is not None:
        places = predictions.hourly.hours - (predictions.end_hour - length)
        inside = places >= 0
        rows[places[inside]] = predictions.hourly.counts[inside, 0]
    total = rows.sum()
    return rows / total if total else np.full(length, 1 / length)


def _errors_of(layout: ScoreLayout, reference: Reference) -> Reference:
    """The reference as counts of wrong and right rows, made once."""
    key = ("errors", layout.classes)
    if key not in reference.memo:
        parts = [(_profile(layout, profile), weight) for profile, weight in reference.parts]
        some = [(profile, weight) for profile, weight in parts if profile.rows] or parts[:1]
        reference.memo[key] = mix(*zip(*some, strict=True)) if len(some) > 1 else some[0][0]
    found: Reference = reference.memo[key]
    return found


def _profile(layout: ScoreLayout, profile: ReferenceProfile) -> ReferenceProfile:
    hits = right(layout, profile.label_counts).astype(np.int64)
    rows = profile.label_counts[:, 0].astype(np.int64)
    none = np.zeros((0, 2))
    return ReferenceProfile(
        hours=profile.label_hours,
        counts=np.stack([rows, rows - hits, hits], axis=1),
        moments=none,
        extremes=none,
        label_hours=None,
        label_counts=profile.label_counts[:0],
        label_sums=profile.label_sums[:0],
    )
