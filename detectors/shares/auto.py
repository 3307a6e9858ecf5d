"""``auto``: how many rows moved, and is it certain that more than the tolerance did?

Numeric columns: metric ``ks``, the largest change of the share below any cut. Categorical columns: ``l_infinity``, the
largest change of any category's share. All columns of a kind at once; missing and non-finite values are left to
data quality.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, CategoricalColumn, NumericColumn
from detectors.measurement import MINIMUM_ROWS, NO_COMMON_VALUE, NO_REFERENCE, TOO_FEW_ROWS, Measurement
from detectors.profile import Reference
from detectors.rise import SHORT_TOLERANCE
from detectors.shares import cells as cell
from detectors.shares.bounds import Answer, Shares, rows_below_cuts, rows_in_categories
from detectors.shares.engine import baseline_of, stretch_of
from detectors.shares.false_alarms import silencing_factor
from detectors.shares.horizons import Horizon, expected_mean
from detectors.shares.mixture import of_last
from detectors.shares.odd_hours import as_details
from detectors.shares.seasons import CONSTANT, DAILY
from detectors.shares.stretches import answer_together, horizons_of
from detectors.shares.unrest import ENOUGH, Hours
from detectors.summary import WindowCounts, window

Array = NDArray[np.float64]

CRITICAL = 0.15  # of the rows, beyond which a move is critical


def measure_drift(
    binning: Binning,
    names: Sequence[str],
    current: WindowCounts,
    reference: Reference,
    *,
    length_hours: int,
    tolerance: float,
    alpha: float,
    widened: Mapping[str, float] | None = None,
) -> list[Measurement]:
    """Drift of each named column, in the order of ``names``; ``feature`` is the name without ``feature.``.

    ``value`` is the distance from the whole reference; ``effect`` the distance from what the reference has at the
    hours of the window, which is the same where the column has no seasons; where only the last hours of the window are
    certain to have moved, ``effect`` is theirs and ``details.last_hours`` says how many. Both are shares of rows; each
    has bounds of its own, which hold at ``alpha``; ``p_value`` is that of H0: at most ``tolerance`` of the rows moved,
    and p <= alpha where ``effect_lower`` >= tolerance. ``widened``: by name, how many times as large the variance is
    taken at least, for what is known beside the reference. Reasons: ``no_reference`` (the reference has no usable value
    of the column), ``too_few_rows`` (under 30 usable values in the window), ``no_common_value`` (of the reference's
    categories none has a thousandth of the rows).
    """
    data = _Data(binning, current, reference, length_hours, tolerance, alpha, widened or {})
    found: dict[str, Measurement] = {}
    for kind in (_NUMERIC, _CATEGORICAL):
        mine = [name for name in names if isinstance(binning.by_name[name], kind.column) and _cells(binning, name)]
        if mine:
            found.update(zip(mine, _measure(data, kind, mine), strict=True))
    return [found[name] if name in found else _no_cuts(binning, name, current) for name in names]


@dataclass(frozen=True)
class _Data:
    binning: Binning
    current: WindowCounts
    reference: Reference
    length_hours: int
    tolerance: float
    alpha: float
    widened: Mapping[str, float]

    def shares(self, make: Callable[[Binning, Sequence[str]], cell.Cells], names: Sequence[str]) -> Shares:
        cells = cell.remembered(make, self.binning, names)
        now, n = cells.count(self.current.counts)
        then, m = cells.count_reference(self.reference.total)
        return Shares(cells, now, then, n, m)


@dataclass(frozen=True)
class _Kind:
    """Numeric or categorical: which shares are shown, which are tested, what their rows alone would say."""

    metric: str
    column: type[NumericColumn] | type[CategoricalColumn]
    shown: Callable[[Binning, Sequence[str]], cell.Cells]
    tested: Callable[[Binning, Sequence[str]], cell.Cells]
    by_rows: Callable[[Shares, Array, Array, float], Answer]
    describe: Callable[[_Data, Sequence[str], Shares, NDArray[np.int64], Array], list[dict[str, Any]]]


@dataclass(frozen=True)
class _Found:
    """Per column [F]: raw ``distance``, seasonal ``effect`` and the cell of the window that moved most, ``short``
    references."""

    shares: Shares
    expected: Array
    distance: Array
    effect: Array
    place: NDArray[np.int64]
    answer: Answer
    known: Horizon | None
    short: NDArray[np.bool_]
    tolerance: Array
    silent_at: Array


def _measure(data: _Data, kind: _Kind, names: Sequence[str]) -> list[Measurement]:
    shares = data.shares(kind.shown, names)
    distance, _ = shares.cells.largest(shares.change)
    tested = cell.remembered(kind.tested, data.binning, names)
    horizons = horizons_of(tested, data.reference, data.length_hours, data.tolerance, data.alpha)
    known, seen = None, None
    if horizons is not None:
        horizons = _at_least(horizons, np.array([data.widened.get(name, 1.0) for name in names]))
        known = horizons[data.length_hours]
        before = any(one.worthwhile.any() for one in horizons.values())
        seen = stretch_of(tested, data.current, data.length_hours, data.reference, before=before)
    expected = shares.q if known is None or seen is None else _expected(data, shares, known, seen)
    effect, place = shares.cells.largest(np.abs(shares.p - expected))
    short = np.ones(len(names), dtype=bool) if known is None else known.windows < ENOUGH
    tolerance = np.where(short, max(SHORT_TOLERANCE, data.tolerance), data.tolerance)
    answer = _answer(data, kind, shares, effect, tested, horizons, seen, short, tolerance)
    silent = _silent_at(data, tested, horizons, seen, answer, tolerance)
    found = _Found(shares, expected, distance, effect, place, answer, known, short, tolerance, silent)
    details = kind.describe(data, names, shares, place, expected)
    told = [_one(kind.metric, name, data, found, index, details[index]) for index, name in enumerate(names)]
    return _with_last_hours(data, kind, names, found, told)


def _at_least(horizons: dict[int, Horizon], factor: Array) -> dict[int, Horizon]:
    """With a calibration of at least ``factor`` [F]."""
    if (factor <= 1).all():
        return horizons
    return {hours: replace(one, factor=np.maximum(one.factor, factor)) for hours, one in horizons.items()}


def _with_last_hours(
    data: _Data, kind: _Kind, names: Sequence[str], found: _Found, told: list[Measurement]
) -> list[Measurement]:
    """Where only the last hours of the window are certain to have moved, ``effect`` and what is said of it is theirs,
    as a window of so many hours would have it."""
    end = data.current.end_hour
    for hours in sorted(set(found.answer.hours.tolist()) - {0}):
        if data.current.hourly is None or found.known is None:
            continue
        current, reference = window(data.current.hourly, end - hours, end), of_last(data.reference, hours)
        part = replace(data, current=current, reference=reference, length_hours=hours)
        shares = part.shares(kind.shown, names)
        seen = stretch_of(cell.remembered(kind.tested, data.binning, names), current, hours, reference)
        expected = _expected(part, shares, found.known, seen)
        effect, place = shares.cells.largest(np.abs(shares.p - expected))
        details = kind.describe(part, names, shares, place, expected)
        for index in np.flatnonzero(found.answer.hours == hours).tolist():
            limits = float(found.answer.lower[index]), float(found.answer.upper[index])
            said = {
                **told[index].details,
                **details[index],
                "share_reference": float(expected[place[index]]),
                "share_current": float(shares.p[place[index]]),
                "last_hours": hours,
            }
            one = replace(told[index], details=said)
            told[index] = _of_stretch(one, float(effect[index]), limits, float(shares.n[index]))
    return told


def _of_stretch(one: Measurement, effect: float, limits: tuple[float, float], rows: float) -> Measurement:
    """Nothing certain is then known of the ``value`` of the whole window; critical is only what moved so many of its
    rows."""
    lower = min(max(0.0, limits[0]), effect)
    if lower * rows <= CRITICAL * one.n_current:
        lower = min(lower, CRITICAL)
    upper = min(1.0, max(limits[1], effect))
    return replace(one, lower=0.0, upper=1.0, effect=effect, effect_lower=lower, effect_upper=upper)


def _answer(
    data: _Data,
    kind: _Kind,
    shares: Shares,
    effect: Array,
    tested: cell.Cells,
    horizons: Mapping[int, Horizon] | None,
    seen: tuple[Hours, int] | None,
    short: NDArray[np.bool_],
    tolerance: Array,
) -> Answer:
    """The engine's; where the reference is short, the rule of rows has to agree; without times it stands alone."""
    if horizons is None or seen is None:
        return kind.by_rows(shares, effect, tolerance, data.alpha)
    stretch, end = seen
    found = answer_together(tested, horizons, stretch, np.array([end]), tolerance, data.alpha).window(0)
    return found.and_also(kind.by_rows(shares, effect, tolerance, data.alpha), short) if short.any() else found


def _silent_at(
    data: _Data,
    tested: cell.Cells,
    horizons: dict[int, Horizon] | None,
    seen: tuple[Hours, int] | None,
    found: Answer,
    tolerance: Array,
) -> Array:
    """The calibration with which columns that are told would not be, [F]; 1 of all others."""
    told = found.lower > tolerance
    if horizons is None or seen is None or not told.any():
        return np.ones(len(tolerance))
    silent = silencing_factor(tested, horizons, seen[0], np.array([seen[1]]), tolerance, data.alpha)
    return np.where(told, silent, 1.0)


def _expected(data: _Data, shares: Shares, known: Horizon, seen: tuple[Hours, int]) -> Array:
    """The reference's shares at the hours of the window, [B]; the whole reference's where a column has no seasons, and
    nothing is known of the hours of its parts."""
    seasonal = (known.baseline.sizes > CONSTANT) | (seen[0].of_parts is not None)
    if not seasonal.any():
        return shares.q
    stretch, end = seen
    own = stretch.part(end - data.length_hours, end)  # the same to the bit, whatever is known of the hours before
    baseline = baseline_of(shares.cells, data.reference, known.baseline.sizes)
    expected = np.clip(expected_mean(shares.cells, baseline, own), 0, 1)
    return np.where(seasonal[shares.cells.owner], expected, shares.q)


def _describe_numeric(
    data: _Data, names: Sequence[str], shares: Shares, place: NDArray[np.int64], expected: Array
) -> list[dict[str, Any]]:
    bins = data.shares(cell.every_bin, names)
    hidden, _ = bins.cells.largest(np.maximum(bins.p, bins.q))
    inner = place - shares.cells.starts
    return [
        {
            "edges": _cuts(data.binning, name).tolist(),
            "cut": float(_cuts(data.binning, name)[inner[index]]),
            "error_bound": float(hidden[index]),
            "direction": "lower" if shares.p[place[index]] > expected[place[index]] else "higher",
        }
        for index, name in enumerate(names)
    ]


def _describe_categorical(
    data: _Data, names: Sequence[str], shares: Shares, place: NDArray[np.int64], expected: Array
) -> list[dict[str, Any]]:
    inner = place - shares.cells.starts
    return [
        {
            "category": _category(data.binning, name, int(inner[index])),
            "direction": "more" if shares.p[place[index]] > expected[place[index]] else "less",
        }
        for index, name in enumerate(names)
    ]


_NUMERIC = _Kind(
    "ks",
    NumericColumn,
    cell.every_cut,
    cell.trigger_cuts,
    lambda shares, effect, tolerance, alpha: rows_below_cuts(effect, shares.n, shares.m, tolerance, alpha),
    _describe_numeric,
)
_CATEGORICAL = _Kind(
    "l_infinity",
    CategoricalColumn,
    cell.categories,
    cell.categories,
    lambda shares, effect, tolerance, alpha: rows_in_categories(shares, tolerance, alpha),
    _describe_categorical,
)


def _one(metric: str, name: str, data: _Data, found: _Found, index: int, details: dict[str, Any]) -> Measurement:
    n, m = round(float(found.shares.n[index])), round(float(found.shares.m[index]))
    if n == 0 or m == 0:
        return Measurement(metric, None, m, n, feature_of(name), reason=TOO_FEW_ROWS if m else NO_REFERENCE)
    value, effect = float(found.distance[index]), float(found.effect[index])
    limit, top = float(found.answer.lower[index]), float(found.answer.upper[index])
    lower, upper = min(max(0.0, limit), effect), min(1.0, max(top, effect))
    least, most = _of_value(found, index, value, (lower, upper))
    details |= {
        "share_reference": float(found.expected[found.place[index]]),
        "share_current": float(found.shares.p[found.place[index]]),
        "tolerance": float(found.tolerance[index]),
        **_of_horizon(found, index),
    }
    return Measurement(
        metric,
        value,
        m,
        n,
        feature_of(name),
        least,
        most,
        float(found.answer.p_value[index]),
        effect,
        lower,
        upper,
        min(1.0, float(found.answer.mde[index])),
        data.alpha,
        TOO_FEW_ROWS if n < MINIMUM_ROWS else None,
        details,
    )


def _of_value(found: _Found, index: int, value: float, limits: tuple[float, float]) -> tuple[float, float]:
    """Bounds of the distance from the whole reference. Without seasons those of the effect, which it is then; else what
    moved against these hours says nothing of it (a Sunday may be like the whole and no Sunday): the value's own, as far
    as the smallest change that would be found is beyond the tolerance, which is no less than the error of any cell."""
    if found.known is None or found.known.baseline.sizes[index] == CONSTANT:
        return min(limits[0], value), min(1.0, value + (limits[1] - float(found.effect[index])))
    reach = float(found.answer.mde[index] - found.tolerance[index])
    return max(0.0, value - reach), min(1.0, value + reach)


def _of_horizon(found: _Found, index: int) -> dict[str, Any]:
    """What a reader of the number should know of the reference behind it."""
    details: dict[str, Any] = {"short_reference": True} if found.short[index] else {}
    known = found.known
    if known is None:
        return {**details, "reference_windows": 0}
    details["reference_windows"] = int(known.windows[index])
    if known.learned[index]:
        details["learned"] = True
    if known.odd[index].any():
        details["odd_hours"] = as_details(known.odd[index])
    if known.baseline.sizes[index] > CONSTANT:
        details["season"] = "day" if known.baseline.sizes[index] == DAILY else "day and week"
    if found.silent_at[index] > 1:
        details["silent_at"] = float(np.ceil(1000 * found.silent_at[index]) / 1000)
    if known.factor[index] > 1:
        details["calibration"] = float(known.factor[index])
    if not known.replayed:
        details["replayed"] = False
    if found.answer.sudden[index]:
        details["sudden"] = True
    return details


def feature_of(name: str) -> str | None:
    """``feature.age`` is about the feature age; any other column is about none."""
    return name.removeprefix("feature.") if name.startswith("feature.") else None


def _cells(binning: Binning, name: str) -> bool:
    """Whether there is any share to look at."""
    column = binning.by_name[name]
    if isinstance(column, CategoricalColumn):
        return len(column.levels) > 0 or not column.is_open
    return len(column.cuts) > 0


def _cuts(binning: Binning, name: str) -> Array:
    column = binning.by_name[name]
    return column.cuts if isinstance(column, NumericColumn) else np.empty(0)


def _category(binning: Binning, name: str, place: int) -> str:
    column = binning.by_name[name]
    return cell.name_of(column, place) if isinstance(column, CategoricalColumn) else ""


def _no_cuts(binning: Binning, name: str, current: WindowCounts) -> Measurement:
    if isinstance(binning.by_name[name], CategoricalColumn):
        rows = int(current.counts[binning.named_or_not(name)].sum())
        return Measurement("l_infinity", None, 0, rows, feature_of(name), reason=NO_COMMON_VALUE)
    rows = int(current.counts[binning.slots(name)].sum())
    return Measurement("ks", None, 0, rows, feature_of(name), reason=NO_REFERENCE)
