"""Made-up hours as the service would have counted them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.binning import make_binning, score_layout
from detectors.cuts import Binning
from detectors.performance.scored import label_size
from detectors.profile import ReferenceProfile
from detectors.summary import ColumnValues, HourlySummaries, summarise

LAYOUT = score_layout("regression", (), None)
Numbers = dict[str, NDArray[np.float64]]


def columns(values: Numbers) -> dict[str, ColumnValues]:
    """Each as a numeric feature."""
    nothing = np.empty(0, np.int64), np.empty(0, np.uint8)
    return {f"feature.{name}": ColumnValues(pa.array(one), *nothing) for name, one in values.items()}


def reference(hours: NDArray[np.int64], values: Numbers) -> tuple[Binning, ReferenceProfile]:
    """Cuts and profile of rows with these hours."""
    made = columns(values)
    binning = make_binning(made, dict.fromkeys(made, "numeric"), LAYOUT)
    none = np.empty(0, np.int64), np.empty((0, label_size(LAYOUT)), np.int64), np.empty((0, 6))
    return binning, ReferenceProfile.of(summarise(binning, hours, made), none, timed=True)


def traffic(binning: Binning, hours: NDArray[np.int64], values: Numbers) -> HourlySummaries:
    """Later rows on the same cuts."""
    return summarise(binning, hours, columns(values))
