"""What an explanation is made from: labelled rows of the reference and of the time in question."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.multivariate.domain_classifier import Rows

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """Labelled rows of one side in order of time: their features and blocks of days (``rows``), the ``loss`` [n] of the
    model on each (higher is worse), the ``truth`` [n] (the number of a class, or a quantity), and how many rows each
    stands for (``weight`` [n])."""

    rows: Rows
    loss: Array
    truth: Array
    weight: Array

    def __len__(self) -> int:
        return len(self.loss)

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """The block of each row, counted from 0, [n]."""
        found: NDArray[np.int64] = np.unique(self.rows.blocks, return_inverse=True)[1]
        return found

    @cached_property
    def blocks(self) -> int:
        """How many blocks of time there are."""
        return len(np.unique(self.rows.blocks))
