"""Means of the numbers that a service sends about itself: ``metric.NAME``. Values only."""

from __future__ import annotations

import numpy as np

from detectors.cuts import Binning
from detectors.intervals import Z95
from detectors.measurement import Measurement
from detectors.summary import WindowCounts


def metric_means(binning: Binning, current: WindowCounts) -> list[Measurement]:
    """One per metric that has values, with its normal 95 % interval."""
    found = []
    for row, column in enumerate(binning.numeric):
        count = int(current.counts[binning.slots(column.name)].sum())
        if not column.name.startswith("metric.") or count == 0:
            continue
        total, squares = (float(part) for part in current.moments[row])
        mean = total / count
        variance = max(squares / count - mean**2, 0.0) * count / max(count - 1, 1)
        reach = Z95 * float(np.sqrt(variance / count))
        found.append(Measurement(column.name, mean, 0, count, lower=mean - reach, upper=mean + reach))
    return found
