"""KSWIN: Kolmogorov-Smirnov on the newest 30 of the last 100 values (Raab, Heusinger and Schleif 2020)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Measurement
from detectors.streams import State, Usual, river_step

NAME = "kswin"

SEED = 0  # it draws from the older values


def step(state: State, errors: NDArray[np.float64], usual: Usual) -> tuple[State, Measurement]:
    """The value is the number of alarms so far, with river's defaults. It has no guarantee on false alarms."""
    return river_step(NAME, state, errors, ("river.drift", "KSWIN"), seed=SEED)
