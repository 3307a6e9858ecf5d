"""The false-alarm ledger of a model: which level each judged number gets."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.cuts import NumericColumn
from detectors.multiplicity import DEFAULT_WEIGHTS, ledger_alpha
from monitor.actions.frame import Frame
from monitor.config.inventory import Check, runs_per_month

OUTSIDE = 0.05  # the level of intervals of checks that stand outside the ledger


def level(frame: Frame, check: Check, length: int, versions: int) -> float:
    """α of one judged number of a check at a window length (hours); ``versions`` in the window, for performance."""
    if not check.in_ledger:
        given = None if check.threshold is None else check.threshold.p_value
        return OUTSIDE if given is None else given
    kinds = {one.kind for one in frame.checks if one.in_ledger}
    present = sum(weight for kind, weight in DEFAULT_WEIGHTS.items() if kind in kinds)  # in one order: to the bit
    pairs = sum(judged_pairs(frame, one) for one in frame.checks if one.in_ledger and one.kind == check.kind)
    return ledger_alpha(
        frame.settings.false_alarms_per_month,
        DEFAULT_WEIGHTS[check.kind],
        present,
        max(pairs, 1) * (max(versions, 1) if check.kind == "performance" else 1),
        len(check.lengths),
        runs_per_month(length),
    )


def judged_pairs(frame: Frame, check: Check) -> int:
    """How many (metric, feature) pairs a check judges in a window."""
    names = features_of(frame, check)
    if check.kind == "data_drift":
        return len(names)
    if check.kind == "data_quality":
        return 3 * len(names) + 2
    has_score = "score" in frame.binning.by_name
    if check.kind == "prediction_drift":
        return 1 if frame.meaning.task == "regression" or not has_score else 2
    if check.kind == "performance":
        metrics: Sequence[str] = judged_metrics(frame)
        return 1 if check.metric else len(metrics)
    return 0


def judged_metrics(frame: Frame) -> tuple[str, ...]:
    """The performance metrics that are judged unless a check names another."""
    if frame.meaning.task == "regression":
        return ("mae",)
    scored = frame.meaning.task == "binary" and len(frame.binning.scores.score_cuts) > 0
    return ("accuracy", "roc_auc") if scored else ("accuracy",)


def features_of(frame: Frame, check: Check) -> list[str]:
    """The features a check looks at, in the order of the cuts."""
    names = frame.features()
    return names if check.features is None else [name for name in names if name in check.features]


def is_numeric(frame: Frame, name: str) -> bool:
    """Whether a column of the cuts is numeric."""
    return isinstance(frame.binning.by_name[name], NumericColumn)


def expected_checks(frame: Frame) -> int:
    """How many judged numbers the ledger pays for in 30 days."""
    return sum(
        judged_pairs(frame, check) * runs_per_month(length)
        for check in frame.checks
        if check.in_ledger
        for length in check.lengths
    )
