"""Retention: what is older than a model keeps is deleted, counted back from its newest prediction."""

from __future__ import annotations

from monitor import clock
from monitor.actions.each_model import by_itself
from monitor.actions.models import settings_of
from monitor.actions.recording_apart import NO_TIMES, turn
from monitor.service import Service
from monitor.store import locks, models, pinned_hours, summaries


def prune(service: Service, now: int) -> int:
    """Delete rows and summaries past each model's retention; how many predictions went."""
    gone = 0
    for model in models.every(service.database):
        settings = settings_of(model)
        if settings.retention is not None and model.newest_prediction is not None:
            kept = settings.retention if settings.summary_retention is None else settings.summary_retention
            hours = (_hour(model.newest_prediction, settings.retention), _hour(model.newest_prediction, kept))
            with by_itself(service, model.name, "pruning"):
                gone += _prune(service, model, *hours, now)
    return gone


def _hour(newest: int, retention: str) -> int:
    """The first hour that is kept."""
    return (newest - clock.parse_duration(retention)) // clock.HOUR


def _prune(service: Service, model: models.Model, rows_since: int, summaries_since: int, now: int) -> int:
    """Once for each hour that the model moves on, and again for what had to be left; never back where retention is made
    longer."""
    is_older = model.oldest_prediction is not None and model.oldest_prediction < rows_since * clock.HOUR
    is_further = model.rows_since is None or model.rows_since < rows_since
    if not (is_older and is_further):
        if model.rows_since is None or not _is_left(service, model):
            return 0
        rows_since = max(rows_since, model.rows_since)
    service.observations.tend(service.database, model.stored)
    with (
        service.database.write(locks.model(model.name), locks.posts(model.name)) as connection,
        turn(service, connection, model, NO_TIMES, now) as mine,
    ):
        models.note_pruned(
            connection, model.id, 0, rows_since, summaries_since * clock.HOUR
        )  # nothing counts them again
        summaries.drop_before(connection, model.id, summaries_since)
        pinned_hours.drop_labels_before(connection, model.id, summaries_since)
        with mine.outside():  # last: from then on nobody may read the model's rows until this is committed
            gone = service.observations.drop_before(connection, model.stored, rows_since)
        models.note_pruned(connection, model.id, gone, rows_since, summaries_since * clock.HOUR)
    return gone


def _is_left(service: Service, model: models.Model) -> bool:
    assert model.rows_since is not None
    with service.database.read() as connection:
        return service.observations.is_left_before(connection, model.stored, model.rows_since)
