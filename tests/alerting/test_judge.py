"""Verdicts at, inside and beyond every kind of bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from alerting.bounds import ALL, CONCEPT, PERFORMANCE, QUALITY_WARNINGS, SERVING, Bounds, bounds_for
from alerting.judge import judge


@dataclass(frozen=True)
class Numbers:
    """What a detector would hand over."""

    metric: str = "ks"
    feature: str | None = "temp"
    value: float | None = 0.1
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    effect: float | None = None
    effect_lower: float | None = None
    effect_upper: float | None = None
    reason: str | None = None
    n_reference: int = 1000
    n_current: int = 400
    details: dict[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("kind", "metric", "warning", "critical"),
    [
        ("data_drift", "ks", 0.02, 0.15),
        ("prediction_drift", "class_share", 0.02, 0.15),
        ("data_quality", "missing_share", 0.01, 0.10),
        ("data_quality", "type_mismatch_share", 0.001, 0.10),
        ("data_quality", "unseen_category_share", 0.001, 0.10),
        ("data_quality", "out_of_range_share", 0.001, 0.10),
        ("data_quality", "duplicate_share", 0.005, 0.10),
        ("data_quality", "rejected_share", 0.001, 0.10),
        ("performance", "accuracy", 0.02, 0.06),
        ("performance", "roc_auc", 0.02, 0.06),
        ("performance", "mae", 0.05, 0.20),
        ("performance", "calibration_gap", 0.02, 0.15),
        ("performance", "error_gap", 0.05, 0.20),
        ("serving", "latency_p95", 1.5, 3.0),
        ("serving", "error_share", 0.01, 0.05),
    ],
)
def test_default_bounds_judge_the_lower_bound_strictly(kind: str, metric: str, warning: float, critical: float) -> None:
    bounds = bounds_for(kind, metric)
    assert bounds == Bounds("effect_lower", warning, critical, blind=ALL if kind.endswith("drift") else None)
    verdicts = [
        judge(Numbers(metric, effect_lower=lower), bounds).verdict
        for lower in (warning, warning + 1e-9, critical, critical + 1e-9)
    ]
    assert verdicts == ["ok", "warning", "warning", "critical"]


@pytest.mark.parametrize(
    ("kind", "metric"),
    [("performance", "f1"), ("performance", "label_coverage"), ("serving", "latency_p50"), ("serving", "metric.rev")],
)
def test_metrics_without_a_bound_are_shown_and_not_judged(kind: str, metric: str) -> None:
    judged = judge(Numbers(metric), bounds_for(kind, metric))
    assert (judged.verdict, judged.threshold, judged.critical) == (None, None, None)


def test_tolerance_is_the_models_own_and_wider_for_a_short_reference() -> None:
    for tolerance, short, wanted in ((0.03, False, 0.03), (0.03, True, 0.05), (0.08, True, 0.08)):
        found = bounds_for("data_drift", "ks", tolerance=tolerance, short_reference=short)
        assert found == Bounds("effect_lower", wanted, 0.15, blind=ALL)


@pytest.mark.parametrize(
    ("value", "lower", "upper", "verdict"),
    [
        (130, 1.21, 1.4, "warning"),
        (120, 1.19, 1.4, "ok"),
        (70, 0.6, 0.79, "warning"),
        (80, 0.7, 0.81, "ok"),
        (0, 0.0, 0.1, "critical"),
        (100, None, None, "cannot_tell"),
    ],
)
def test_volume_is_judged_on_both_sides(value: float, lower: float | None, upper: float | None, verdict: str) -> None:
    judged = judge(
        Numbers("volume", None, value, effect_lower=lower, effect_upper=upper), bounds_for("serving", "volume")
    )
    assert judged.verdict == verdict


def test_configured_thresholds() -> None:
    p_value = bounds_for("data_drift", "ks", threshold={"p_value": 0.001})
    assert [judge(Numbers(p_value=p), p_value).verdict for p in (0.001, 0.0011)] == ["warning", "ok"]
    drop = bounds_for("performance", "roc_auc", threshold={"drop": 0.03})
    assert [judge(Numbers(effect_lower=x), drop).verdict for x in (0.03, 0.031, 0.9)] == ["ok", "warning", "warning"]
    both = bounds_for("data_drift", "psi", threshold={"warning": 0.1, "critical": 0.25})
    assert [judge(Numbers(value=x), both).verdict for x in (0.1, 0.2, 0.3)] == ["ok", "warning", "critical"]
    only = bounds_for("data_drift", "psi", threshold={"warning": 0.1})
    assert judge(Numbers(value=9.0), only).verdict == "warning"
    with pytest.raises(ValueError, match="p_value, drop or warning"):
        bounds_for("data_drift", "psi", threshold={"critical": 0.1})


def test_what_could_not_be_measured_cannot_be_told() -> None:
    bounds = bounds_for("data_drift", "ks")
    judged = judge(Numbers(reason="too_few_rows", effect_lower=0.9), bounds)
    assert (judged.verdict, judged.reason, judged.threshold) == ("cannot_tell", "too_few_rows", 0.02)
    assert judge(Numbers(effect_lower=None), bounds).verdict == "cannot_tell"
    assert judge(Numbers(effect_lower=float("nan")), bounds).reason == "not_measured"


def test_every_default_bound_is_reached_through_its_kind() -> None:
    for kind, table in (
        ("data_quality", QUALITY_WARNINGS),
        ("performance", PERFORMANCE),
        ("performance", CONCEPT),
        ("serving", SERVING),
    ):
        assert all(bounds_for(kind, metric) is not None for metric in table)


@pytest.mark.parametrize(
    ("value", "lower", "verdict"),
    [(0.7, 0.51, "critical"), (0.58, 0.51, "warning"), (0.7, 0.5, "ok"), (0.7, None, "ok"), (0.54, 0.53, "ok")],
)
def test_what_wanders_has_to_be_surely_beyond_chance_too(value: float, lower: float | None, verdict: str) -> None:
    asked = {"warning": 0.55, "critical": 0.65}
    bounds = bounds_for("data_drift", "domain_classifier", threshold=asked)
    assert judge(Numbers("domain_classifier", None, value, lower=lower), bounds).verdict == verdict
    of_others = bounds_for("data_drift", "psi", threshold=asked)
    assert of_others is not None
    assert of_others.sure is None


@pytest.mark.parametrize(("lower", "verdict"), [(0.0, "ok"), (0.001, "warning"), (None, "ok")])
def test_a_gap_between_groups_that_may_be_none_is_not_beyond_its_limit(lower: float | None, verdict: str) -> None:
    bounds = bounds_for("fairness", "demographic_parity_difference", threshold={"warning": 0.1})
    assert judge(Numbers(value=0.3, lower=lower), bounds).verdict == verdict
    assert judge(Numbers(value=0.1, lower=lower), bounds).verdict == "ok"


@pytest.mark.parametrize(
    ("kind", "metric", "effect", "lower", "upper", "wanted"),
    [
        ("data_drift", "ks", 0.3, 0.0, 1.0, ("cannot_tell", "restless_reference")),
        ("prediction_drift", "score_ks", 0.3, 0.0, 1.0, ("cannot_tell", "restless_reference")),
        ("data_drift", "ks", 0.3, 0.0, 0.8, ("ok", None)),
        ("data_drift", "ks", 0.1, 0.0, 1.0, ("ok", None)),
        ("data_drift", "ks", 0.3, 0.01, 1.0, ("ok", None)),
        ("data_drift", "ks", 0.3, 0.05, 1.0, ("warning", None)),
        ("performance", "mae", 0.3, 0.0, 1.2, ("ok", None)),
    ],
)
def test_much_that_may_be_nothing_or_all_is_not_ok(kind, metric, effect, lower, upper, wanted):
    one = Numbers(metric=metric, value=effect, effect=effect, effect_lower=lower, effect_upper=upper)
    found = judge(one, bounds_for(kind, metric))
    assert (found.verdict, found.reason) == wanted
