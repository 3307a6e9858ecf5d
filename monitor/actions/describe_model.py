"""One model with all that is known of it: what the list shows, with its segments, and what its budget promises."""

from __future__ import annotations

from typing import Any

from monitor.actions.describe import describe, moment_of
from monitor.actions.frame import Frame
from monitor.actions.levels import segments_of
from monitor.actions.models import settings_of
from monitor.actions.promise import promise_told
from monitor.service import Service
from monitor.store import trigger_runs
from monitor.store.database import Connection
from monitor.store.models import Model


def describe_model(service: Service, connection: Connection, model: Model, now: int) -> dict[str, Any]:
    """As ``GET /v1/models/{model}`` shows it."""
    frame = Frame.load(service, connection, model)
    return {**listed_model(service, connection, model, now), **promise_told(frame, moment_of(model, now))}


def listed_model(service: Service, connection: Connection, model: Model, now: int) -> dict[str, Any]:
    """As ``GET /v1/models`` shows it: without the promise, which takes most of the time, among many models."""
    frame = Frame.load(service, connection, model) if settings_of(model).segments else None
    return {
        **describe(connection, model, now),
        "segments": [] if frame is None else segments_told(frame),
        "retrainings": trigger_runs.tally(connection, model.id),
    }


def segments_told(frame: Frame) -> list[dict[str, Any]]:
    """Every segment that is counted, by name: how many rows it has in the reference that has most of them and in a week
    of that, and whether it is judged, or why not."""
    judged = segments_of(frame)
    return [
        {
            "segment": name,
            "judged": name in judged,
            "reason": None if name in judged else "too_few_rows",
            "reference_rows": round(size.reference),
            "weekly_rows": round(size.weekly),
        }
        for name, size in frame.segment_sizes().items()
    ]
