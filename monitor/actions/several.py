"""Rows of several bodies in one batch: which row is of which body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from monitor.ingest.records import Records
from monitor.store.observations.arriving import Reject

ONE = np.array([0, np.iinfo(np.int64).max])


def begins_of(bodies: Sequence[Records]) -> NDArray[np.int64]:
    """Where the rows of each begin among those of all, and where the last one's end: int64 [bodies + 1]."""
    return np.cumsum([0, *(body.size for body in bodies)])


def owners(positions: NDArray[np.int64], begins: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which body each row is of: int64 [rows]."""
    return np.searchsorted(begins, positions, "right") - 1


def within(rejects: Sequence[Reject], begins: NDArray[np.int64]) -> Iterable[tuple[int, Reject]]:
    """Each reject with the body that it is of, and its place in that."""
    bodies = owners(np.array([reject.row for reject in rejects], np.int64), begins).tolist()
    for body, reject in zip(bodies, rejects, strict=True):
        yield body, replace(reject, row=reject.row - int(begins[body]))
