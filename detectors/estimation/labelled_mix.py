"""Whether another mix of several classes explains how a window's labelled rows were predicted: the mix that they have.

Where labels are known the mix of the classes is no estimate, so nothing is explained by not knowing it. What is left to
be shown is the other half of label shift: that rows of each class look as the reference's rows of it do. Summaries
count the truth against the predicted class, and how sure the model was by itself; both must be what the reference's
classes have in the shares that the labels say. Labels that are none of its classes are no mix of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning, ScoreLayout
from detectors.estimation.class_mix import Mix, p_value_of_mix, p_value_of_more
from detectors.estimation.class_table import POOLED, Cells, ClassTable
from detectors.estimation.label_shift import GATE
from detectors.measurement import MINIMUM_ROWS
from detectors.performance.others import others_right, table_and_hits
from detectors.performance.scored import LabelCounts, confusion, score_bins
from detectors.performance.weighting import Weighting

Array = NDArray[np.float64]


def mix_of_labels(
    binning: Binning,
    current: LabelCounts,
    reference: LabelCounts,
    table: ClassTable,
    weighting: Weighting | None = None,
) -> Mix | None:
    """Of the ``usable`` classes of the table, among labelled rows of these (weighted); None where there are too few.
    Its gate is of H0: these rows were predicted as those of such a mix are, and labels of other classes are no more
    common than they were in the ``reference`` (the less of both p-values, Bonferroni)."""
    cells, known = Cells.of(binning), table.usable()
    if cells is None or len(known.classes) < 2:
        return None
    shared = _Shared.of(binning, cells, known)
    seen = shared.seen(binning, current, weighting)
    if seen.rows < MINIMUM_ROWS:
        return None
    labelled = known.counts.sum(axis=(1, 2))
    rise = float(np.max(seen.shares * labelled.sum() / labelled))
    others = p_value_of_more(*shared.others(binning, current), *shared.others(binning, reference), rise)
    too_few = shared.of_class @ table.too_few()
    mixed = p_value_of_mix(shared.like(known), seen.said, seen.sure, Mix(seen.shares, seen.covariance, None), too_few)
    told = [one for one in (others, mixed) if one is not None]
    gate = min(1.0, len(told) * min(told)) if told else None
    return Mix(seen.shares, seen.covariance, gate)


def new_labels(layout: ScoreLayout, current: LabelCounts, reference: LabelCounts) -> float | None:
    """Share of labelled rows predicted wrong whose label is none of the classes, where the reference has no such label
    and its rows do not let expect so many; else None."""
    if round(reference.weight - float(confusion(layout, reference.counts)[:-1].sum())) > 0:
        return None  # or the classes are those that are counted, and not all
    new = float(confusion(layout, current.counts)[-1].sum())
    p_value = p_value_of_more(new, current.weight, 0.0, reference.weight, 1.0)
    return new / current.weight if p_value is not None and p_value < GATE else None


@dataclass(frozen=True, eq=False)
class _Seen:
    """Of labelled rows of the table's classes: ``shares`` of these [C], with their ``covariance`` [C, C], the number of
    rows that they are worth (Kish 1965; of every class alone, the least), and as many rows by predicted class, ``said``
    [P], and confidence [B]."""

    shares: Array
    covariance: Array
    rows: float
    said: Array
    sure: Array


@dataclass(frozen=True, eq=False)
class _Shared:
    """What label summaries and the table both count: predicted classes ``of_class`` [K + 1, P] (the model's, and any
    other) of the table's, its tenths ``of_tenth`` [B, tenths] as far as scores of labels are cut there, and bins of the
    scores ``of_bin`` int64; ``member`` [C, K + 1]: which of the model's classes, or any other where the table has
    such, each of the table's is."""

    of_class: Array
    of_tenth: Array
    of_bin: NDArray[np.int64]
    member: Array

    @classmethod
    def of(cls, binning: Binning, cells: Cells, known: ClassTable) -> _Shared:
        names, edges = binning.scores.classes, np.intersect1d(cells.cuts, binning.scores.score_cuts)
        place = {name: index for index, name in enumerate(names)}
        said = [*(place.get(name, len(names)) for name in cells.levels), len(names)]
        own = {name: index for index, name in enumerate(known.classes)}
        member = np.zeros((len(known.classes), len(names) + 1))
        for index, name in enumerate(names):
            if (mine := own.get(name, own.get(POOLED))) is not None:
                member[mine, index] = 1.0
        if binning.scores.is_full and POOLED in own:
            member[own[POOLED], -1] = 1.0
        tenth = np.append(np.searchsorted(edges, cells.cuts), len(edges))
        bins = np.append(np.searchsorted(edges, binning.scores.score_cuts), len(edges)).astype(np.int64)
        return cls(np.eye(len(names) + 1)[:, said], np.eye(len(edges) + 1)[:, tenth], bins, member)

    def like(self, known: ClassTable) -> Array:
        """The table's counts [C, K + 1, B]."""
        found: Array = np.einsum("cpt,kp,bt->ckb", known.counts, self.of_class, self.of_tenth)
        return found

    def others(self, binning: Binning, labels: LabelCounts) -> tuple[float, float]:
        """Labelled rows of a class that the table does not have, and all."""
        mine = self.member @ table_and_hits(binning.scores, labels.counts)[0].sum(axis=-1)
        return max(labels.weight - float(mine.sum()), 0.0), labels.weight

    def seen(self, binning: Binning, labels: LabelCounts, weighting: Weighting | None) -> _Seen:
        """Of labelled rows."""
        layout = binning.scores
        # The rows of any other class that are right are in no cell: they have a column of their own, at the end.
        cells, hits = confusion(layout, labels.counts).astype(np.float64), np.zeros((len(layout.classes) + 1, 1))
        hits[-1] = others_right(layout, labels.counts)
        table = np.hstack([cells, hits])
        sure = np.stack(score_bins(layout, labels.counts)).astype(np.float64)
        weight, strata = np.ones_like(table), None
        if weighting is not None:
            last = np.full_like(hits, weighting.strata.others, np.int64)
            strata = np.hstack([weighting.strata.cells, last])
            weight = weighting.weight[strata]
            sure = sure * weighting.weight[weighting.strata.scores]
        mass = table * weight * (self.member.sum(axis=0) > 0)[:, None]
        of_class = self.member @ mass
        total = max(float(mass.sum()), np.finfo(float).tiny)
        each = of_class.sum(axis=1)
        shares = each / total
        squares = (self.member @ (mass * weight)).sum(axis=1)
        known = squares > 0
        # As few as those of the class that is known worst allow: its cells scatter as so many rows do, and no more.
        rows = float((each[known] * total / squares[known]).min(initial=total)) if known.any() else 0.0
        covariance = (np.diag(shares) - np.outer(shares, shares)) / max(rows, 1.0)
        if weighting is not None and strata is not None:  # each is off by one factor
            pull = (self.member[:, :, None] - shares[:, None, None]) * mass / total
            by_stratum = np.zeros((len(weighting.error), len(shares)))
            np.add.at(by_stratum, strata.ravel(), pull.reshape(len(shares), -1).T)
            off = by_stratum.T * weighting.error
            covariance = covariance + off @ off.T
        tenths = np.bincount(self.of_bin, sure.sum(axis=0), len(self.of_tenth)).astype(np.float64)
        said = of_class.sum(axis=0)
        said[-2] += said[-1]
        return _Seen(shares, covariance, rows, said[:-1] * rows / total, tenths * rows / total)
