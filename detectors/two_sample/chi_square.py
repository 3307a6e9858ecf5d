"""Pearson's chi-square test of homogeneity (1900)."""

from __future__ import annotations

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed

from detectors.sample import Comparison, Sample
from detectors.tables import table


def compare(reference: Sample, current: Sample) -> Comparison:
    """scipy's ``chi2_contingency`` without correction, on the reference's deciles or per category; cells that are empty
    in both samples are left out. One cell alone cannot differ: 0, p = 1."""
    counts = table(reference, current)
    details = {**counts.details, "degrees_of_freedom": len(counts.reference) - 1}
    if len(counts.reference) < 2:
        return Comparison(0.0, 1.0, details=details)
    found = scipy.stats.chi2_contingency(np.stack([counts.reference, counts.current]), correction=False)
    return Comparison(float(found.statistic), float(found.pvalue), details=details)
