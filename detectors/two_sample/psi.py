"""Population stability index: Σ (p - q) ln(p / q)."""

from __future__ import annotations

import numpy as np

from detectors.sample import Comparison, Sample
from detectors.tables import table


def compare(reference: Sample, current: Sample) -> Comparison:
    """On the reference's deciles, or per category, with half a row added to each cell (Yurdakul 2018)."""
    counts = table(reference, current)
    p, q = counts.smoothed
    return Comparison(float(np.sum((p - q) * np.log(p / q))), details=counts.details)
