"""One model with all that is known of it: what the list shows, and its segments."""

from __future__ import annotations

from typing import Any

from monitor.actions import models as known_models
from monitor.actions.describe import describe
from monitor.actions.frame import Frame
from monitor.actions.levels import segments_of
from monitor.service import Service


def describe_model(service: Service, name: str, now: int) -> dict[str, Any]:
    """As ``GET /v1/models/{model}`` shows it.

    Raises NotFound for an unknown model.
    """
    with service.database.read() as connection:
        model = known_models.get(connection, name)
        frame = Frame.load(service, connection, model)
        return {**describe(connection, model, now), "segments": [] if frame is None else segments_told(frame)}


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
