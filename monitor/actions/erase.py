"""Erasure: one prediction with all that came with it, or a whole model."""

from __future__ import annotations

from typing import Any

from monitor import clock
from monitor.actions import models as known_models
from monitor.actions.recording_apart import NO_TIMES, turn
from monitor.errors import NotFound
from monitor.service import Service
from monitor.store import installation, locks, models, quarantine, references
from monitor.store.database import Connection
from monitor.store.models import Model


def erase_prediction(service: Service, name: str, prediction_id: str, now: int) -> dict[str, Any]:
    """Delete the prediction of an id, its labels, and rejected rows of that id; its hour is counted again without it.

    Answers how many of each went, and which references may hold the row too: those pinned from a stretch of the log
    with it, whose rows have no ids. Raises NotFound for an unknown model, and where nothing has that id.
    """
    with service.database.erasing(locks.model(name), locks.posts(name)) as connection:
        model = known_models.get(connection, name)
        with turn(service, connection, model, NO_TIMES, now) as mine:
            with mine.outside():
                erased = service.observations.erase(connection, model.stored, prediction_id)
            rejected = quarantine.erase(connection, model.id, prediction_id)
            models.note_erased(connection, model.id, erased)
            if erased.timestamp is not None:
                change = models.bump_change(connection, model.id)
                models.mark_dirty(connection, model.id, [erased.timestamp // clock.HOUR], change, labels_only=False)
        holding = [] if erased.timestamp is None else _holding(connection, model, erased.timestamp)
    if erased.timestamp is None and not erased.labels and not rejected:
        raise NotFound(f"Model {name!r} has nothing with the id {prediction_id[:100]!r}")
    return {
        "predictions": int(erased.timestamp is not None),
        "labels": erased.labels,
        "quarantined": rejected,
        "references": holding,
    }


def _holding(connection: Connection, model: Model, timestamp: int) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "version": one.version}
        for one in references.all_of(connection, model.id)
        if one.pinned and one.start is not None and one.end is not None and one.start <= timestamp <= one.end
    ]


def delete_model(service: Service, name: str, now: int) -> dict[str, Any]:
    """Delete a model with all that is stored of it: rows, labels, references, summaries, readings, alerts, messages.

    Raises NotFound for an unknown model.
    """
    with service.database.erasing(locks.HOUSE, locks.model(name), locks.posts(name)) as connection:
        model = known_models.get(connection, name)
        with turn(service, connection, model, NO_TIMES, now):  # rows under way to another store come to their end first
            service.observations.drop_model(connection, model.stored)
            models.delete(connection, model.id)
            installation.note_deletion(connection, model.id)
    return {"deleted": name, "predictions": model.n_predictions, "labels": model.n_labels}
