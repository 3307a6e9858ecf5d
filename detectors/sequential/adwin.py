"""ADWIN: two halves of an adaptive window differ in mean (Bifet and Gavaldà 2007)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Measurement
from detectors.streams import State, Usual, river_step

NAME = "adwin"


def step(state: State, errors: NDArray[np.float64], usual: Usual) -> tuple[State, Measurement]:
    """The value is the number of alarms so far, with river's defaults. It has no guarantee on false alarms."""
    return river_step(NAME, state, errors, ("river.drift", "ADWIN"))
