"""One model with all that is known of it: what the list shows, with its segments, and what its budget promises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from detectors.measurement import TOO_FEW_ROWS
from monitor.actions.describe import describe, moment_of
from monitor.actions.frame import Frame
from monitor.actions.levels import segments_of
from monitor.actions.models import settings_of
from monitor.actions.promise import promise_told
from monitor.service import Service
from monitor.store import trigger_runs
from monitor.store.database import Connection
from monitor.store.models import Model

UNKNOWN_COLUMN, NO_VALUES = "unknown_column", "no_values"


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
    of that, and whether it is judged, or why not. Then each configured column of which there are none."""
    judged = segments_of(frame)
    found = [
        _told(name, None if name in judged else TOO_FEW_ROWS, size.reference, size.weekly)
        for name, size in frame.segment_sizes().items()
    ]
    return [*found, *(_told(name, reason) for name, reason in _not_sliced(frame))]


def _told(name: str, reason: str | None, reference: float = 0, weekly: float = 0) -> dict[str, Any]:
    return {
        "segment": name,
        "judged": reason is None,
        "reason": reason,
        "reference_rows": round(reference),
        "weekly_rows": round(weekly),
    }


def _not_sliced(frame: Frame) -> Iterator[tuple[str, str]]:
    """Columns to slice by that gave no segment, as far as a reference could tell, and why: no row has one of this name,
    or no value of it has enough rows in the references."""
    sent = {column.name for column in frame.model.columns if column.role in ("segment", "feature")}
    for one in frame.binning.segments if frame.known else ():
        if not one.values and one.name in frame.settings.segments:
            yield one.name, NO_VALUES if one.name in sent else UNKNOWN_COLUMN
