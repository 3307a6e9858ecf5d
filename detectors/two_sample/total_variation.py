"""Total variation: half the sum of all changes of share."""

from __future__ import annotations

import numpy as np

from detectors.sample import Comparison, Sample
from detectors.tables import table


def compare(reference: Sample, current: Sample) -> Comparison:
    """½ Σ |p - q|, on the reference's deciles or per category."""
    counts = table(reference, current)
    p, q = counts.shares
    return Comparison(float(np.abs(p - q).sum() / 2), details=counts.details)
