"""Two samples of numbers as rows per distinct value: what rank tests see of values, and all they see of bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.sample import Array, Binned, Sample, Values
from detectors.tables import need_rows, need_same_cuts


@dataclass(frozen=True)
class Ties:
    """Rows of both samples at each value or in each bin, in increasing order, float64 [G]; no group is empty in both.
    ``hides`` bool [G]: the group may hold several values. ``details`` say where counts stand for values."""

    reference: Array
    current: Array
    hides: NDArray[np.bool_]
    details: dict[str, Any]

    @property
    def pooled(self) -> Array:
        """Rows of both samples, [G]."""
        return self.reference + self.current


def ties(reference: Sample, current: Sample) -> Ties:
    """Group equal values; a bin is one group. Raises ``ValueError`` where a sample is empty or bins differ,
    ``TypeError`` where the samples are not numbers."""
    need_rows(reference, current)
    if isinstance(reference, Values) and isinstance(current, Values):
        values, places = np.unique(np.concatenate([reference.numbers, current.numbers]), return_inverse=True)
        split = len(reference.numbers)
        then, now = (_counted(part, len(values)) for part in (places[:split], places[split:]))
        return Ties(then, now, np.zeros(len(values), dtype=bool), {})
    if isinstance(reference, Binned) and isinstance(current, Binned):
        need_same_cuts(reference, current)
        then, now = (np.asarray(sample.counts, dtype=np.float64) for sample in (reference, current))
        used = then + now > 0
        return Ties(then[used], now[used], reference.wide[used], {"edges": reference.cuts.tolist()})
    raise TypeError("ranks are of numbers: values or bins")


def _counted(places: NDArray[np.intp], size: int) -> Array:
    return np.bincount(places, minlength=size).astype(np.float64)
