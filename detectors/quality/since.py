"""Since when every row of a feature is bad: a schema that changed in the middle of a window says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from detectors.cuts import Binning, NumericColumn
from detectors.measurement import MINIMUM_ROWS, Measurement
from detectors.summary import HourlySummaries, WindowCounts

SLOTS = {
    "missing_share": ("missing", "nan"),
    "type_mismatch_share": ("mismatch",),
    "unseen_category_share": ("unseen",),
}
_ALL = 0.999  # of an hour's rows
_BEFORE = 0.5  # of the rows before, that are bad at most: else nothing changed then


def with_since(found: Sequence[Measurement], binning: Binning, current: WindowCounts) -> list[Measurement]:
    """The measurements, with ``details.since`` (RFC 3339) where certainly more rows are bad, and all are from an hour
    of the window on (30 at least), and not before it."""
    if current.hourly is None:
        return list(found)
    return [_told(one, binning, current, current.hourly) for one in found]


def _told(one: Measurement, binning: Binning, current: WindowCounts, hourly: HourlySummaries) -> Measurement:
    if one.metric not in SLOTS or one.feature is None or not (one.effect_lower or 0) > 0:
        return one
    hour = _since(f"feature.{one.feature}", SLOTS[one.metric], binning, current, hourly)
    if hour is None:
        return one
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    return replace(one, details={**one.details, "since": moment.strftime("%Y-%m-%dT%H:%M:%SZ")})


def _since(
    name: str, which: Sequence[str], binning: Binning, current: WindowCounts, hourly: HourlySummaries
) -> int | None:
    """The first hour of the run of hours, up to the last with rows, in which all are bad."""
    numeric = isinstance(binning.by_name[name], NumericColumn)
    slots = [binning.extra(name, one) for one in which if numeric or one != "nan"]
    known = (hourly.hours < current.end_hour) & (hourly.counts[:, 0] > 0)
    hours, rows = hourly.hours[known], hourly.counts[known, 0].astype(np.float64)
    bad = hourly.counts[known][:, slots].sum(axis=1, dtype=np.float64)
    good = np.flatnonzero(bad < _ALL * rows)
    if len(good) == 0 or good[-1] == len(hours) - 1:
        return None
    first = int(good[-1]) + 1
    if hours[first] <= current.start_hour or rows[first:].sum() < MINIMUM_ROWS:
        return None
    before = max(first - 1, 1)  # the hour next to it may be mixed
    return int(hours[first]) if bad[:before].sum() <= _BEFORE * rows[:before].sum() else None
