"""Retention: what is older than a model keeps is deleted, counted back from its newest prediction."""

from __future__ import annotations

from monitor import clock
from monitor.actions.models import settings_of
from monitor.actions.recording_apart import NO_TIMES, turn
from monitor.service import Service
from monitor.store import locks, models, summaries


def prune(service: Service, now: int) -> int:
    """Delete rows and summaries past each model's retention; how many predictions went."""
    gone = 0
    for model in models.every(service.database):
        retention = settings_of(model).retention
        if retention is not None and model.newest_prediction is not None:
            gone += _prune(service, model, model.newest_prediction - clock.parse_duration(retention), now)
    return gone


def _prune(service: Service, model: models.Model, oldest: int, now: int) -> int:
    hour = oldest // clock.HOUR
    if model.oldest_prediction is None or model.oldest_prediction >= hour * clock.HOUR:
        return 0
    with (
        service.database.write(locks.model(model.name), locks.posts(model.name)) as connection,
        turn(service, connection, model, NO_TIMES, now),
    ):
        gone = service.observations.drop_before(connection, model.stored, hour)
        summaries.drop_before(connection, model.id, hour)
        models.note_pruned(connection, model.id, gone, hour * clock.HOUR)
    return gone
