"""Where a number becomes a warning and where critical: the default bounds of every metric, and configured ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Quantity = Literal["p_value", "value", "floor", "effect_lower", "ratio"]

TOLERANCE = 0.02
SHORT_REFERENCE_TOLERANCE = 0.05
DRIFT_CRITICAL = 0.15
ALL = 0.99  # of the rows, as an upper limit of those that moved: nothing is known
CORRELATION, SHORT_CORRELATION, CORRELATION_CRITICAL = 0.10, 0.15, 0.30  # changes of a rank correlation
QUALITY_CRITICAL = 0.10
PERFORMANCE_CRITICAL = 0.06


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is judged and its bounds; beyond a bound means strictly greater (a p-value: at or below).

    ``floor`` is the value of a metric that falls as things get worse: beyond means strictly below.
    ``ratio`` is two-sided: a whole interval above ``warning`` or below ``below`` warns, a value of zero is critical.
    ``sure``: the lower limit of the value has to be above it, too. ``blind``: of an effect beyond ``critical`` with
    limits from nothing to this or more nothing is known.
    """

    quantity: Quantity
    warning: float
    critical: float | None = None
    below: float | None = None
    sure: float | None = None
    blind: float | None = None


QUALITY_WARNINGS: Mapping[str, float] = {
    "missing_share": 0.01,
    "type_mismatch_share": 0.001,
    "unseen_category_share": 0.001,
    "out_of_range_share": 0.001,
    "duplicate_share": 0.005,
    "rejected_share": 0.001,
    "unusable_output_share": 0.01,
}

SERVING: Mapping[str, Bounds] = {
    "volume": Bounds("ratio", 1.2, below=0.8),
    "latency_p95": Bounds("effect_lower", 1.5, 3.0),
    "error_share": Bounds("effect_lower", 0.01, 0.05),
}

PERFORMANCE: Mapping[str, Bounds] = {
    "accuracy": Bounds("effect_lower", TOLERANCE, PERFORMANCE_CRITICAL),
    "roc_auc": Bounds("effect_lower", TOLERANCE, PERFORMANCE_CRITICAL),
    "mae": Bounds("effect_lower", 0.05, 0.20),
}
CONCEPT: Mapping[str, Bounds] = {  # of concept drift: how much what comes is beyond what was expected of such rows
    "calibration_gap": Bounds("effect_lower", TOLERANCE, 0.15),  # of the rows of one decile
    "error_gap": PERFORMANCE["mae"],
}


# The less, the worse: a bound on the value of one of these is a floor.
_MACRO = ("macro_precision", "macro_recall", "macro_f1")
FALLING = frozenset({"accuracy", "precision", "recall", "f1", "roc_auc", "r2", "label_coverage", *_MACRO})


# What a value is where nothing changed, of one that wanders: a bound on the value alone would be passed by chance.
SURE: Mapping[str, float] = {"domain_classifier": 0.5}
# Shown, unless a check asks for it and states a bound.
ESTIMATES = frozenset({"estimated_base_rate", "estimated_base_rate_bbse"})


def bounds_for(
    kind: str,
    metric: str,
    *,
    tolerance: float = TOLERANCE,
    short_reference: bool = False,
    own: float | None = None,
    threshold: Mapping[str, Any] | None = None,
) -> Bounds | None:
    """The bounds of one metric, or None where it is shown and not judged.

    ``threshold`` is a check's own: ``{p_value}``, ``{drop}`` or ``{warning, critical?}``; without it the defaults hold.
    ``short_reference`` widens what is tolerated to 0.05 where the reference cannot tell its own unrest. ``own``: the
    bound on a value that the model's own past gives it.
    """
    if threshold is not None:
        # The largest less the smallest of several groups is above any limit by chance where they are small.
        sure = 0.0 if kind == "fairness" else SURE.get(metric)
        return configured(threshold, falling=metric in FALLING, sure=sure)
    if metric in ESTIMATES:
        return None
    if own is not None:
        return Bounds("value", own)
    if metric == "correlation":
        return Bounds("effect_lower", SHORT_CORRELATION if short_reference else CORRELATION, CORRELATION_CRITICAL)
    if kind in ("data_drift", "prediction_drift"):
        return Bounds("effect_lower", _tolerated(tolerance, short_reference), DRIFT_CRITICAL, blind=ALL)
    if kind == "data_quality":
        warning = QUALITY_WARNINGS.get(metric)
        return None if warning is None else Bounds("effect_lower", warning, QUALITY_CRITICAL)
    if kind == "performance":
        usual = PERFORMANCE.get(metric, CONCEPT.get(metric))
        return (
            None
            if usual is None
            else Bounds("effect_lower", _tolerated(usual.warning, short_reference), usual.critical)
        )
    return SERVING.get(metric) if kind == "serving" else None


def configured(threshold: Mapping[str, Any], *, falling: bool = False, sure: float | None = None) -> Bounds:
    """The bounds that a check's ``threshold`` states, of a metric that rises or falls as things get worse; no critical
    one unless given. ``sure``: what the lower limit of a value has to be above.

    Raises ValueError where it states none.
    """
    if "p_value" in threshold:
        return Bounds("p_value", float(threshold["p_value"]))
    if "drop" in threshold:
        return Bounds("effect_lower", float(threshold["drop"]))
    if "warning" not in threshold:
        raise ValueError("a threshold needs p_value, drop or warning")
    critical = threshold.get("critical")
    quantity: Quantity = "floor" if falling else "value"
    return Bounds(quantity, float(threshold["warning"]), None if critical is None else float(critical), sure=sure)


def _tolerated(tolerance: float, short_reference: bool) -> float:
    return max(SHORT_REFERENCE_TOLERANCE, tolerance) if short_reference else tolerance
