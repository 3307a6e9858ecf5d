"""A new version beside the stable one, in the same hours: what differs between the rows that each got.

Both are measured on their own rows of the same hours, the stable one's hours weighted as the canary's: a canary that
got its rows in the afternoon is compared with the afternoon. Seasons, holidays and incidents upstream meet both alike,
so they are no difference, as they would be against a reference from before (post-stratification; Cochran 1977, section
5A.9). Within an hour rows are taken as independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ERROR, Binning, CategoricalColumn, NumericColumn
from detectors.intervals import difference_lower, difference_p_value, normal_quantile
from detectors.measurement import MINIMUM_ROWS, TOO_FEW_ROWS, Measurement
from detectors.sample import Levels, sample_of
from detectors.serving.latency import NAME as LATENCY
from detectors.serving.latency import interval, percentile
from detectors.shares.bounds import Answer, Shares, rows_below_cuts, rows_in_categories
from detectors.shares.cells import Cells
from detectors.summary import HourlySummaries

Array = NDArray[np.float64]

ALPHA = 0.01  # of one comparison, shared by its numbers
P95 = 0.95


@dataclass(frozen=True)
class SameHours:
    """Count vectors [L] of the two in the hours in which both have rows: ``stable`` weighted as the canary's hours, and
    scaled to ``effective`` rows, what it is worth as a plain sample."""

    canary: NDArray[np.int64]
    stable: Array
    rows: int
    effective: float


def same_hours(canary: HourlySummaries, stable: HourlySummaries) -> SameHours:
    """The two where they can be compared; no rows where they never served in the same hour."""
    _, mine, theirs = np.intersect1d(canary.hours, stable.hours, return_indices=True)
    n = canary.counts[mine, 0].astype(np.float64)
    m = stable.counts[theirs, 0].astype(np.float64)
    both = (n > 0) & (m > 0)
    mine, theirs, n, m = mine[both], theirs[both], n[both], m[both]
    total = float(n.sum())
    effective = 0.0 if not total else total**2 / float((n**2 / m).sum())
    expected = ((n / m)[:, None] * stable.counts[theirs]).sum(axis=0)
    return SameHours(
        canary.counts[mine].sum(axis=0), expected * (effective / total if total else 0.0), int(total), effective
    )


def compare_versions(binning: Binning, both: SameHours, *, tolerance: float) -> list[tuple[str, Measurement]]:
    """(kind, measurement) of every number that can be compared: data drift and missing values of each feature, what is
    predicted, errors and latency. ``effect`` is the share of rows moved, the rise or (latency) the ratio, with
    one-sided limits at 0.01 / numbers. All say ``too_few_rows`` where either side has under 30."""
    few = both.rows < MINIMUM_ROWS or both.effective < MINIMUM_ROWS
    plans = list(_plans(binning))
    level = ALPHA / max(len(plans), 1)
    found = [(kind, _measured(binning, both, kind, name, tolerance, level)) for kind, name in plans]
    reason = TOO_FEW_ROWS if few else None
    return [(kind, replace(one, alpha=level, reason=reason or one.reason)) for kind, one in found]


def _plans(binning: Binning) -> Iterator[tuple[str, str]]:
    for column in binning.columns:
        measurable = isinstance(column, NumericColumn | CategoricalColumn)
        if column.name.startswith("feature.") and measurable:
            yield "data_drift", column.name
            yield "data_quality", column.name
        elif column.name in ("prediction", "score") and measurable:
            yield "prediction_drift", column.name
        elif column.name in (ERROR, LATENCY):
            yield "serving", column.name


def _measured(binning: Binning, both: SameHours, kind: str, name: str, tolerance: float, alpha: float) -> Measurement:
    if kind == "data_quality":
        slot = binning.extra(name, "missing")
        return _rise("missing_share", name, both, slot, alpha)
    if name == ERROR:
        return _rise("error_share", None, both, binning.extra(ERROR, "other"), alpha)
    if name == LATENCY:
        return _latency(binning, both, alpha)
    metrics = {"data_drift": ("ks", "l_infinity"), "prediction_drift": ("prediction_ks", "class_share")}
    numeric = isinstance(binning.by_name[name], NumericColumn)
    metric = "score_ks" if name == "score" else metrics[kind][0 if numeric else 1]
    return _moved(binning, both, metric, name, tolerance, alpha)


def _moved(binning: Binning, both: SameHours, metric: str, name: str, tolerance: float, alpha: float) -> Measurement:
    current, reference = (sample_of(binning, name, counts) for counts in (both.canary, both.stable))
    x, y = (np.asarray(one.counts, dtype=np.float64) for one in (current, reference))
    n, m = float(x.sum()), float(y.sum())
    known = Measurement(metric, None, round(m), round(n), _feature(name), reason=TOO_FEW_ROWS)
    if min(n, m) < MINIMUM_ROWS:
        return known
    tolerances = np.array([tolerance])
    if isinstance(current, Levels):
        places = np.arange(len(x))
        shares = Shares(Cells.of([(places, places + 1, 0, len(x))]), x, y, np.array([n]), np.array([m]))
        answer, place = rows_in_categories(shares, tolerances, alpha), int(np.argmax(shares.change))
        details: dict[str, Any] = {
            "category": current.levels[place], "share_reference": y[place] / m, "share_current": x[place] / n,
        }  # fmt: skip
    else:
        below, before = np.cumsum(x)[:-1] / n, np.cumsum(y)[:-1] / m
        gaps = np.abs(below - before)
        place = int(np.argmax(gaps)) if len(gaps) else 0
        largest = gaps[place : place + 1] if len(gaps) else np.zeros(1)
        answer = rows_below_cuts(largest, np.array([n]), np.array([m]), tolerances, alpha)
        details = {} if not len(gaps) else {
            "cut": float(current.cuts[place]), "share_reference": before[place], "share_current": below[place],
        }  # fmt: skip
    return _with(known, answer, details)


def _with(known: Measurement, answer: Answer, details: dict[str, Any]) -> Measurement:
    effect = float(answer.change[0])
    lower, upper = min(max(0.0, float(answer.lower[0])), effect), min(1.0, float(answer.upper[0]))
    return replace(
        known,
        value=effect,
        lower=lower,
        upper=upper,
        p_value=float(answer.p_value[0]),
        effect=effect,
        effect_lower=lower,
        effect_upper=upper,
        mde=min(1.0, float(answer.mde[0])),
        reason=None,
        details=details,
    )


def _rise(metric: str, name: str | None, both: SameHours, slot: int, alpha: float) -> Measurement:
    """A share of rows that rose, with Newcombe's (1998) limits, exact where counts are small."""
    x, y, n, m = float(both.canary[slot]), float(both.stable[slot]), float(both.rows), both.effective
    known = Measurement(metric, None, round(m), round(n), None if name is None else _feature(name))
    if not n or not m:
        return replace(known, reason=TOO_FEW_ROWS)
    z = normal_quantile(alpha)
    return replace(
        known,
        value=x / n,
        p_value=float(difference_p_value(x, n, y, m, 0.0)),
        effect=x / n - y / m,
        effect_lower=float(difference_lower(x, n, y, m, z)),
        effect_upper=-float(difference_lower(y, m, x, n, z)),
        details={"share_reference": y / m, "share_current": x / n},
    )


def _latency(binning: Binning, both: SameHours, alpha: float) -> Measurement:
    """The ratio of the 95th percentiles, between those at the limits of their ranks."""
    column = binning.by_name[LATENCY]
    slots = binning.slots(LATENCY)
    mine, theirs = both.canary[slots], both.stable[slots]
    n, m = float(mine.sum()), float(theirs.sum())
    known = Measurement("latency_p95", None, round(m), round(n))
    if min(n, m) < MINIMUM_ROWS or not isinstance(column, NumericColumn):
        return replace(known, reason=TOO_FEW_ROWS)
    z = float(normal_quantile(alpha / 2))  # either side may err
    value, usual = percentile(column, mine, P95), percentile(column, theirs, P95)
    (low, high), (least, most) = (interval(column, part, P95, z) for part in (mine, theirs))
    return replace(
        known,
        value=value,
        lower=low,
        upper=high,
        effect=value / usual,
        effect_lower=low / most,
        effect_upper=high / least,
        details={"reference_value": usual},
    )


def _feature(name: str) -> str | None:
    return name.removeprefix("feature.") if name.startswith("feature.") else None
