"""Share of rows whose prediction or score is of no use: null, absent, not a number, infinite, of the wrong type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.cuts import CATEGORICAL_EXTRAS, NUMERIC_EXTRAS, Binning, NumericColumn
from detectors.quality.counting import Sources, count
from detectors.quality.rise import Counted

OUTPUTS = ("prediction", "score")
SLOTS = ("missing", "nan", "mismatch", "pos_inf", "neg_inf")


def without_use(binning: Binning, name: str, counts: NDArray[Any]) -> NDArray[Any]:
    """Rows whose ``name`` is of no use, of counts [..., L]; 0 where it is no column."""
    column = binning.by_name.get(name)
    if column is None:
        return np.zeros_like(counts[..., 0])
    extras = NUMERIC_EXTRAS if isinstance(column, NumericColumn) else CATEGORICAL_EXTRAS
    found: NDArray[Any] = counts[..., [binning.extra(name, one) for one in SLOTS if one in extras]].sum(axis=-1)
    return found


def unusable_output_share(sources: Sources) -> Counted:
    """Of what the model says, by column; ``details`` count what is wrong with it."""
    names = [name for name in OUTPUTS if name in sources.binning.by_name]
    counts = sources.current.counts
    details = [{which: sources.slot(counts, name, which) for which in SLOTS} for name in names]
    return count("unusable_output_share", sources, names, SLOTS, details=details)
