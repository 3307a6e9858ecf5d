"""What a model takes in the store."""

from __future__ import annotations

from typing import Any

from monitor.actions import models as known_models
from monitor.service import Service
from monitor.store import models, weights
from monitor.store.database import Connection
from monitor.store.models import Model

Figures = dict[str, dict[str, int]]


def storage_of(service: Service, name: str) -> dict[str, Any]:
    """Rows and bytes by part, and in total; bytes are estimates to some percent. Raises NotFound."""
    with service.database.read() as connection:
        return _told(service, connection, known_models.get(connection, name))


def storage(service: Service) -> list[dict[str, Any]]:
    """The like of every model, the largest first."""
    found = []
    for model in models.every(service.database):
        with service.database.read() as connection:
            found.append(_told(service, connection, model))
    return sorted(found, key=lambda one: (-one["bytes"], one["model"]))


def _told(service: Service, connection: Connection, model: Model) -> dict[str, Any]:
    own = service.observations.size(connection, model.stored)
    parts: Figures = {
        "predictions": {"rows": model.n_predictions, "bytes": own["predictions"]},
        "labels": {"rows": model.n_labels, "bytes": own["labels"]},
    }
    for name, one in weights.weights(connection, model.id).items():
        parts[name] = {"rows": one.rows, "bytes": one.bytes}
    return {"model": model.name, "bytes": sum(part["bytes"] for part in parts.values()), "parts": parts}
