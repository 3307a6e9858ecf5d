"""Every detector that can be named, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from detectors.performance.measure import METRICS as PERFORMANCE
from detectors.quality.measure import TOLERANCES as QUALITY
from detectors.sample import Compare
from detectors.two_sample import (
    chi_square,
    hellinger,
    jensen_shannon,
    ks,
    kullback_leibler,
    l_infinity,
    psi,
    total_variation,
    wasserstein,
)

__all__ = ["PERFORMANCE", "QUALITY", "TWO_SAMPLE", "TwoSampleTest"]


@dataclass(frozen=True)
class TwoSampleTest:
    """A test or distance of two samples: for people, which kinds of column it fits, whether it has a p-value."""

    title: str
    compare: Compare
    kinds: tuple[str, ...]
    has_p_value: bool


NUMERIC, CATEGORICAL, BOTH = ("numeric",), ("categorical",), ("numeric", "categorical")

TWO_SAMPLE: Mapping[str, TwoSampleTest] = {
    "ks": TwoSampleTest("Kolmogorov-Smirnov", ks.compare, NUMERIC, True),
    "psi": TwoSampleTest("Population stability index", psi.compare, BOTH, False),
    "chi_square": TwoSampleTest("Chi-square", chi_square.compare, BOTH, True),
    "l_infinity": TwoSampleTest("Largest change of a category", l_infinity.compare, CATEGORICAL, True),
    "jensen_shannon": TwoSampleTest("Jensen-Shannon distance", jensen_shannon.compare, BOTH, False),
    "wasserstein": TwoSampleTest("Wasserstein distance", wasserstein.compare, NUMERIC, False),
    "total_variation": TwoSampleTest("Total variation", total_variation.compare, BOTH, False),
    "hellinger": TwoSampleTest("Hellinger distance", hellinger.compare, BOTH, False),
    "kullback_leibler": TwoSampleTest("Kullback-Leibler divergence", kullback_leibler.compare, BOTH, False),
}
