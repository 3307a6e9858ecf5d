"""Welch's t-test of two means (1947)."""

from __future__ import annotations

from detectors.sample import Comparison, Sample, undefined
from detectors.welch import welch


def compare(reference: Sample, current: Sample) -> Comparison:
    """scipy's ``ttest_ind(equal_var=False)``, two-sided; above 0 where the reference's mean is the larger one. From
    counts, with a bound on the error, as in ``detectors.welch``. Two constant samples: ``no_variation``."""
    found = welch(reference, current)
    if found.reason is not None:
        return undefined(found.reason, found.details)
    return Comparison(found.statistic, found.p_value, details=found.details)
