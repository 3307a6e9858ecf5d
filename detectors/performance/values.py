"""The value of every metric of many sets of labelled rows at once: ``Score`` without its interval.

Every function takes counts [..., Lc] and sums [..., S], which need not be whole, and answers [...]: NaN where the
metric is not defined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import ScoreLayout
from detectors.performance import ratios
from detectors.performance.others import table_and_hits
from detectors.performance.ratios import Ratio
from detectors.performance.scored import score_bins

Array = NDArray[np.float64]
Values = Callable[[ScoreLayout, Array, Array], Array]


def _ratio(part: Any, whole: Any) -> Array:
    whole = np.asarray(whole, np.float64)
    found = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found


def _of(ratio: Ratio) -> Values:
    return lambda layout, counts, sums: _ratio(*ratio(layout, counts, sums))


def _roc_auc(layout: ScoreLayout, counts: Array, sums: Array) -> Array:
    if not len(layout.score_cuts):
        return np.full(counts.shape[:-1], np.nan)
    negative, positive = score_bins(layout, counts)
    above = np.cumsum(negative, axis=-1) - negative / 2
    return _ratio((positive * above).sum(axis=-1), positive.sum(axis=-1) * negative.sum(axis=-1))


def _macro(layout: ScoreLayout, counts: Array, rows: Callable[[Array, Array], Array], *, of_f1: bool = False) -> Array:
    """Mean over the classes that occur of the share of ``rows`` [..., C] that are hits."""
    table, hits = table_and_hits(layout, counts)
    each = np.nan_to_num(_ratio(hits, rows(table, hits)))
    each = 2 * each / (1 + each) if of_f1 else each
    occurs = table.sum(axis=-1) + table.sum(axis=-2) > 0
    return _ratio((each * occurs).sum(axis=-1), occurs.sum(axis=-1))


def _macro_precision(layout: ScoreLayout, counts: Array, sums: Array) -> Array:
    return _macro(layout, counts, lambda table, hits: table.sum(axis=-2))


def _macro_recall(layout: ScoreLayout, counts: Array, sums: Array) -> Array:
    return _macro(layout, counts, lambda table, hits: table.sum(axis=-1))


def _macro_f1(layout: ScoreLayout, counts: Array, sums: Array) -> Array:
    def either(table: Array, hits: Array) -> Array:
        found: Array = table.sum(axis=-1) + table.sum(axis=-2) - hits
        return found

    return _macro(layout, counts, either, of_f1=True)


def _bias(layout: ScoreLayout, counts: Array, sums: Array) -> Array:
    return _ratio(sums[..., 0], counts[..., 0])


def _rmse(layout: ScoreLayout, counts: Array, sums: Array) -> Array:
    return np.sqrt(_ratio(*ratios.mse(layout, counts, sums)))


def _r2(layout: ScoreLayout, counts: Array, sums: Array) -> Array:
    mean = _ratio(sums[..., 4], counts[..., 0])
    spread = _ratio(sums[..., 5], counts[..., 0]) - mean**2
    return 1 - _ratio(_ratio(sums[..., 2], counts[..., 0]), np.where(spread > 1e-12 * mean**2, spread, np.nan))


VALUES: Mapping[str, Mapping[str, Values]] = {
    "binary": {
        "accuracy": _of(ratios.accuracy),
        "precision": _of(ratios.precision),
        "recall": _of(ratios.recall),
        "f1": _of(ratios.f1),
        "roc_auc": _roc_auc,
        "log_loss": _of(ratios.log_loss),
        "brier": _of(ratios.brier),
    },
    "multiclass": {
        "accuracy": _of(ratios.accuracy),
        "macro_precision": _macro_precision,
        "macro_recall": _macro_recall,
        "macro_f1": _macro_f1,
        "log_loss": _of(ratios.log_loss),
    },
    "regression": {"mae": _of(ratios.mae), "rmse": _rmse, "bias": _bias, "r2": _r2},
}
