"""The smallest effect that would have been seen, in the unit of what is judged."""

import pytest

from alerting.seen import would_be_seen


@pytest.mark.parametrize(
    ("kind", "metric", "mde", "said"),
    [
        ("data_drift", "ks", 0.0482, "4.8 % of rows"),
        ("data_drift", "mean_embedding", 0.25, "25 % of rows"),
        ("prediction_drift", "class_share", 0.9999, "nothing surely"),
        ("data_drift", "correlation", 0.12, "a change of 0.12"),
        ("data_drift", "correlation", 2.0, "nothing surely"),
        ("data_drift", "domain_classifier", 0.61, "AUC 0.61"),
        ("data_quality", "missing_share", 0.01, "1 point"),
        ("data_quality", "missing_share", 0.02, "2 points"),
        ("performance", "accuracy", 0.035, "3.5 points"),
        ("performance", "mae", 0.08, "8 % more"),
        ("performance", "error_gap", 0.11, "11 % more"),
        ("performance", "calibration_gap", 0.07, "7 points"),
        ("performance", "log_loss", 0.045, "0.045 more"),
        ("fairness", "demographic_parity_difference", 0.06, "6 points"),
        ("serving", "volume", 1.25, "25 % more, 20 % fewer"),
        ("serving", "volume", 1e300, "nothing surely"),
        ("serving", "latency_p95", 1.3, "30 % more"),
        ("serving", "error_share", 0.004, "0.4 points"),
        ("data_drift", "ks", None, None),
    ],
)
def test_in_the_unit_of_what_is_judged(kind: str, metric: str, mde: float | None, said: str | None) -> None:
    assert would_be_seen(kind, metric, mde) == said
