"""Direct loss estimation of a regression from features and prediction, as NannyML's DLE does it: boosted trees learn on
the reference's labelled rows how far off a prediction will be.

They see what the prediction alone does not tell: that inputs moved to where the model is worse. Concept drift they do
not see either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import special

from detectors.boosted import fit_trees
from detectors.intervals import Z95
from detectors.levels import dictionary
from detectors.multivariate.domain_classifier import Rows
from detectors.performance.estimate import Estimate

Array = NDArray[np.float64]

TREES, RATE = 100, 0.1  # with 31 leaves of 20 rows: LightGBM's defaults, which NannyML uses
MOST_LEVELS = 200  # of a category; the trees take at most 255
LEAST_ROWS = 500  # labelled rows
MOST_CELLS = 1_000_000  # rows times features: some ten seconds, once per reference
GROUPS = 5  # of blocks of time, each left out once
FEW = float(special.stdtrit(GROUPS - 1, 0.975) / Z95)  # a standard error from so few groups is itself uncertain
DETAILS: Mapping[str, Any] = {"estimator": "dle"}


@dataclass(frozen=True)
class Expected:
    """Of n rows: ``loss`` [n], expected |e|, and by trees without each group of the reference's rows,
    ``left_out`` [GROUPS, n]; ``square`` [n], expected e^2; ``own`` [2, n], the variances of |e| and e^2 around them."""

    loss: Array
    left_out: Array
    square: Array
    own: Array

    def __len__(self) -> int:
        return len(self.loss)

    @classmethod
    def join(cls, parts: Sequence[Expected]) -> Expected:
        """Of all their rows."""
        names = ("loss", "left_out", "square", "own")
        return cls(*(np.concatenate([getattr(one, name) for one in parts], axis=-1) for name in names))


@dataclass(frozen=True)
class LossTrees:
    """What the error is expected to be, of rows with these ``features``. ``levels``: of those that are categories, the
    values that are told apart. Trees for |e|, fitted on all rows (``loss``) and without each group (``left_out``), and
    for e^2 (``square``); ``spread`` [2]: variance of a row's |e| (e^2) around what is expected, as a multiple of the
    expected one squared."""

    features: tuple[str, ...]
    levels: Mapping[str, pa.Array]
    loss: Any
    left_out: Sequence[Any]
    square: Any
    spread: Array

    def expected(self, columns: Mapping[str, pa.Array]) -> Expected:
        """Of rows; a feature that is not among ``columns`` is null."""
        from threadpoolctl import threadpool_limits

        matrix = _matrix(self.features, self.levels, columns)
        fits = (self.loss, self.square, *self.left_out)
        if not len(matrix):
            return Expected(np.empty(0), np.empty((GROUPS, 0)), np.empty(0), np.empty((2, 0)))
        with threadpool_limits(1):  # the same sums in the same order, whatever the machine
            loss, square, *left_out = (one.predict(matrix) for one in fits)
        return Expected(loss, np.stack(left_out), square, self.spread[:, None] * np.stack([loss, square]) ** 2)


def fit_loss_trees(features: Sequence[str], labelled: Rows, loss: Array) -> LossTrees | None:
    """Trees for ``loss`` [n], the absolute errors of the reference's labelled rows, from columns ``features`` (float64
    or string). None with fewer than 500 rows or five blocks of time. The same rows give the same trees to the bit."""
    sound = np.isfinite(np.square(loss))
    if not sound.all():  # what is off by more than can be squared would be all that the trees learn
        kept = pa.array(np.flatnonzero(sound))
        labelled = Rows({name: labelled.columns[name].take(kept) for name in features}, labelled.blocks[sound])
        loss = loss[sound]
    step = -(-len(loss) * len(features) // MOST_CELLS)
    if step > 1:
        some = pa.array(np.arange(0, len(loss), step))
        labelled = Rows({name: labelled.columns[name].take(some) for name in features}, labelled.blocks[::step])
        loss = loss[::step]
    group = np.unique(labelled.blocks, return_inverse=True)[1] % GROUPS
    if len(loss) < LEAST_ROWS or len(np.unique(group)) < GROUPS:
        return None
    known = [name for name in features if labelled.columns[name].null_count < len(loss)]
    levels = {name: _levels(labelled.columns[name]) for name in known if not _is_number(labelled.columns[name])}
    matrix = _matrix(known, levels, labelled.columns)
    return _learned(tuple(known), levels, matrix, loss, group)


def estimate_losses(expected: Expected, total: int) -> dict[str, Estimate]:
    """``mae`` and ``rmse`` of ``total`` rows with 95 % normal limits, from what is expected of some of them.

    The variance is the rows' own, that of a sample of them where not all were looked at, and what the reference leaves
    open: the delete-a-group jackknife (Kott 2001). The root's by the delta method on the logarithm's scale.
    """
    values = np.stack([expected.loss, expected.square])
    value = values.mean(axis=1)
    own = expected.own.mean(axis=1) / total
    sampled = values.var(axis=1) * max(1 / len(expected) - 1 / total, 0.0)
    apart = expected.left_out.mean(axis=1)
    open_ = FEW**2 * (GROUPS - 1) / GROUPS * float(((apart - apart.mean()) ** 2).sum())
    scale = np.array([1.0, 2 * value[1] / value[0] if value[0] > 0 else 0.0])  # d log e^2 = 2 d log |e|
    error = np.sqrt(own + sampled + open_ * scale**2)
    (mean, square), (of_mean, of_square) = value.tolist(), error.tolist()
    found = {"mae": Estimate(mean, max(0.0, mean - Z95 * of_mean), mean + Z95 * of_mean, total, of_mean, DETAILS)}
    if square > 0:
        root, factor = float(np.sqrt(square)), float(np.exp(Z95 * of_square / (2 * square)))
        found["rmse"] = Estimate(root, root / factor, root * factor, total, of_square / (2 * root), DETAILS)
    return found


def _learned(
    known: tuple[str, ...], levels: Mapping[str, pa.Array], matrix: Array, loss: Array, group: NDArray[np.int64]
) -> LossTrees:
    """All trees; how far single rows are from what is expected is read from rows that trees were not fitted on."""
    from threadpoolctl import threadpool_limits

    categorical = np.array([name in levels for name in known], dtype=bool)
    told, left_out = np.empty(len(loss)), []
    for place in range(GROUPS):
        held = group == place
        left_out.append(_fit(matrix[~held], categorical, loss[~held]))
        with threadpool_limits(1):
            told[held] = left_out[-1].predict(matrix[held])
    whole, square = (_fit(matrix, categorical, target) for target in (loss, loss**2))
    usual = told**2 * (loss**2).sum() / max((told**2).sum(), np.finfo(np.float64).tiny)
    spread = np.array([_relative(loss, told), _relative(loss**2, usual)])
    return LossTrees(known, levels, whole, left_out, square, spread)


def _relative(target: Array, told: Array) -> float:
    """Mean square of what is missed, as a multiple of that of what is told."""
    return float(((target - told) ** 2).sum() / max((told**2).sum(), np.finfo(np.float64).tiny))


def _fit(matrix: Array, categorical: NDArray[np.bool_], target: Array) -> Any:
    return fit_trees(matrix, target, categorical, classes=False, trees=TREES, rate=RATE)


def _is_number(values: pa.Array) -> bool:
    return bool(pa.types.is_floating(values.type))


def _levels(values: pa.Array) -> pa.Array:
    """The commonest values, the commonest first, equally common ones by name."""
    codes, distinct = dictionary(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    order = np.lexsort((distinct.to_numpy(zero_copy_only=False).astype(str), -counts))
    return distinct.take(pa.array(order[:MOST_LEVELS]))


def _matrix(features: Sequence[str], levels: Mapping[str, pa.Array], columns: Mapping[str, pa.Array]) -> Array:
    """float64 [n, features]: numbers, and codes of categories; NaN where there is no value, or none that was known."""
    matrix = np.full((len(next(iter(columns.values()))), len(features)), np.nan)
    for place, name in enumerate(features):
        values = columns.get(name)
        if values is not None:
            codes = pc.index_in(values, value_set=levels[name]) if name in levels else values
            matrix[:, place] = pc.cast(codes, pa.float64()).to_numpy(zero_copy_only=False)
    return matrix
