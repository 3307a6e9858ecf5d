"""The likelihood-ratio test of homogeneity, or G-test (Wilks 1938)."""

from __future__ import annotations

import numpy as np
import scipy  # loads scipy.stats, 50 MB, where it is first needed

from detectors.sample import Comparison, Sample
from detectors.tables import table


def compare(reference: Sample, current: Sample) -> Comparison:
    """2 Σ observed ln(observed / expected): scipy's ``chi2_contingency(lambda_="log-likelihood")`` without correction,
    on the reference's deciles or per category; cells that are empty in both samples are left out. One cell alone
    cannot differ: 0, p = 1."""
    counts = table(reference, current)
    details = {**counts.details, "degrees_of_freedom": len(counts.reference) - 1}
    if len(counts.reference) < 2:
        return Comparison(0.0, 1.0, details=details)
    both = np.stack([counts.reference, counts.current])
    found = scipy.stats.chi2_contingency(both, correction=False, lambda_="log-likelihood")
    return Comparison(float(found.statistic), float(found.pvalue), details=details)
