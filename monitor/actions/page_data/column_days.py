"""One column day by day, from the hourly summaries: quantiles, shares of categories, values that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dashboards import rebin
from dashboards.queries import Line
from detectors.cuts import Binning, CategoricalColumn, EmbeddingColumn, NumericColumn
from detectors.hour_bytes import decode
from monitor import clock
from monitor.actions.frame import Frame
from monitor.store import summaries

QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
CATEGORIES = 8

Counts = NDArray[np.int64]


def lines(frame: Frame | None, feature: str, start: int, end: int, segment: str = "") -> tuple[Line, ...]:
    """Quantiles ``p5 … p95`` of a numeric column, ``=value`` shares of a categorical one, and for both the shares
    ``missing, mismatch, unseen, outside``; one point per day; of all rows or of one segment."""
    name = None if frame is None else _column(frame.binning, feature)
    if frame is None or name is None:
        return ()
    days, counts = _by_day(frame, name, (start // clock.HOUR, -(-end // clock.HOUR)), segment)
    if len(days) == 0:
        return ()
    at = tuple(int(day) * clock.DAY for day in days)
    column = frame.binning.by_name[name]
    if isinstance(column, NumericColumn):
        return (*_quantiles(column, at, counts), *_unusable(frame.binning, name, at, counts))
    return (*_shares(column, at, counts), *_unusable(frame.binning, name, at, counts))


def _column(binning: Binning, feature: str) -> str | None:
    return next((name for name in (f"feature.{feature}", feature) if name in binning.by_name), None)


def _by_day(frame: Frame, name: str, hours_of: tuple[int, int], segment: str) -> tuple[NDArray[np.int64], Counts]:
    """Days (since 1970) that have rows, and the column's slots summed over each, [days, slots]."""
    loaded = summaries.load(frame.connection, frame.model.id, frame.binning_id, *hours_of, segment)
    first = frame.binning.offsets[name]
    there = slice(first, first + frame.binning.by_name[name].size)
    hours = np.array([one.hour for one in loaded], dtype=np.int64)
    days, places = np.unique(hours // 24, return_inverse=True)
    counts = np.zeros((len(days), there.stop - there.start), dtype=np.int64)
    for place, one in zip(places, loaded, strict=True):
        counts[place] += decode(frame.binning, one.data)[0][there]
    return days, counts


def _quantiles(column: NumericColumn, at: tuple[int, ...], counts: Counts) -> Sequence[Line]:
    if len(column.cuts) == 0:
        return []
    minimum = column.minimum if np.isfinite(column.minimum) else None
    maximum = column.maximum if np.isfinite(column.maximum) else None
    ends = rebin.ends(column.cuts, minimum, maximum)
    found = rebin.quantiles(ends, counts[:, : len(column.cuts) + 1].astype(float), list(QUANTILES.values()))
    return [Line(name, at, _numbers(found[:, i])) for i, name in enumerate(QUANTILES)]


def _numbers(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(float(f"{value:.5g}") if np.isfinite(value) else None for value in values)


def _shares(column: CategoricalColumn, at: tuple[int, ...], counts: Counts) -> Sequence[Line]:
    if isinstance(column, EmbeddingColumn):
        return []
    levels = counts[:, : len(column.levels)]
    rows = np.maximum(counts.sum(axis=1), 1)
    commonest = np.argsort(-levels.sum(axis=0), kind="stable")[:CATEGORIES]
    return [Line(f"={column.levels[i]}", at, _numbers(levels[:, i] / rows)) for i in commonest]


def _unusable(binning: Binning, name: str, at: tuple[int, ...], counts: Counts) -> Sequence[Line]:
    first = binning.offsets[name]
    numeric = isinstance(binning.by_name[name], NumericColumn)
    parts: dict[str, tuple[str, ...]] = (
        {"missing": ("missing", "nan"), "outside": ("below_min", "above_max")} if numeric else {}
    )
    parts |= {"mismatch": ("mismatch",)} | ({} if numeric else {"missing": ("missing",), "unseen": ("unseen",)})
    counted = counts.sum(axis=1)
    if numeric:  # those outside the range are in the end bins too
        counted = counted - sum(counts[:, binning.extra(name, one) - first] for one in parts["outside"])
    rows = np.maximum(counted, 1)
    return [
        Line(part, at, _numbers(sum(counts[:, binning.extra(name, one) - first] for one in extras) / rows))
        for part, extras in parts.items()
    ]
