"""All data-quality measurements of a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from detectors.cuts import Binning
from detectors.measurement import Measurement
from detectors.profile import Reference
from detectors.quality.counting import Sources
from detectors.quality.duplicates import duplicate_share
from detectors.quality.missing import missing_share
from detectors.quality.out_of_range import out_of_range_share
from detectors.quality.rejected import rejected_share
from detectors.quality.rise import measure_rise
from detectors.quality.since import with_since
from detectors.quality.type_mismatch import type_mismatch_share
from detectors.quality.unseen_category import unseen_category_share
from detectors.quality.unusable_output import unusable_output_share
from detectors.summary import WindowCounts

TOLERANCES: Mapping[str, float] = {
    "missing_share": 0.01,
    "type_mismatch_share": 0.001,
    "unseen_category_share": 0.001,
    "out_of_range_share": 0.001,
    "duplicate_share": 0.005,
    "rejected_share": 0.001,
    "unusable_output_share": 0.01,
}
OF_FEATURES = (missing_share, type_mismatch_share, unseen_category_share, out_of_range_share)


def measure_quality(
    binning: Binning,
    current: WindowCounts,
    reference: Reference,
    *,
    length_hours: int,
    alpha: float,
    duplicates: tuple[int, int],
    rejected: tuple[int, int],
    tolerances: Mapping[str, float] = TOLERANCES,
    whole: bool = True,
) -> list[Measurement]:
    """The metrics of ``TOLERANCES``: the first four for each feature they fit, the others for the traffic.

    ``duplicates`` and ``rejected``: how many, of how many (rows + duplicates; rows + rejects). ``tolerances`` by
    metric; a metric not in it has its default. ``whole``: all rows, not those of a segment.
    """
    sources = Sources(binning, current, reference, length_hours, whole)
    counted = [count(sources) for count in OF_FEATURES]
    parts = [part for part in counted if part.features]
    found = measure_rise(
        [*parts, duplicate_share(*duplicates), rejected_share(*rejected)], {**TOLERANCES, **tolerances}, alpha
    )
    found = [one if one.feature is not None else replace(one, n_reference=reference.rows) for one in found]
    return [*with_since(found, binning, current), *_of_outputs(sources, {**TOLERANCES, **tolerances}, alpha)]


def _of_outputs(sources: Sources, tolerances: Mapping[str, float], alpha: float) -> list[Measurement]:
    """What the model says is one number: the worse of prediction and score (Bonferroni), ``details.column``."""
    part = unusable_output_share(sources)
    if not part.features:
        return []
    found = worst_of(measure_rise([part], tolerances, alpha / len(part.features)))
    p_value = None if found.p_value is None else min(1.0, found.p_value * len(part.features))
    details = {**found.details, "column": found.feature}
    return [replace(found, feature=None, p_value=p_value, details=details)]


def worst_by_metric(found: Sequence[Measurement], features: int) -> list[Measurement]:
    """Of features measured at 1 / ``features`` of a level, the one that certainly rose most, a metric each: ``feature``
    None, ``details.feature`` its name, ``p_value`` for all of them together (Bonferroni)."""
    by_metric: dict[str, list[Measurement]] = {}
    for one in found:
        by_metric.setdefault(one.metric, []).append(one)
    return [_together(worst_of(each), features) for each in by_metric.values()]


def worst_of(found: Sequence[Measurement]) -> Measurement:
    """The highest lower bound, of equal ones the smallest p-value, then the largest rise, then the first."""

    def order(one: Measurement) -> tuple[float, float, float]:
        lower = -1.0 if one.effect_lower is None else one.effect_lower
        return -lower, 1.0 if one.p_value is None else one.p_value, -(one.effect or 0.0)

    return min(found, key=order)


def _together(worst: Measurement, features: int) -> Measurement:
    p_value = None if worst.p_value is None else min(1.0, worst.p_value * features)
    details = {**worst.details, "feature": worst.feature, "features": features}
    return replace(worst, feature=None, p_value=p_value, details=details)
