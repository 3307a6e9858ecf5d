"""HDDM_W: McDiarmid's bound on a difference of weighted averages (Frías-Blanco et al. 2015)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Measurement
from detectors.streams import State, Usual, river_step

NAME = "hddm_w"


def step(state: State, errors: NDArray[np.float64], usual: Usual) -> tuple[State, Measurement]:
    """The value is the number of alarms so far, with river's defaults. It has no guarantee on false alarms."""
    return river_step(NAME, state, errors, ("river.drift.binary", "HDDMW"))
