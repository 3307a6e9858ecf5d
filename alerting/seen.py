"""The smallest effect that a reading would have shown nine times in ten, in words."""

from __future__ import annotations

from collections.abc import Callable

from alerting.bounds import ALL
from alerting.phrases import plural
from alerting.words import number, percent

MOST = 1000.0  # a ratio beyond this is no number for a person


def would_be_seen(kind: str, metric: str, mde: float | None) -> str | None:
    """``"4.8 % of rows"``, ``"2 points"``, ``"30 % more"``: in the unit of what is judged; ``"nothing surely"`` where
    not even a change of all would have been; None where it is not known."""
    if mde is None:
        return None
    return _WRITERS.get(metric, _BY_KIND.get(kind, _number))(mde)


def _rows(mde: float) -> str:
    return "nothing surely" if mde > ALL else f"{percent(mde)} % of rows"


def _points(mde: float) -> str:
    points = percent(mde)
    return "nothing surely" if mde > ALL else f"{points} {plural(points)}"


def _relative(mde: float) -> str:
    return "nothing surely" if mde > MOST else f"{percent(mde)} % more"


def _ratio(mde: float) -> str:
    return _relative(mde - 1)


def _both_ways(mde: float) -> str:
    """A rise by a ratio, and the fall by its inverse."""
    return _relative(mde - 1) if mde > MOST else f"{percent(mde - 1)} % more, {percent(1 - 1 / mde)} % fewer"


def _number(mde: float) -> str:
    return number(mde)


def _rise(mde: float) -> str:
    return f"{number(mde)} more"


def _area(mde: float) -> str:
    return "nothing surely" if mde > ALL else f"AUC {number(mde)}"


_WRITERS: dict[str, Callable[[float], str]] = {
    "correlation": lambda mde: "nothing surely" if mde >= 2 else f"a change of {number(mde)}",
    "domain_classifier": _area,
    "mae": _relative,
    "rmse": _relative,
    "error_gap": _relative,
    "volume": _both_ways,
    "latency_p50": _ratio,
    "latency_p95": _ratio,
    "latency_p99": _ratio,
    "log_loss": _rise,
    "brier": _rise,
}
_BY_KIND: dict[str, Callable[[float], str]] = {
    "data_drift": _rows,
    "prediction_drift": _rows,
    "data_quality": _points,
    "performance": _points,
    "fairness": _points,
    "serving": _points,
}
