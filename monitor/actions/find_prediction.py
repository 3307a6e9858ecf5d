"""Look up one prediction."""

from __future__ import annotations

from typing import Any

from monitor.actions import models
from monitor.errors import NotFound
from monitor.service import Service


def find_prediction(service: Service, model_name: str, prediction_id: str) -> dict[str, Any]:
    """The prediction as ``Observations.get`` gives it, times in microseconds.

    Raises NotFound for an unknown model or id.
    """
    with service.database.read() as connection:
        model = models.get(connection, model_name)
        found = service.observations.get(connection, model.stored, prediction_id)
    if found is None:
        raise NotFound(f"Model {model_name!r} has no prediction {prediction_id[:100]!r}", field="id")
    return found
