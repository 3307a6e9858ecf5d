"""Reference and window side by side: counts per bin or category, and every distance of the two."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from detectors.cuts import CATEGORICAL_EXTRAS, NUMERIC_EXTRAS, NumericColumn
from detectors.registry import TWO_SAMPLE
from detectors.sample import sample_of
from monitor import clock
from monitor.actions import models as known_models
from monitor.actions.counting import kind_of
from monitor.actions.describe import newest_data
from monitor.actions.frame import Frame
from monitor.actions.run_due import is_dormant
from monitor.actions.summarise_hours import summarise
from monitor.config.inventory import newest_end
from monitor.errors import Invalid, NotFound
from monitor.service import Service

DAY_HOURS = 24


def distributions(
    service: Service,
    name: str,
    feature: str,
    *,
    now: int,
    start: int | None = None,
    end: int | None = None,
    version: str | None = None,
    segment: str | None = None,
) -> dict[str, Any]:
    """One feature (or ``prediction``, ``score``) in the reference and in a stretch of hours, by default the newest day;
    of all rows or of one segment.

    Raises NotFound for an unknown model, feature or segment, Invalid for an empty stretch.
    """
    with service.database.read() as connection:
        model = known_models.get(connection, name)
    start_hour, end_hour = _hours(start, end, newest_data(model) if is_dormant(model, now) else now)
    summarise(service, name, end_hour, now)
    with service.database.read() as connection:
        frame = Frame.load(service, connection, known_models.get(connection, name))
        if frame is None or (column := _column(frame, feature)) is None:
            raise NotFound(f"Model {name!r} has no feature {feature!r} that is counted (yet)")
        if segment is not None:
            frame.check_segment(segment)
        asked = _Asked(column, feature, start_hour, end_hour, version, segment)
        return _side_by_side(frame, asked)


@dataclass(frozen=True)
class _Asked:
    column: str
    feature: str
    start: int
    end: int
    version: str | None
    segment: str | None


def _hours(start: int | None, end: int | None, newest: int) -> tuple[int, int]:
    end_hour = newest_end(DAY_HOURS, newest) // clock.HOUR if end is None else -(-end // clock.HOUR)
    start_hour = end_hour - DAY_HOURS if start is None else start // clock.HOUR
    if start_hour >= end_hour:
        raise Invalid("start must be before end", field="start")
    return start_hour, end_hour


def _column(frame: Frame, feature: str) -> str | None:
    for name in (f"feature.{feature}", feature):
        if name in frame.binning.by_name:
            return name
    return None


def _side_by_side(frame: Frame, asked: _Asked) -> dict[str, Any]:
    column, version, start, end = asked.column, asked.version, asked.start, asked.end
    window = frame.window(start, end) if asked.segment is None else frame.segment_window(start, end, asked.segment)
    if version is not None and version not in window.versions:
        counts, rows = np.zeros_like(window.pooled.counts), {version: 0}
    elif version is not None:
        counts = window.versions[version].counts
        rows = {version: window.versions[version].rows}
    else:
        counts, rows = window.pooled.counts, {v: one.rows for v, one in window.versions.items()}
    compared = frame.compared_with(None, rows, asked.segment)
    total = None if compared is None else compared.profile.total
    kind = kind_of(frame.binning.by_name[column])
    sides = {"current": counts} | ({} if total is None else {"reference": total})
    cells = _bins(frame, column, sides) if kind == "numeric" else _categories(frame, column, sides)
    return {
        "feature": asked.feature,
        "type": kind,
        "window": {"start": clock.render(start * clock.HOUR), "end": clock.render(end * clock.HOUR)},
        "version": version,
        "segment": asked.segment,
        "reference": None if compared is None else {"name": compared.name, "version": compared.version},
        **cells,
        "distances": {} if total is None else _distances(frame, column, kind, total, counts),
    }


def _bins(frame: Frame, column: str, sides: dict[str, Any]) -> dict[str, Any]:
    numeric = frame.binning.by_name[column]
    assert isinstance(numeric, NumericColumn)
    return {
        "edges": [float(cut) for cut in numeric.cuts],
        "minimum": float(numeric.minimum) if math.isfinite(numeric.minimum) else None,
        "maximum": float(numeric.maximum) if math.isfinite(numeric.maximum) else None,
        "counts": {side: _numbers(values[frame.binning.slots(column)]) for side, values in sides.items()},
        "extras": _extras(frame, column, NUMERIC_EXTRAS, sides),
    }


def _categories(frame: Frame, column: str, sides: dict[str, Any]) -> dict[str, Any]:
    levels = getattr(frame.binning.by_name[column], "levels", ())
    return {
        "categories": list(levels),
        "counts": {side: _numbers(values[frame.binning.slots(column)]) for side, values in sides.items()},
        "extras": _extras(frame, column, CATEGORICAL_EXTRAS, sides),
    }


def _extras(frame: Frame, column: str, names: tuple[str, ...], sides: dict[str, Any]) -> dict[str, Any]:
    return {
        side: {name: _number(values[frame.binning.extra(column, name)]) for name in names}
        for side, values in sides.items()
    }


def _numbers(values: Any) -> list[float]:
    return [_number(value) for value in values]


def _number(value: Any) -> float:
    return int(value) if float(value).is_integer() else round(float(value), 3)


def _distances(frame: Frame, column: str, kind: str, total: Any, counts: Any) -> dict[str, Any]:
    reference = sample_of(frame.binning, column, total)
    current = sample_of(frame.binning, column, counts)
    if reference.rows == 0 or current.rows == 0:
        return {}
    found = {}
    for method, test in TWO_SAMPLE.items():
        if kind in test.kinds and not test.on_request:
            result = test.compare(reference, current)
            found[method] = {
                "title": test.title,
                "value": _finite(result.value),
                "p_value": _finite(result.p_value),
                "lower": _finite(result.lower),
                "upper": _finite(result.upper),
                "details": result.details,
            }
    return found


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
