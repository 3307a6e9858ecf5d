"""Why a performance alert fires: the parts of the loss, the slices it is in, and whether retraining would help.

Worked out when somebody asks, in seconds, from at most 20,000 labelled rows of either side; nothing is written, and the
same store and as_of give the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from alerting.cause import sentences, slice_name
from alerting.words import finite
from detectors.explain.explain import Explanation, explain
from detectors.explain.labelled import Labelled
from detectors.explain.resampling import Part
from detectors.explain.retraining import Retraining
from detectors.explain.slices import Slice
from detectors.measurement import IMMATURE_LABELS, NO_REFERENCE, TOO_FEW_ROWS
from detectors.performance.label_pause import NAME as LABEL_PAUSE
from detectors.performance.row_loss import loss_name
from monitor import clock
from monitor.actions.frame import Frame
from monitor.actions.label_arrivals import known_of
from monitor.actions.labelled_rows import Asked, of_log, of_reference
from monitor.actions.measuring.sampled_rows import columns_of
from monitor.actions.pinned_labels import standing_in
from monitor.config.document import Trailing
from monitor.errors import Conflict, Invalid, NotFound
from monitor.service import Service
from monitor.store import alerts, models, readings, references
from monitor.store.database import Connection

PATIENCE = 30  # seconds to wait for another's explanation


@dataclass(frozen=True)
class _Case:
    """What an alert is about: rows predicted in [start, end), of a version and a segment, as known at as_of."""

    alert: Mapping[str, Any]
    metric: str
    version: str
    start: int
    end: int
    as_of: int


@dataclass(frozen=True)
class _Rows:
    """Both sides; ``reason`` where they say nothing."""

    importance: Mapping[str, float]
    reference: Labelled | None
    current: Labelled | None
    named: tuple[str, int | None] | None
    weighted: bool
    reason: str | None = None


def explain_alert(service: Service, alert_id: str, now: int, as_of: int | None = None) -> dict[str, Any]:
    """The explanation of a performance alert with the rows known at ``as_of`` (default: now; of an alert that is over:
    when it ended): of the predictions from its first window at severity to its newest one.

    Raises NotFound; Conflict for an alert that is not about performance; Invalid for an as_of that is yet to come, or
    before the alert began; Overloaded where others are waiting for theirs.
    """
    with service.database.read() as connection:
        case = _case(connection, alert_id, now, as_of)
        frame = _frame(service, connection, case)
        hour = case.as_of // clock.HOUR
        known = tuple(reference.id for reference in frame.known)
        key = (alert_id, case.metric, case.start, case.end, hour, frame.model.change, frame.config_version, known)
    told = service.explanations.find(key) or _made(service, case, key)
    return {**told, "as_of": clock.render(case.as_of)}


def _made(service: Service, case: _Case, key: tuple[Any, ...]) -> dict[str, Any]:
    with service.alone(PATIENCE):
        made: dict[str, Any] = service.explanations.get(key, lambda: _work_out(service, case))
    return made


def _work_out(service: Service, case: _Case) -> dict[str, Any]:
    """Rows are read first and the store let go: what follows takes seconds."""
    with service.database.read() as connection:
        frame = _frame(service, connection, case)
        loss = loss_name(frame.binning.scores, case.metric)
        rows, classes = _rows(frame, case, loss), frame.meaning.task != "regression"
    return _told(case, loss, rows, _explained(rows, classes=classes))


def _explained(rows: _Rows, *, classes: bool) -> Explanation | None:
    if rows.reference is None or rows.current is None:
        return None
    return explain(rows.importance, rows.reference, rows.current, classes=classes)


def _case(connection: Connection, alert_id: str, now: int, as_of: int | None) -> _Case:
    alert = alerts.get_alert(connection, alert_id)
    if alert is None:
        raise NotFound(f"There is no alert {alert_id!r}")
    if as_of is not None and as_of > now:
        raise Invalid(f"as_of {clock.render(as_of)} is later than now ({clock.render(now)})", field="as_of")
    ended = now if alert["resolved_at"] is None else clock.parse(alert["resolved_at"])
    at = min(now if as_of is None else as_of, ended)
    if at < clock.parse(alert["started_at"]):
        raise Invalid(f"This alert began at {alert['started_at']}, after as_of", field="as_of")
    evidence = alerts.latest_evidence(connection, alert_id, at)
    if not evidence or evidence[0]["kind"] != "performance" or evidence[0]["metric"] == LABEL_PAUSE:
        raise Conflict("Only alerts about performance can be explained: others say themselves what moved")
    windows = [one["window"] for one in alerts.list_transitions(connection, alert_id) if one["window"]]
    start, first_end = clock.parse(windows[0]["start"]), clock.parse(windows[0]["end"])
    model_id, key = alerts.alert_key(connection, alert_id)
    version, segment = key.version if key.version not in (None, alerts.POOLED) else "", key.segment or ""
    newest = readings.newest_at_severity(connection, model_id, alert["check"], version, segment, at)
    return _Case(alert, evidence[0]["metric"], version, start, max(newest or first_end, first_end), at)


def _frame(service: Service, connection: Connection, case: _Case) -> Frame:
    model = models.find(connection, case.alert["model"])
    frame = None if model is None else Frame.load(service, connection, model)
    if frame is None:
        raise Conflict("This model has no reference to compare with")
    return frame


def _rows(frame: Frame, case: _Case, loss: str) -> _Rows:
    columns = columns_of(frame, frame.features())
    settings = frame.settings.features
    weights = {name: one.importance for name, one in settings.items() if one.importance is not None}
    importance = {column.name: weights.get(column.name, 1.0) for column in columns}
    start, end = case.start // clock.HOUR, case.end // clock.HOUR
    known = known_of(frame, start, end, case.as_of, [case.version])
    nothing = _Rows(importance, None, None, None, weighted=False)
    if not known.overlap:
        return replace(nothing, reason=IMMATURE_LABELS)
    asked = Asked(case.version, case.alert["segment"], columns, loss)
    current = of_log(frame, asked, start, end, case.as_of, known.weighting)
    reference, named = _reference(frame, case, asked)
    if reference is None:
        return replace(nothing, current=current, reason=NO_REFERENCE)
    return _Rows(importance, reference, current, named, known.weighting is not None)


def _reference(frame: Frame, case: _Case, asked: Asked) -> tuple[Labelled | None, tuple[str, int | None] | None]:
    """What the alert's check compares with; the default where there is no such check any more."""
    given = next((check.reference for check in frame.checks if check.name == case.alert["check"]), None)
    if isinstance(given, Trailing):
        last = (case.start - clock.parse_duration(given.gap)) // clock.HOUR
        first = last - clock.parse_duration(given.trailing) // clock.HOUR
        rows = of_log(frame, replace(asked, version=None), first, last, case.as_of, None)
        return rows, (f"trailing {given.trailing}", None)
    chosen = references.choose(frame.known, frame.model.default_reference, given, case.version)
    if chosen is None:
        return None, None
    reference, version = standing_in(frame, chosen, case.as_of)
    mine = replace(asked, version=None if version == references.WHOLE else version)
    return of_reference(frame, mine, reference, case.as_of), (reference.name, reference.version)


def _told(case: _Case, loss: str, rows: _Rows, found: Explanation | None) -> dict[str, Any]:
    sizes = [0 if side is None else len(side) for side in (rows.reference, rows.current)]
    told: dict[str, Any] = {
        "alert": case.alert["id"],
        "model": case.alert["model"],
        "version": case.version or None,
        "segment": case.alert["segment"],
        "window": {"start": clock.render(case.start), "end": clock.render(case.end)},
        "reference": None if rows.named is None else {"name": rows.named[0], "version": rows.named[1]},
        "loss": loss,
        "n_reference": sizes[0],
        "n_current": sizes[1],
        "weighted": rows.weighted,
        "reason": rows.reason or (TOO_FEW_ROWS if found is None else None),
        "parts": None,
        "slices": [],
        "retraining": None,
    }
    if found is not None:
        told |= _findings(found)
    told = finite(told)
    return {**told, "summary": sentences(told)}


def _findings(found: Explanation) -> dict[str, Any]:
    parts = found.parts
    return {
        "parts": {
            "reference_value": parts.reference,
            "value": parts.current,
            "rise": _part(parts.rise),
            "covariate": _part(parts.covariate),
            "concept": _part(parts.concept),
            "shared_support": parts.shared,
            "effective_share": parts.effective,
            "domain_auc": parts.area,
        },
        "slices": [_slice(one) for one in found.slices.found],
        "slices_tested": found.slices.tested,
        "slices_looked_at": found.slices.candidates,
        "retraining": None if found.retraining is None else _retraining(found.retraining),
    }


def _part(one: Part) -> dict[str, float]:
    return {"value": one.value, "lower": one.lower, "upper": one.upper}


def _slice(one: Slice) -> dict[str, Any]:
    where = [
        {"feature": each.feature, "value": each.value, "above": each.low, "up_to": each.high, "missing": each.missing}
        for each in one.where
    ]
    return {
        "name": slice_name(where),
        "where": where,
        "effect": one.effect,
        "lower": one.lower,
        "upper": one.upper,
        "p_value": one.p_value,
        "share": one.share,
        "contribution": one.contribution,
        "n_current": one.rows,
        "n_reference": one.reference_rows,
    }


def _retraining(one: Retraining) -> dict[str, Any]:
    names = ("on_reference", "on_current")
    return {
        "gain": _part(one.gain),
        "fitted_on_reference": dict(zip(names, one.table[0].tolist(), strict=True)),
        "fitted_on_current": dict(zip(names, one.table[1].tolist(), strict=True)),
        "rows": one.rows,
    }
