"""How a version that is compared with another is put in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerting.phrases import plural
from alerting.words import percent

_RISES = {"missing_share": "missing values", "error_share": "errors"}
_LOSSES = {"accuracy": "accuracy", "roc_auc": "ROC AUC"}


def words(reading: Mapping[str, Any], against: str) -> str:
    """One sentence on one number of the comparison; ``against`` is the other version."""
    metric, effect, than = str(reading["metric"]), reading["effect"], f"than version {against}"
    about = str(reading["feature"] or "predictions")
    if effect is None:
        return f"{about}: {metric} cannot be told ({str(reading['reason']).replace('_', ' ')})"
    least = max(0.0, float(reading["effect_lower"] or 0.0))
    if metric in _RISES:
        prefix = f"{about}: " if reading["feature"] else ""
        more = "more" if effect >= 0 else "fewer"
        return f"{prefix}{_points(effect)} {more} {_RISES[metric]} {than} (at least {percent(least)} more)"
    if metric == "latency_p95":
        return f"p95 latency is {effect:.2f} times that of version {against} (at least {least:.2f})"
    if metric in _LOSSES:
        less = "lower" if effect >= 0 else "higher"
        return f"{_LOSSES[metric]} is {_points(effect)} {less} {than} (at least {percent(least)} lower)"
    if metric == "mae":
        return f"the mean error is {1 + effect:.2f} times that of version {against} (at least {1 + least:.2f})"
    return f"{about}: {percent(effect)} % of rows differ from version {against} (at least {percent(least)} %)"


def _points(effect: float) -> str:
    """A difference of shares."""
    points = percent(abs(effect))
    return f"{points} {plural(points)}"
