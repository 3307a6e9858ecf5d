"""``auto``: how many rows moved, and is it certain that more than the tolerance did?

Numeric columns: metric ``ks``, the largest change of the share below any cut. Categorical columns: ``l_infinity``, the
largest change of any category's share. All columns of a kind at once; missing and non-finite values are left to
data quality.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, CategoricalColumn, NumericColumn
from detectors.measurement import MINIMUM_ROWS, NO_REFERENCE, TOO_FEW_ROWS, Measurement
from detectors.profile import Reference
from detectors.rise import SHORT_TOLERANCE
from detectors.shares import cells as cell
from detectors.shares.bounds import Answer, Shares, rows_below_cuts, rows_in_categories, rule_of_windows
from detectors.shares.variance import Spread, reference_spread
from detectors.summary import WindowCounts

Array = NDArray[np.float64]


def measure_drift(
    binning: Binning,
    names: Sequence[str],
    current: WindowCounts,
    reference: Reference,
    *,
    length_hours: int,
    tolerance: float,
    alpha: float,
) -> list[Measurement]:
    """Drift of each named column, in the order of ``names``; ``feature`` is the name without ``feature.``.

    ``value`` = ``effect`` is a share of rows; the bounds hold at ``alpha``; ``p_value`` is that of H0: at most
    ``tolerance`` of the rows moved, and p <= alpha where ``effect_lower`` >= tolerance. Reasons: ``no_reference`` (the
    reference has no usable value of the column), ``too_few_rows`` (under 30 usable values in the window).
    """
    data = _Data(binning, current, reference, length_hours, tolerance, alpha)
    found: dict[str, Measurement] = {}
    numeric = [name for name in names if isinstance(binning.by_name[name], NumericColumn)]
    cut = [name for name in numeric if len(_cuts(binning, name))]
    if cut:
        found.update(zip(cut, _measure_numeric(data, cut), strict=True))
    categorical = [name for name in names if isinstance(binning.by_name[name], CategoricalColumn)]
    if categorical:
        found.update(zip(categorical, _measure_categorical(data, categorical), strict=True))
    for name in set(numeric) - set(cut):
        found[name] = _no_cuts(binning, name, current)
    return [found[name] for name in names]


@dataclass(frozen=True)
class _Data:
    binning: Binning
    current: WindowCounts
    reference: Reference
    length_hours: int
    tolerance: float
    alpha: float

    def shares(self, make: Callable[[Binning, Sequence[str]], cell.Cells], names: Sequence[str]) -> Shares:
        cells = cell.remembered(make, self.binning, names)
        now, n = cells.count(self.current.counts)
        then, m = cells.count(self.reference.total)
        return Shares(cells, now, then, n, m)

    def spread(self, cells: cell.Cells) -> Spread:
        return reference_spread(cells, self.reference, self.length_hours, self.current.end_hour)

    def tolerances(self, spread: Spread) -> Array:
        return np.where(spread.enough, self.tolerance, max(SHORT_TOLERANCE, self.tolerance))


def _measure_numeric(data: _Data, names: Sequence[str]) -> list[Measurement]:
    triggers = data.shares(cell.trigger_cuts, names)
    spread = data.spread(triggers.cells)
    tolerance = data.tolerances(spread)
    cuts = data.shares(cell.every_cut, names)
    distance, place = cuts.cells.largest(cuts.change)
    rows = rows_below_cuts(distance, cuts.n, cuts.m, tolerance, data.alpha)
    answer = rows.and_also(rule_of_windows(triggers, spread, tolerance, data.alpha), spread.enough)
    bins = data.shares(cell.every_bin, names)
    hidden, _ = bins.cells.largest(np.maximum(bins.p, bins.q))
    inner = place - cuts.cells.starts
    details = [
        {
            "edges": _cuts(data.binning, name).tolist(),
            "cut": float(_cuts(data.binning, name)[inner[index]]),
            "error_bound": float(hidden[index]),
            "direction": "lower" if cuts.p[place[index]] > cuts.q[place[index]] else "higher",
        }
        for index, name in enumerate(names)
    ]
    return _report("ks", names, data, _Found(cuts, distance, place, answer, spread, tolerance), details)


def _measure_categorical(data: _Data, names: Sequence[str]) -> list[Measurement]:
    shares = data.shares(cell.categories, names)
    spread = data.spread(shares.cells)
    tolerance = data.tolerances(spread)
    distance, place = shares.cells.largest(shares.change)
    rows = rows_in_categories(shares, tolerance, data.alpha)
    answer = rows.and_also(rule_of_windows(shares, spread, tolerance, data.alpha), spread.enough)
    inner = place - shares.cells.starts
    details = [
        {
            "category": _category(data.binning, name, int(inner[index])),
            "direction": "more" if shares.p[place[index]] > shares.q[place[index]] else "less",
        }
        for index, name in enumerate(names)
    ]
    return _report("l_infinity", names, data, _Found(shares, distance, place, answer, spread, tolerance), details)


@dataclass(frozen=True)
class _Found:
    shares: Shares
    distance: Array
    place: NDArray[np.int64]
    answer: Answer
    spread: Spread
    tolerance: Array


def _report(
    metric: str, names: Sequence[str], data: _Data, found: _Found, details: list[dict[str, Any]]
) -> list[Measurement]:
    return [_one(metric, name, data, found, index, details[index]) for index, name in enumerate(names)]


def _one(metric: str, name: str, data: _Data, found: _Found, index: int, details: dict[str, Any]) -> Measurement:
    n, m = round(float(found.shares.n[index])), round(float(found.shares.m[index]))
    if n == 0 or m == 0:
        return Measurement(metric, None, m, n, feature_of(name), reason=TOO_FEW_ROWS if m else NO_REFERENCE)
    effect, limit = float(found.distance[index]), float(found.answer.lower[index])
    lower, upper = min(max(0.0, limit), effect), min(1.0, float(found.answer.upper[index]))
    details |= {
        "share_reference": float(found.shares.q[found.place[index]]),
        "share_current": float(found.shares.p[found.place[index]]),
        "tolerance": float(found.tolerance[index]),
        "reference_windows": int(found.spread.windows[index]),
    }
    if not found.spread.enough[index]:
        details["short_reference"] = True
    return Measurement(
        metric,
        effect,
        m,
        n,
        feature_of(name),
        lower,
        upper,
        float(found.answer.p_value[index]),
        effect,
        lower,
        upper,
        min(1.0, float(found.answer.mde[index])),
        data.alpha,
        TOO_FEW_ROWS if n < MINIMUM_ROWS else None,
        details,
    )


def feature_of(name: str) -> str | None:
    """``feature.age`` is about the feature age; any other column is about none."""
    return name.removeprefix("feature.") if name.startswith("feature.") else None


def _cuts(binning: Binning, name: str) -> Array:
    column = binning.by_name[name]
    return column.cuts if isinstance(column, NumericColumn) else np.empty(0)


def _category(binning: Binning, name: str, place: int) -> str:
    column = binning.by_name[name]
    return cell.category_names(column)[place] if isinstance(column, CategoricalColumn) else ""


def _no_cuts(binning: Binning, name: str, current: WindowCounts) -> Measurement:
    rows = int(current.counts[binning.slots(name)].sum())
    return Measurement("ks", None, 0, rows, feature_of(name), reason=NO_REFERENCE)
