"""The false-alarm ledger: how much of the monthly budget one test may spend.

Every judged test is charged its own level, and the levels of a month sum to k: the expected number of false alarms is
at most k whatever the dependence between the tests (control of the mean number of false discoveries, Gordon et al.
2007).
"""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_WEIGHTS: Mapping[str, float] = {
    "data_quality": 0.10,
    "data_drift": 0.45,
    "prediction_drift": 0.15,
    "performance": 0.20,
    "segments": 0.10,
}


def ledger_alpha(
    k: float, weight: float, weights_present_sum: float, n_pairs: int, n_lengths: int, runs_per_month: float
) -> float:
    """Level of one test, α = k · w / (W · n · H · R).

    ``k`` false alarms a month; ``weight`` of the kind of check and ``weights_present_sum`` over the kinds present;
    ``n_pairs`` judged (metric, feature) pairs of the kind; ``n_lengths`` of windows; ``runs_per_month`` of this length.
    Raises ``ValueError`` where one of them is not positive. Never above 1/2, where a bound would mean nothing.
    """
    numbers = (k, weight, weights_present_sum, n_pairs, n_lengths, runs_per_month)
    if not all(number > 0 for number in numbers):
        raise ValueError(f"the ledger needs positive numbers, got {numbers}")
    return min(0.5, k * weight / (weights_present_sum * n_pairs * n_lengths * runs_per_month))
