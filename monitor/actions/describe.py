"""What is known of a model, for the API and the pages: its description and its health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitor import clock, cron
from monitor.actions import counting
from monitor.actions import models as known_models
from monitor.actions.models import meaning_of_model, settings_of
from monitor.actions.run_due import DORMANT, is_dormant
from monitor.config.inventory import Check, checks_of, newest_end
from monitor.service import Service
from monitor.store import marks, models, references, summaries, told, verdicts
from monitor.store.database import Connection
from monitor.store.models import Model

FOUR_HOURS = 4 * clock.HOUR


@dataclass(frozen=True)
class Health:
    """A verdict for other systems; times in microseconds."""

    status: str
    reasons: tuple[str, ...]
    since: int | None
    as_of: int

    def to_json(self) -> dict[str, Any]:
        """As CONTRACT names it."""
        return {
            "status": self.status,
            "reasons": list(self.reasons),
            "since": clock.optional(self.since),
            "as_of": clock.render(self.as_of),
        }


def default_as_of(service: Service, name: str, now: int) -> int:
    """The moment of a run that names none: now, or for a dormant model the first 4-hour mark after its newest
    prediction."""
    with service.database.read() as connection:
        model = known_models.get(connection, name)
    if model.newest_prediction is None or not is_dormant(model, now):
        return now
    return newest_data(model)


def newest_data(model: Model) -> int:
    """The first 4-hour mark after the newest prediction."""
    newest = model.newest_prediction or 0
    return newest - newest % FOUR_HOURS + FOUR_HOURS


def moment_of(model: Model, now: int) -> int:
    """Where a model stands in time: now, or when it is dormant the hour in which the schedule looked at the end of its
    data."""
    dormant = model.newest_prediction is not None and is_dormant(model, now)
    return min(newest_data(model) + clock.HOUR, now) if dormant else now


def health(connection: Connection, model: Model, as_of: int, version: str | None = None) -> Health:
    """The verdict on a model (or one of its versions) at a moment, from what was known then. A window that tells
    nothing does not hide an alert that fires."""
    unknown = _unknown(connection, model, as_of)
    if version is not None and version not in {one.version for one in models.list_versions(connection, model.id)}:
        unknown = "unknown_version"
    if unknown is not None:
        return Health("unknown", (unknown,), None, as_of)
    fired = firing(connection, model, as_of, version)
    critical = [one for one in fired if one.severity == "critical"]
    if fired:
        worst = critical or fired
        status = "unhealthy" if critical else "degraded"
        return Health(status, tuple(one.summary for one in fired), min(one.since for one in worst), as_of)
    newest = told.newest(connection, model.id, as_of)
    if newest.failed:
        return Health("unknown", tuple(f"check_failed: {name}" for name in newest.failed), None, as_of)
    if not newest.anything:
        return Health("unknown", ("cannot_tell",), None, as_of)
    return Health("healthy", (), verdicts.quiet_since(connection, model.id, as_of, version), as_of)


def firing(connection: Connection, model: Model, as_of: int, version: str | None = None) -> list[verdicts.Firing]:
    """The alerts that fired at a moment, each with what it said of itself then."""
    rules = model.settings.get("rules") or ()  # as they were checked when they were stored
    critical_alone = {one["name"] for one in rules if one.get("at") == "critical"}
    return verdicts.firing_at(connection, model.id, as_of, version, critical_alone)


def _unknown(connection: Connection, model: Model, as_of: int) -> str | None:
    if not known_models.has_checks(model):
        return "no_reference"
    newest_prediction = _newest_prediction(connection, model, as_of)
    if newest_prediction is None or newest_prediction < as_of - DORMANT:
        return "no_recent_data"
    newest = marks.newest_measured(connection, model.id, as_of)
    if newest is None or newest < _expected(_checks(model), as_of):
        return "no_recent_run"
    return None


def _checks(model: Model) -> Sequence[Check]:
    return checks_of(settings_of(model), has_reference=model.first_reference_at is not None)


def _newest_prediction(connection: Connection, model: Model, as_of: int) -> int | None:
    """The newest that was known at a moment; to the hour where newer ones are known by now."""
    newest = model.newest_prediction
    if newest is None or newest <= as_of:
        return newest
    counted = summaries.newest_prediction(connection, model.id, as_of // clock.HOUR)
    if counted is not None or model.oldest_prediction is None or model.oldest_prediction > as_of:
        return counted
    return model.oldest_prediction


def _expected(checks: Sequence[Check], as_of: int) -> int:
    """The end of a window that must have been measured at a moment, when no run may be older than two schedules."""
    due = [
        newest_end(min(check.lengths), looked)
        for check in checks
        if (looked := cron.latest(check.schedule, as_of, 2)) is not None
    ]
    return max(due, default=0)


def describe(connection: Connection, model: Model, now: int) -> dict[str, Any]:
    """The model as ``GET /v1/models/{model}`` shows it."""
    settings = settings_of(model)
    meaning = meaning_of_model(model)
    known_task = settings.task or model.task
    by_role: dict[str, dict[str, Any]] = {"feature": {}, "segment": {}, "metric": {}}
    for column in model.columns:
        if column.role in by_role:
            by_role[column.role][column.name] = {"type": column.type or counting.likely(column.storage)}
    return {
        "name": model.name,
        "task": known_task,
        "positive_label": meaning.positive if settings.positive_label is None else settings.positive_label,
        "owner": settings.owner,
        "schema": {
            "features": by_role["feature"],
            "segments": sorted({*by_role["segment"], *settings.segments}),
            "metrics": by_role["metric"],
            "classes": list(meaning.classes),
        },
        "versions": [one.version for one in models.list_versions(connection, model.id) if one.version],
        "counts": {
            "predictions": model.n_predictions,
            "labels": model.n_labels,
            "quarantined": model.n_quarantined,
        },
        "newest_prediction": clock.optional(model.newest_prediction),
        "newest_label": clock.optional(model.newest_label),
        "references": [_reference(one, model) for one in references.newest(connection, model.id)],
        "false_alarms_per_month": settings.false_alarms_per_month,
        "tolerance": settings.tolerance,
        "min_label_coverage": settings.min_label_coverage,
        "label_horizon": settings.label_horizon,
        "retention": settings.retention,
        "summary_retention": settings.summary_retention,
        "rows_since": None if model.rows_since is None else clock.render(model.rows_since * clock.HOUR),
        "dormant": is_dormant(model, now),
        "health": health(connection, model, now).to_json(),
    }


def _reference(reference: references.Reference, model: Model) -> dict[str, Any]:
    return {
        "name": reference.name,
        "version": reference.version,
        "rows": reference.rows,
        "default": reference.name == model.default_reference,
        "model_versions": sorted(version for version in reference.model_versions if version),
        "start": clock.optional(reference.start),
        "end": clock.optional(reference.end),
        "created_at": clock.render(reference.created_at),
    }
