"""Where scores of two classes are cut beside their quantiles j/64: finer at both ends, and where the classes part.

What is rare lies in one end of the scores. If fewer rows than a bin holds are predicted positive, what the rows of
that bin are worth on average says nothing of those.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Array = NDArray[np.float64]

MUCH = 1 / 8  # of the rarer predicted class: so much of it in one bin has to be told apart from the rest of the bin
_BIN = 1 / 64
_FIRST = 7  # the quantiles 1/128, 1/256, ... and the like from above
_LEAST = 32  # rows that are left in the bin at the end


def tails(ordered: Array) -> Array:
    """Cuts at ever smaller shares of the sorted scores [n], from either end: each halves what is beyond."""
    last = int(np.log2(max(len(ordered) / _LEAST, 1)))
    beyond = np.floor(len(ordered) * 0.5 ** np.arange(_FIRST, last + 1)).astype(np.int64)
    found = np.concatenate([ordered[beyond - 1], ordered[len(ordered) - beyond - 1]])
    return found[found < ordered[-1]] if len(ordered) else found


def threshold(classes: tuple[str, ...], scores: Array, predicted: Any | None) -> Array:
    """The cut [1] with as many scores at or below as rows are predicted to be of the first class: if one threshold on
    the score makes the classes, they part there. None [0] where only one of the two is predicted, or both so often that
    bins between quantiles hold little of either (``MUCH``).

    ``scores`` float64 [n], NaN where none; ``predicted`` pyarrow array of strings [n].
    """
    if predicted is None or len(classes) != 2:
        return np.empty(0)
    place = pc.index_in(predicted.cast(pa.string()), value_set=pa.array(classes, type=pa.string()))
    said = pc.fill_null(place, -1).to_numpy(zero_copy_only=False)
    ordered = np.sort(scores[np.isfinite(scores) & (said >= 0)])
    negative = int(np.count_nonzero(np.isfinite(scores) & (said == 0)))
    rarer = min(negative, len(ordered) - negative)
    return ordered[negative - 1 : negative] if 0 < rarer * MUCH < len(ordered) * _BIN else np.empty(0)
