"""What the readings of an alert say of the calibration with which they would not have been told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from monitor.store.tables import models, readings


@dataclass(frozen=True)
class ToldSeries:
    """A series at one window length (microseconds), and the largest such ``factor``."""

    metric: str
    feature: str | None
    length: int
    reference_name: str | None
    reference_version: int | None
    factor: float


def told_series(connection: Connection, alert: Mapping[str, Any], start: int, end: int) -> list[ToldSeries]:
    """Those of an alert's check, segment and version in runs from ``start`` to ``end`` (microseconds) that were at
    severity by the share engine; ``alert`` as the API shows it."""
    t = readings.c
    factor = func.max(t.details["silent_at"].as_float())
    by = (t.metric, t.feature, t.window_end - t.window_start, t.reference_name, t.reference_version)
    mine = [models.c.name == alert["model"], t.check_name == alert["check"], t.segment == (alert["segment"] or "")]
    mine += [t.as_of >= start, t.as_of <= end, t.verdict.in_(("warning", "critical"))]
    mine.append(t.version.is_(None) if alert["version"] is None else t.version == alert["version"])
    query = select(*by, factor).join(models, models.c.id == t.model_id).where(*mine).group_by(*by).order_by(*by)
    found = (ToldSeries(metric, feature or None, *rest) for metric, feature, *rest in connection.execute(query))
    return [one for one in found if one.factor]
