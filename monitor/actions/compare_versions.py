"""A version beside another in the same hours: a verdict for canary tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from alerting.beside import words
from alerting.bounds import PERFORMANCE, Bounds, bounds_for
from alerting.judge import Judged, judge
from alerting.words import finite
from detectors.canary import ALPHA, compare_versions, same_hours
from detectors.measurement import TOO_FEW_ROWS, Measurement
from detectors.performance.measure import JUDGED, measure_performance
from detectors.performance.scored import LabelCounts
from detectors.quality.unusable_output import without_use
from detectors.summary import HourlySummaries, WindowCounts
from monitor import clock
from monitor.actions import models as known_models
from monitor.actions.frame import Frame
from monitor.actions.summarise_hours import summarise
from monitor.errors import Invalid
from monitor.service import Service
from monitor.store import models

MOST = 20  # readings in an answer, the worst first
LONGEST = 31 * 24  # hours
NOTHING_COUNTED = "nothing is counted yet: rows are when their hour is over"
_RANK = {"critical": 0, "warning": 1, "cannot_tell": 2, "ok": 3}


@dataclass(frozen=True)
class Beside:
    """What the comparison says: ``healthy``, ``degraded``, ``unhealthy`` or ``unknown``, and why."""

    status: str
    reasons: tuple[str, ...]
    start: int
    end: int
    rows: Mapping[str, int]
    readings: Sequence[Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """As the health of a version beside another shows it."""
        return {
            "window": {"start": clock.render(self.start), "end": clock.render(self.end)},
            "rows": dict(self.rows),
            "readings": list(self.readings),
        }


def beside(service: Service, name: str, version: str, against: str, *, hours: int, as_of: int, now: int) -> Beside:
    """Compare two versions of a model in the hours, among the last ``hours`` before ``as_of``, in which both served.

    Raises NotFound for an unknown model, Invalid for a version that is compared with itself or too long a window.
    """
    if version == against:
        raise Invalid("against is another version than version", field="against")
    if not 1 <= hours <= LONGEST:
        raise Invalid(f"window is from 1h to {LONGEST}h", field="window")
    end = as_of // clock.HOUR
    summarise(service, name, end, now)
    with service.database.read() as connection:
        model = known_models.get(connection, name)
        known = {one.version for one in models.list_versions(connection, model.id)}
        frame = Frame.load(service, connection, model)
        for one in (version, against):
            if one not in known:
                return _nothing(f"no rows of version {one!r} are known", end - hours, end)
        if frame is None:
            return _nothing(NOTHING_COUNTED, end - hours, end)
        return _beside(frame, version, against, end - hours, end, as_of)


def _nothing(why: str, start: int, end: int, rows: Mapping[str, int] | None = None) -> Beside:
    return Beside("unknown", (why,), start * clock.HOUR, end * clock.HOUR, rows or {}, ())


def _beside(frame: Frame, version: str, against: str, start: int, end: int, as_of: int) -> Beside:
    window = frame.window(start, end)
    parts = [window.versions.get(one) for one in (version, against)]
    canary, stable = (_hours(part, start) for part in parts)
    rows = {"version": 0 if parts[0] is None else parts[0].rows, "against": 0 if parts[1] is None else parts[1].rows}
    if canary is None or stable is None:
        return _nothing("one of the versions has no rows in this window", start, end, rows)
    both = same_hours(canary, stable)
    found = compare_versions(frame.binning, both, tolerance=frame.settings.tolerance)
    found += _performance(frame, version, against, parts, start, end, as_of)
    judged = [_reading(kind, one, judge(one, _bounds(frame, kind, one)), against) for kind, one in found]
    judged.sort(key=lambda one: (_RANK.get(one["verdict"], 4), -(one["effect"] or 0.0)))
    told = [one for one in judged if one["verdict"] in ("ok", "warning", "critical")]
    bad = [one for one in judged if one["verdict"] in ("warning", "critical")]
    status = "unknown" if not told else {"critical": "unhealthy", "warning": "degraded"}.get(
        judged[0]["verdict"], "healthy"
    )  # fmt: skip
    reasons = tuple(one["summary"] for one in bad[:MOST]) if told else (TOO_FEW_ROWS,)
    rows |= {"version_in_same_hours": both.rows, "against_effective": round(both.effective)}
    return Beside(status, reasons, start * clock.HOUR, end * clock.HOUR, rows, judged[:MOST])


def _hours(part: WindowCounts | None, start: int) -> HourlySummaries | None:
    if part is None or part.hourly is None:
        return None
    inside = part.hourly.hours >= start
    return HourlySummaries(**{one.name: getattr(part.hourly, one.name)[inside] for one in fields(HourlySummaries)})


def _bounds(frame: Frame, kind: str, one: Measurement) -> Bounds | None:
    return bounds_for(kind, one.metric, tolerance=frame.settings.tolerance)


def _performance(
    frame: Frame,
    version: str,
    against: str,
    parts: Sequence[WindowCounts | None],
    start: int,
    end: int,
    as_of: int,
) -> list[tuple[str, Measurement]]:
    """The loss of the one against the other on rows whose labels are known, once enough of both are."""
    layout = frame.binning.scores
    if layout is None or "prediction" not in frame.binning.by_name:
        return []
    labels = frame.label_hours(start, end, as_of)
    mine, theirs = labels.get(version), labels.get(against)
    if mine is None or theirs is None:
        return []
    if not (_enough(frame, parts[0], mine.total) and _enough(frame, parts[1], theirs.total)):
        return []
    wanted = JUDGED[layout.task]
    measured = measure_performance(
        layout,
        mine.total,
        _usable(frame, parts[0]),
        reference=theirs.total,
        reference_predictions=_usable(frame, parts[1]),
        reference_windows=[],
        alpha=ALPHA / len(wanted),
        tolerances={metric: PERFORMANCE[metric].warning for metric in wanted},
        mature=True,
        hours=mine,
    )
    return [("performance", one) for one in measured if one.metric in wanted]


def _enough(frame: Frame, part: WindowCounts | None, labels: LabelCounts) -> bool:
    return part is not None and labels.rows >= frame.settings.min_label_coverage * _usable(frame, part)


def _usable(frame: Frame, part: WindowCounts | None) -> int:
    """Rows that a label can make right or wrong."""
    return 0 if part is None else round(float(part.rows - without_use(frame.binning, "prediction", part.counts)))


def _reading(kind: str, one: Measurement, judged: Judged, against: str) -> dict[str, Any]:
    numbers = ("value", "lower", "upper", "p_value", "effect", "effect_lower", "effect_upper", "alpha", "mde")
    found = {
        "kind": kind,
        "metric": one.metric,
        "feature": one.feature,
        **{name: _number(getattr(one, name)) for name in numbers},
        "threshold": judged.threshold,
        "critical": judged.critical,
        "verdict": judged.verdict,
        "reason": judged.reason,
        "n_reference": one.n_reference,
        "n_current": one.n_current,
        "details": finite(dict(one.details)),
    }
    return {**found, "summary": words(found, against)}


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
