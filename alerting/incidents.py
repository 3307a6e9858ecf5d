"""What moved inside an incident: the budget decides whether somebody is told, a false discovery rate what is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerting.reading import Reading
from alerting.words import rfc3339

RATE = 0.05
MOST = 50


def moved(readings: Sequence[Reading], importance: Mapping[str, float], rate: float = RATE) -> list[dict[str, Any]]:
    """The features of one window that moved more than is tolerated, with at most ``rate`` of false ones expected among
    them (Benjamini and Hochberg 1995), ranked by effect times ``importance`` (1 where none is given); at most 50.

    Readings without a feature, a p-value or an effect take no part, nor do those that cannot tell.
    """
    tested = [one for one in readings if _is_told(one)]
    in_order = sorted(tested, key=_p_value)
    passing = [place for place, one in enumerate(in_order, 1) if _p_value(one) <= place * rate / len(in_order)]
    listed = [_told(one, importance) for one in in_order[: max(passing, default=0)]]
    return sorted(listed, key=lambda one: (-one["weight"], one["feature"], one["metric"]))[:MOST]


def _is_told(reading: Reading) -> bool:
    tests = reading.p_value is not None and reading.details.get("effect") is not None
    return reading.feature is not None and tests and reading.verdict != "cannot_tell"


def _p_value(reading: Reading) -> float:
    return 1.0 if reading.p_value is None else reading.p_value


def _told(reading: Reading, importance: Mapping[str, float]) -> dict[str, Any]:
    effect = float(reading.details.get("effect") or 0.0)
    worth = importance.get(reading.feature or "", 1.0)
    return {
        "feature": reading.feature,
        "metric": reading.metric,
        "effect": effect,
        "importance": worth,
        "weight": effect * worth,
        "p_value": reading.p_value,
        "window": {"start": rfc3339(reading.start), "end": rfc3339(reading.end)},
        "summary": reading.summary,
    }
