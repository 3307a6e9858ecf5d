"""Kullback-Leibler divergence of the window from the reference, in nats (1951)."""

from __future__ import annotations

import scipy  # loads scipy.stats, 50 MB, where it is first needed

from detectors.sample import Comparison, Sample
from detectors.tables import table


def compare(reference: Sample, current: Sample) -> Comparison:
    """scipy's ``entropy(window, reference)``, on the reference's deciles or per category, half a row added to each."""
    counts = table(reference, current)
    p, q = counts.smoothed
    return Comparison(float(scipy.stats.entropy(q, p)), details=counts.details)
