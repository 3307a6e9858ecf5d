"""Every detector that can be named, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from detectors.domain.replay import Replay, replay
from detectors.estimation.measure import ESTIMATED
from detectors.measurement import Measurement
from detectors.multivariate.domain_classifier import Rows, measure_domain
from detectors.performance.measure import METRICS as PERFORMANCE
from detectors.quality.measure import TOLERANCES as QUALITY
from detectors.sample import Compare
from detectors.sequential import adwin, ddm, eddm, hddm_a, hddm_w, kswin, page_hinkley, shiryaev_roberts
from detectors.streams import Step
from detectors.two_sample import (
    anderson_darling,
    chi_square,
    cramer_von_mises,
    energy,
    epps_singleton,
    fisher_exact,
    g_test,
    hellinger,
    jensen_shannon,
    ks,
    kullback_leibler,
    l_infinity,
    mann_whitney,
    psi,
    t_test,
    total_variation,
    wasserstein,
    z_test,
)

__all__ = [
    "ESTIMATED",
    "MULTIVARIATE",
    "PERFORMANCE",
    "QUALITY",
    "SEQUENTIAL",
    "TWO_SAMPLE",
    "Sequential",
    "TwoSampleTest",
]


@dataclass(frozen=True)
class TwoSampleTest:
    """A test or distance of two samples: for people, which kinds of column it fits, whether it has a p-value.

    ``rises``: a larger value is a larger difference, so it can have a bound. ``on_request``: measured where somebody
    names it, not for every feature that is looked at.
    """

    title: str
    compare: Compare
    kinds: tuple[str, ...]
    has_p_value: bool
    rises: bool = True
    on_request: bool = False


Measure = Callable[[Sequence[str], Rows, Rows, Replay | None], Measurement]
Replayed = Callable[[Sequence[str], Rows, int, int, int | None], Replay | None]


@dataclass(frozen=True)
class Multivariate:
    """A test of several features at once, on rows; ``replay`` finds what it says of a reference itself, by the length
    and the start of windows and their gap to it (hours)."""

    title: str
    measure: Measure
    replay: Replayed


NUMERIC, CATEGORICAL, BOTH = ("numeric",), ("categorical",), ("numeric", "categorical")

MULTIVARIATE: Mapping[str, Multivariate] = {
    "domain_classifier": Multivariate("Domain classifier", measure_domain, replay),
}

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
    "energy": TwoSampleTest("Energy distance", energy.compare, NUMERIC, False),
    "g_test": TwoSampleTest("G-test", g_test.compare, BOTH, True, on_request=True),
    "fisher_exact": TwoSampleTest("Fisher's exact test", fisher_exact.compare, CATEGORICAL, True, False, True),
    "z_test": TwoSampleTest("z-test", z_test.compare, BOTH, True, False, True),
    "t_test": TwoSampleTest("Welch's t-test", t_test.compare, NUMERIC, True, False, True),
    "mann_whitney": TwoSampleTest("Mann-Whitney", mann_whitney.compare, NUMERIC, True, False, True),
    "cramer_von_mises": TwoSampleTest("Cramér-von Mises", cramer_von_mises.compare, NUMERIC, True, on_request=True),
    "anderson_darling": TwoSampleTest("Anderson-Darling", anderson_darling.compare, NUMERIC, True, on_request=True),
    "epps_singleton": TwoSampleTest("Epps-Singleton", epps_singleton.compare, NUMERIC, True, on_request=True),
}


@dataclass(frozen=True)
class Sequential:
    """A detector on the errors of labelled rows: for people, its step, whether it has a guarantee on false alarms, and
    how many of the newest rows it is shown. Those without come from the extra ``river``."""

    title: str
    step: Step
    guaranteed: bool = False
    most_rows: int = 100_000


SEQUENTIAL: Mapping[str, Sequential] = {
    "shiryaev_roberts": Sequential("Shiryaev-Roberts", shiryaev_roberts.step, True, 1_000_000),
    "adwin": Sequential("ADWIN", adwin.step),
    "ddm": Sequential("DDM", ddm.step),
    "eddm": Sequential("EDDM", eddm.step),
    "hddm_a": Sequential("HDDM_A", hddm_a.step),
    "hddm_w": Sequential("HDDM_W", hddm_w.step),
    "page_hinkley": Sequential("Page-Hinkley", page_hinkley.step),
    "kswin": Sequential("KSWIN", kswin.step, most_rows=2_000),  # a millisecond a row
}
