"""What the rows of each class look like to a model of several classes: which class it predicts, how sure it is.

Summaries count predicted classes and confidence (the highest probability) each by itself, and labels only against the
predicted class. How both go together within a true class is counted from the reference's labelled rows, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors.cuts import Binning, CategoricalColumn, NumericColumn
from detectors.performance.scored import class_codes
from detectors.profile import mix_counts
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

LEAST_OF_EACH = 10  # labelled rows of a class that is told apart
POOLED = "other classes"  # those of fewer, and those past the hundredth, together
_TENTHS = np.arange(1, 10) / 10


@dataclass(frozen=True, eq=False)
class Cells:
    """What rows are counted by: predicted classes ``levels`` (and any other, the last cell), and tenths of the
    reference's confidence, cut at ``cuts``, which are those numbered ``places`` of the column of scores."""

    levels: tuple[str, ...]
    cuts: Array
    places: NDArray[np.int64]

    @classmethod
    def of(cls, binning: Binning) -> Cells | None:
        """None for other models than those of several classes with probabilities, or without cuts."""
        said, score = binning.by_name.get("prediction"), binning.by_name.get("score")
        if binning.scores.task != "multiclass" or not isinstance(score, NumericColumn):
            return None
        if not isinstance(said, CategoricalColumn) or not len(score.levels):
            return None
        places = score.quantile_cuts(_TENTHS)
        return cls(said.levels, score.cuts[places], places) if len(places) else None

    def seen(self, binning: Binning, current: WindowCounts) -> tuple[Array, Array]:
        """Rows of a window by predicted class [P], and by tenth [B]."""
        more = sum(current.counts[binning.extra("prediction", which)] for which in ("other", "unseen"))
        fine = current.counts[binning.slots("score")]
        said = np.append(current.counts[binning.slots("prediction")], more).astype(np.float64)
        return said, np.bincount(np.searchsorted(self.places, np.arange(len(fine))), weights=fine).astype(np.float64)


@dataclass(frozen=True, eq=False)
class ClassTable:
    """Labelled rows by true class, predicted class and tenth of the confidence: ``counts`` [C, P, B]; ``right`` [C, B]:
    those predicted right. Whole numbers, but of mixed references. Where the model has more classes than are counted by
    name the last is ``POOLED``, all others: their rows are in every window, too."""

    classes: tuple[str, ...]
    counts: NDArray[Any]
    right: NDArray[Any]

    @property
    def nbytes(self) -> int:
        """Size of the arrays."""
        return int(self.counts.nbytes + self.right.nbytes)

    @property
    def rows(self) -> int:
        """Number of labelled rows."""
        return round(float(self.counts.sum()))

    def usable(self) -> ClassTable:
        """With the classes of fewer than 10 rows, and ``POOLED``, as one, or without them where these are together
        fewer, too."""
        known = (self.counts.sum(axis=(1, 2)) >= LEAST_OF_EACH) & (np.array(self.classes) != POOLED)
        rare, rare_right = self.counts[~known].sum(axis=0), self.right[~known].sum(axis=0)
        names = tuple(name for name, one in zip(self.classes, known.tolist(), strict=True) if one)
        if rare.sum() < LEAST_OF_EACH:
            return ClassTable(names, self.counts[known], self.right[known])
        counts, right = (
            np.append(a[known], b[None], axis=0) for a, b in ((self.counts, rare), (self.right, rare_right))
        )
        return ClassTable((*names, POOLED), counts, right)

    def too_few(self) -> Array:
        """Rows by predicted class [P] of the classes that ``usable`` leaves out."""
        found: Array = (self.counts.sum(axis=(0, 2)) - self.usable().counts.sum(axis=(0, 2))).astype(np.float64)
        return found


def count_classes(
    binning: Binning, cells: Cells, truth: pa.Array, predicted: pa.Array, confidence: Array
) -> ClassTable:
    """Of labelled rows: truth and prediction pa.string [n] (canonical), confidence [n] (NaN where there is none). Rows
    without one of them, or of a truth that is no class of the model, are left out; but where not all classes are
    counted by name any other truth is ``POOLED``, null as well, and right where the prediction is none of those named,
    either (which of the others it was is not known)."""
    named, is_full = binning.scores.classes, binning.scores.is_full
    classes = (*named, POOLED) if is_full else named
    has_truth, both = (
        mask.to_numpy(zero_copy_only=False)
        for mask in (truth.is_valid(), pc.and_(truth.is_valid(), predicted.is_valid()))
    )
    actual = np.where(has_truth, class_codes(binning.scores, truth), len(named))
    place = pc.fill_null(pc.index_in(predicted, value_set=pa.array(cells.levels, pa.string())), len(cells.levels))
    said = place.to_numpy(zero_copy_only=False).astype(np.int64)
    right = pc.fill_null(pc.equal(truth, predicted), False).to_numpy(zero_copy_only=False)
    if is_full:
        right = np.where(actual < len(named), right, class_codes(binning.scores, predicted) == len(named))
        both = predicted.is_valid().to_numpy(zero_copy_only=False)
    tenth = np.searchsorted(cells.cuts, confidence)
    there = np.isfinite(confidence) & (actual < len(classes)) & both
    shape = len(classes), len(cells.levels) + 1, len(cells.cuts) + 1
    flat = np.ravel_multi_index((actual[there], said[there], tenth[there]), shape)
    hits = np.ravel_multi_index((actual[there & right], tenth[there & right]), (shape[0], shape[2]))
    counts = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
    return ClassTable(classes, counts, np.bincount(hits, minlength=shape[0] * shape[2]).reshape(shape[0], shape[2]))


def mix_tables(tables: Sequence[ClassTable], weights: Sequence[float]) -> ClassTable:
    """Of the references of several versions, in the shares that these have in a window; scaled as counts of mixed
    references are. At least one has rows."""
    first, rows = tables[0], [one.rows for one in tables]
    counts, right = (
        mix_counts([getattr(one, name).ravel() for one in tables], rows, weights).reshape(getattr(first, name).shape)
        for name in ("counts", "right")
    )
    return ClassTable(first.classes, counts, right)
