"""Hellinger distance (1909)."""

from __future__ import annotations

import numpy as np

from detectors.sample import Comparison, Sample
from detectors.tables import table


def compare(reference: Sample, current: Sample) -> Comparison:
    """√(½ Σ (√p - √q)²), on the reference's deciles or per category."""
    counts = table(reference, current)
    p, q = counts.shares
    return Comparison(float(np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2)), details=counts.details)
