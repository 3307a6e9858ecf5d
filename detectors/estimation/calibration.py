"""What a score is worth: the share of positives (several classes: of right predictions) among rows that have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # loads scipy.optimize where it is first needed
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """``share`` [B]: expected share of hits by bin, never falling; ``variance`` [B] of it; ``rows`` it rests on."""

    share: Array
    variance: Array
    rows: float


def calibrate(misses: Array, hits: Array) -> Calibration | None:
    """From labelled rows by bin, [B] each; None without any.

    Isotonic regression weighted by rows (Zadrozny and Elkan 2002); a bin without rows lies on the line between its
    neighbours. The variance is the binomial one of the bin's own rows, with one hit and one miss added, so that a bin
    of few rows is never certain; that isotonic regression borrows from neighbours is not counted in its favour.
    """
    rows = misses + hits
    there = np.flatnonzero(rows > 0)
    if not len(there):
        return None
    fitted = scipy.optimize.isotonic_regression(hits[there] / rows[there], weights=rows[there]).x
    share = np.interp(np.arange(len(rows)), there, fitted)
    cautious = (share * rows + 1) / (rows + 2)
    return Calibration(share, cautious * (1 - cautious) / (rows + 2), float(rows.sum()))
