"""What scores are worth where only the shares of the classes changed: the calibration of another base rate.

Under label shift the scores of each class stay distributed as they were, so the odds of every score change by one
factor, that of the base rates' odds (Saerens, Latinne and Decaestecker 2002). Rows of one score then turn out otherwise
than in the reference although the relation of inputs to each class is what it was: no concept drift. Of several classes
right predictions among rows of one confidence are a mixture, too: that of the classes' own shares, at the new mix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import Binning
from detectors.estimation.bins import SharedBins
from detectors.estimation.calibration import Calibration
from detectors.estimation.class_mix import Mix
from detectors.estimation.class_table import Cells, ClassTable
from detectors.estimation.label_shift import GATE, shift_of
from detectors.estimation.labelled_mix import mix_of_labels
from detectors.performance.scored import LabelCounts
from detectors.performance.weighting import Weighting
from detectors.profile import Reference
from detectors.summary import WindowCounts

Array = NDArray[np.float64]

_LEAST = 1e-6


@dataclass(frozen=True)
class Prior:
    """The ``calibration`` at the window's base rate, and the error of the log odds that its shares have in common,
    ``odds_error``: all of them, or by bin [B] those of a tenth; ``told`` is what details say of it;
    ``holds`` whether nothing else speaks against it."""

    calibration: Calibration
    odds_error: float | Array
    told: dict[str, Any]
    holds: bool = True


def prior_of(
    binning: Binning, current: WindowCounts, reference: Reference, calibration: Calibration, level: float = GATE
) -> Prior | None:
    """Of a binary window whose scores another base rate explains; None where the gate rejects that at ``level``, or
    there are too few rows to know."""
    shift = shift_of(binning, current, reference, level)
    if shift is None:
        return None
    now, then = (float(np.clip(rate, _LEAST, 1 - _LEAST)) for rate in (shift.found.value, shift.before))
    told = {"base_rate": shift.found.value, "reference_value": shift.before, "gate_p_value": shift.found.gate_p_value}
    factor = now / (1 - now) * (1 - then) / then
    return Prior(_at(calibration, factor), shift.found.error / (now * (1 - now)), told)


def prior_of_classes(
    binning: Binning,
    current: LabelCounts,
    reference: LabelCounts,
    table: ClassTable,
    bins: SharedBins,
    calibration: Calibration,
    weighting: Weighting | None = None,
    level: float = GATE,
) -> Prior | None:
    """Of the mix of classes that labelled rows have, which does not hold where the gate rejects at ``level`` that they
    were predicted as its rows are; None where there are too few to know."""
    cells, found = Cells.of(binning), mix_of_labels(binning, current, reference, table, weighting)
    if cells is None or found is None:
        return None
    known = table.usable()
    rows = known.counts.sum(axis=(1, 2))
    before = rows / rows.sum()
    change, error = _odds(known, found, before)
    tenth = np.append(np.searchsorted(cells.cuts, bins.cuts), len(cells.cuts))  # of each bin: by its upper end
    moved = found.moved_most(rows)
    place = int(np.argmax(rows)) if moved is None else moved
    told = {
        "positive": known.classes[place],
        "base_rate": float(found.shares[place]),
        "reference_value": float(before[place]),
        "classes": {
            name: {"reference": then, "value": now}
            for name, then, now in zip(known.classes, before.tolist(), found.shares.tolist(), strict=True)
        },
        "gate_p_value": found.gate_p_value,
    }
    holds = found.gate_p_value is None or found.gate_p_value >= level
    return Prior(_at(calibration, np.exp(change)[tenth]), error[tenth], told, holds)


def _odds(known: ClassTable, found: Mix, before: Array) -> tuple[Array, Array]:
    """By how much the log odds of a right prediction change from one mix of the classes to the other, [B] by tenth of
    the confidence, with its error (delta method), from that of the mix and of each class's own shares."""
    rows = known.counts.sum(axis=(1, 2))[:, None]
    right = known.right, known.counts.sum(axis=1) - known.right
    # One row's worth of what all classes have, so that no share is none.
    own = [(part + part.sum(axis=0) / rows.sum()) / (rows + 1) for part in right]
    now, then = ([np.maximum(mix @ part, _LEAST**2) for part in own] for mix in (found.shares, before))
    change = np.log(now[0] / now[1]) - np.log(then[0] / then[1])
    pull = own[0] / now[0] - own[1] / now[1]
    variance = np.einsum("cb,cd,db->b", pull, found.covariance, pull)
    for part, new, old in zip(own, now, then, strict=True):
        each = found.shares[:, None] / new - before[:, None] / old
        variance = variance + (each**2 * part * (1 - part) / rows).sum(axis=0)
    return change, np.sqrt(np.maximum(variance, 0.0))


def _at(calibration: Calibration, factor: float | Array) -> Calibration:
    """With odds times ``factor``, one for all or one by bin; variances by the delta method."""
    share = calibration.share
    scale = 1 - share + share * factor
    return replace(calibration, share=share * factor / scale, variance=calibration.variance * (factor / scale**2) ** 2)
