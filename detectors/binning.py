"""Makes a binning from the columns of a model's first reference (or from none at all)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors.cuts import ERROR, LEVELS, Binning, CategoricalColumn, Column, NumericColumn, ScoreLayout
from detectors.embedding.features import make_column
from detectors.levels import dictionary
from detectors.pairs import counting as pairs
from detectors.score_cuts import tails, threshold
from detectors.summary import ColumnValues

Kind = Literal["numeric", "categorical", "embedding"]

MOST_LEVELS = 200
LEAST_SHARE = 0.001
MOST_RARE = 100_000
APART = 3.0  # standard deviations of a count

# About 5 % apart from 0.01 ms to 10^7 ms: interpolated percentiles are good to about 2 %.
LATENCY_CUTS: NDArray[np.float64] = np.geomspace(1e-2, 1e7, 426)
VENTILES: NDArray[np.float64] = np.arange(1, 20) / 20
_NONE: NDArray[np.float64] = np.empty(0)
SCORE_STEPS = 512  # ties inside a bin of 1/512 cost AUC at most 0.001


def make_binning(columns: Mapping[str, ColumnValues], kinds: Mapping[str, Kind], scores: ScoreLayout) -> Binning:
    """Choose the cuts and levels of every column in ``kinds`` (in its order) from ``columns``.

    A column of ``kinds`` without values (absent, or with no usable row) has no cuts and no levels: before any
    reference only rows, missing values and moments are counted.
    """
    made = tuple(_column(name, kind, columns, scores) for name, kind in kinds.items())
    ranked = {one.name: _unsorted(columns, one.name) for one in made if pairs.is_ranked(one)}
    return Binning(made, scores, pairs=pairs.choose(made, ranked))


def _unsorted(columns: Mapping[str, ColumnValues], name: str) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = pc.cast(columns[name].values, pa.float64()).to_numpy(zero_copy_only=False)
    return numbers


def score_layout(
    task: str, classes: tuple[str, ...], scores: NDArray[np.float64] | None, predicted: Any | None = None
) -> ScoreLayout:
    """How labelled rows are counted. ``scores`` float64 [n] of the reference, NaN where none, or ``None``: binary, the
    positive class's probability; multiclass, the highest; regression, the prediction. ``predicted``: of two classes
    the predicted ones, a pyarrow array of canonical strings [n].

    Binary cuts are the union of the grid j/512 and the reference's own quantiles j/512, so that the area under the ROC
    curve from counts is within 0.001 of that from rows, wherever the scores crowd. Else they are quantiles at which the
    column itself is cut (regression: the ventiles), so that labelled rows can be set beside all rows.
    """
    finite = np.empty(0) if scores is None else np.sort(scores[np.isfinite(scores)])
    if scores is None or len(finite) == 0:
        return ScoreLayout(task, classes)
    if task == "binary":
        grid = np.arange(1, SCORE_STEPS) / SCORE_STEPS
        finer = [tails(finite), threshold(classes, scores, predicted)]
        return ScoreLayout(task, classes, np.unique(np.concatenate([grid, _quantiles(finite, grid), *finer])))
    cuts = np.unique(_quantiles(finite, LEVELS if task == "multiclass" else VENTILES))
    return ScoreLayout(task, classes, cuts[cuts < finite[-1]])


def _column(name: str, kind: Kind, columns: Mapping[str, ColumnValues], scores: ScoreLayout) -> Column:
    values = columns.get(name)
    if name == "latency_ms":
        return NumericColumn(name, LATENCY_CUTS, np.empty(0), -np.inf, np.inf)
    if name.startswith("metric."):
        return _numeric(name, np.empty(0))
    if name == ERROR:
        return CategoricalColumn(name, ())
    if kind == "embedding":
        return make_column(name, None if values is None else values.values, zlib.crc32(name.encode()))
    if kind == "categorical":
        classes = scores.classes if name == "prediction" and scores.task == "binary" else ()
        return CategoricalColumn(name, ()) if values is None else _categorical(name, values, classes)
    ordered = np.empty(0) if values is None else _floats(values)
    finer = _finer(ordered, columns, scores) if name == "score" and scores.task == "binary" else _NONE
    return _numeric(name, ordered, finer)


def _finer(ordered: NDArray[np.float64], columns: Mapping[str, ColumnValues], scores: ScoreLayout) -> Any:
    """Cuts of the column of scores that labelled rows have, too."""
    if len(ordered) == 0:
        return _NONE
    predicted = columns.get("prediction")
    parted = threshold(scores.classes, _unsorted(columns, "score"), None if predicted is None else predicted.values)
    return np.intersect1d(np.concatenate([tails(ordered), parted]), scores.score_cuts)


def _floats(values: ColumnValues) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = pc.cast(values.values, pa.float64()).to_numpy(zero_copy_only=False)
    return np.sort(numbers[np.isfinite(numbers)])


def _quantiles(ordered: NDArray[np.float64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smallest values with at least these shares of the sorted sample at or below (the inverse of the ECDF)."""
    ranks = np.ceil(probabilities * len(ordered) - 1e-9).astype(np.int64)
    picked: NDArray[np.float64] = ordered[np.maximum(ranks, 1) - 1]
    return picked


def _numeric(name: str, ordered: NDArray[np.float64], finer: NDArray[np.float64] = _NONE) -> NumericColumn:
    if len(ordered) == 0:
        return NumericColumn(name, np.empty(0), np.empty(0), -np.inf, np.inf)
    quantiles = _quantiles(ordered, LEVELS)
    atoms = _atoms(ordered)
    # A heavy value gets a cut at it and one just below: then a move in or out of it, however small, is seen exactly.
    below = np.nextafter(atoms, -np.inf)
    cuts = np.unique(np.concatenate([quantiles[quantiles < ordered[-1]], atoms, below, finer]))
    cuts = cuts[np.isfinite(cuts)]
    levels = np.searchsorted(ordered, cuts, side="right") / len(ordered)
    return NumericColumn(name, cuts, levels, float(ordered[0]), float(ordered[-1]))


def _atoms(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values with at least 1/64 of the rows, and more than one."""
    distinct, counts = np.unique(ordered, return_counts=True)
    return distinct[counts >= max(2.0, len(ordered) / 64)]


def _categorical(name: str, values: ColumnValues, always: tuple[str, ...] = ()) -> CategoricalColumn:
    """The commonest levels get slots: at most 200, each with 0.1 % of the rows (so all, up to 1,000 rows). So do those
    of ``always``, however rare."""
    codes, distinct = dictionary(values.values)
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    return levels_of_counts(name, distinct.to_pylist(), counts, always)


def levels_of_counts(
    name: str, distinct: Sequence[str], counts: NDArray[Any], always: tuple[str, ...] = ()
) -> CategoricalColumn:
    """The same of distinct values and how often each comes, [K]."""
    names = np.array(distinct, dtype=object)
    order = np.lexsort((names.astype(str), -counts))
    order = order[counts[order] > 0]
    kept = min(MOST_LEVELS, int(np.count_nonzero(counts >= LEAST_SHARE * counts.sum())), len(order))
    common, unseen = _common(counts[order], kept), _unseen(counts[order])
    named = [*names[order[:kept]], *(one for one in names[order[kept:]] if one in always)]
    rare = frozenset(names[order[kept : kept + MOST_RARE]]) - {*always}
    return CategoricalColumn(name, tuple(named), rare, common=common, unseen=unseen)


def _common(counts: NDArray[np.int64], kept: int) -> int:
    """Of the ``kept`` first of decreasing counts: how many are parted from the next by more than chance moves both.
    Where counts come one after the other without such a gap, those on top are there by luck, and will be rarer."""
    reach = APART * np.sqrt(counts)
    low, high = counts - reach, np.append(counts + reach, 0.0)[1:]
    apart = np.flatnonzero((low > high)[:kept])
    return int(apart[-1]) + 1 if len(apart) else 0


def _unseen(counts: NDArray[np.int64]) -> float:
    """The share of the next rows that is of values which none of these is: as many as values were seen once, of all
    rows, and a standard error of that (Good 1953)."""
    once, twice = (int(np.count_nonzero(counts == times)) for times in (1, 2))
    return min(1.0, (once + float(np.sqrt(once + 2 * twice))) / max(int(counts.sum()), 1))
