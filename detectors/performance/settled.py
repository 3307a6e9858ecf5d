"""Up to where the labels of a stretch of the log are known well enough to be a reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def settled_up_to(rows: NDArray[np.int64], labelled: NDArray[np.int64], over: NDArray[np.bool_], least: float) -> int:
    """How many of the hours, from the oldest on, count with the labels that they have.

    ``rows`` and ``labelled`` int64 [T], oldest first; ``over`` [T]: hours whose label horizon is over, with whatever
    labels came (old ones, so they come first). Of the others as many as have labels of a share ``least`` of their rows
    together: what is missing is missing at the newest end, and is at most the rest of that share.
    """
    waiting = int(over.sum())
    known, there = np.cumsum(np.minimum(labelled, rows)[waiting:]), np.cumsum(rows[waiting:])
    enough = np.flatnonzero((known > 0) & (known >= least * there))
    return waiting + (int(enough[-1]) + 1 if len(enough) else 0)
