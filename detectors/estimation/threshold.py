"""Which rows of a reference were predicted positive, if one threshold on the score makes the classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, CategoricalColumn
from detectors.estimation.bins import SharedBins
from detectors.estimation.cbpe import split
from detectors.performance.scored import LabelCounts, confusion, score_bins
from detectors.profile import Reference
from detectors.score_cuts import MUCH
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

OTHER_RULE = 0.01  # of the rows: so far the classes may be from what one threshold on the score would say
OF_RARER = 0.05  # of the rows of the rarer predicted class: of few rows a hundredth of all is more than there are


@dataclass(frozen=True)
class Parted:
    """Labelled rows [2, B + 1] (negative, positive) of bins of the score, of which bin ``place``, in which rows of both
    predicted classes are, is two: ``part`` of its rows, which were predicted negative, and the others."""

    labelled: Array
    place: int
    part: float

    def split(self, rows: Array, positive_share: float) -> Array:
        """A window's rows by bin [B] apart by predicted class, [2, B + 1]; see ``cbpe.split``. Where its classes part
        in that bin the parts are the reference's, else the bin has both in the reference's proportion."""
        said = split(rows, positive_share)
        here, beyond = said[:, self.place], (said[0, self.place + 1 :].sum(), said[1, : self.place].sum())
        if max(beyond) < _HALF:
            low, high = np.array([here[0], 0.0]), np.array([0.0, here[1]])
        else:
            low, high = here * self.part, here * (1 - self.part)
        return np.column_stack([said[:, : self.place], low, high, said[:, self.place + 1 :]])


_HALF = 0.5  # of a row: sums of shares are not quite whole numbers


def is_threshold(binning: Binning, reference: Reference) -> bool:
    """Whether one threshold on the score explains the reference's classes: its true positives and true negatives."""
    if "threshold" not in reference.memo:
        reference.memo["threshold"] = _explains(binning, reference.labels)
    known: bool = reference.memo["threshold"]
    return known


def parted(binning: Binning, bins: SharedBins, reference: Reference) -> Parted | None:
    """Of a reference whose classes one threshold explains; None where its classes part between two bins, as where the
    scores are cut at the threshold, or in one that holds little of either class. Worked out once."""
    if "parted" not in reference.memo:
        labelled = np.stack([bins.labelled(part) for part in score_bins(binning.scores, reference.labels.counts)])
        reference.memo["parted"] = _part(labelled, _table(binning, reference.labels))
    known: Parted | None = reference.memo["parted"]
    return known


def positive_share(binning: Binning, current: WindowCounts) -> float | None:
    """Share of the two classes' predictions that are positive."""
    counts = [predicted_rows(binning, current, name) for name in binning.scores.classes]
    negative, positive = (0.0 if one is None else one for one in counts)
    return positive / (negative + positive) if negative + positive else None


def predicted_rows(binning: Binning, current: WindowCounts, name: str) -> float | None:
    """Rows that were predicted to be of a class; None where it has no slot of its own."""
    column = binning.by_name.get("prediction")
    if not isinstance(column, CategoricalColumn):
        return None
    if name in column.levels:
        return float(current.counts[binning.slots("prediction")][column.levels.index(name)])
    # Cuts of before each of two classes had a slot: a class of under a thousandth is alone among the rare values.
    return float(current.counts[binning.extra("prediction", "other")]) if column.rare == {name} else None


def _table(binning: Binning, labels: LabelCounts) -> Array:
    found: Array = confusion(binning.scores, labels.counts)[:2, :2].astype(np.float64)
    return found


def _explains(binning: Binning, labels: LabelCounts) -> bool:
    negative, positive = (part.astype(np.float64) for part in score_bins(binning.scores, labels.counts))
    table, rows = _table(binning, labels), negative + positive
    if table.sum() <= 0 or rows.sum() <= 0:
        return False
    table *= rows.sum() / table.sum()
    place, claimed, hits = _at_threshold(negative, positive, table)
    least, most = max(0.0, claimed - negative[place]), min(claimed, positive[place])
    off = max(least - hits, hits - most, 0.0)
    return bool(off <= min(OTHER_RULE * rows.sum(), max(OF_RARER * table.sum(axis=0).min(), 1.0)))


def _at_threshold(negative: Array, positive: Array, table: Array) -> tuple[int, float, float]:
    """The bin in which a threshold would part the predicted classes of ``table`` (truth x said), how many rows in it
    were then predicted positive, and how many of them were, if those above it were all predicted positive."""
    rows = negative + positive
    claimed = split(rows, float(table[:, 1].sum() / rows.sum()))[1]
    place = int(np.flatnonzero(claimed > 0)[0]) if (claimed > 0).any() else len(rows) - 1
    return place, float(claimed[place]), float(table[1, 1] - positive[place + 1 :].sum())


def _part(labelled: Array, table: Array) -> Parted | None:
    rows = labelled.sum(axis=0)
    if table.sum() <= 0 or rows.sum() <= 0:
        return None
    negative, positive = labelled
    table = table * rows.sum() / table.sum()
    place, claimed, hits = _at_threshold(negative, positive, table)
    if min(claimed, rows[place] - claimed) < _HALF or rows[place] <= MUCH * table.sum(axis=0).min():
        return None
    hits = float(np.clip(hits, max(0.0, claimed - negative[place]), min(claimed, positive[place])))
    high = np.array([claimed - hits, hits])
    made = np.column_stack([labelled[:, :place], labelled[:, place] - high, high, labelled[:, place + 1 :]])
    return Parted(made, place, float(1 - claimed / rows[place]))
