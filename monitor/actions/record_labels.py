"""Store a body of labels: one transaction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.actions.labels_without_number import said_of_them, without_number
from monitor.actions.record_predictions import NOTHING, PATIENCE, answer
from monitor.actions.recording_apart import NO_TIMES, ensure_within, turn
from monitor.actions.several import ONE, within
from monitor.ingest.privacy import private_features, redacted
from monitor.service import Service
from monitor.store import locks, models, quarantine
from monitor.store.database import Connection
from monitor.store.observations.arriving import ArrivingLabels
from monitor.store.observations.base import Appended


def record_labels(service: Service, model_name: str, rows: ArrivingLabels, now: int) -> dict[str, Any]:
    """Keep labels, every revision; the answer is that of predictions with ``unmatched``: labels in this body whose
    prediction is not known yet.

    Raises Invalid for an impossible model name and StoreUnavailable, having stored nothing.
    """
    models.check_name(model_name)
    appended, warnings = NOTHING, rows.warnings
    if len(rows.batch.ids) or rows.rejects:
        with service.database.write(locks.posts(model_name), patience=PATIENCE) as connection:
            model = models.ensure(connection, model_name, now)
            appended = store_labels(service, connection, model, rows, now)
            warnings = (*warnings, *said_of_them(int(without_number(model, rows.batch).sum())))
    told = answer(appended.accepted, appended.duplicates, rows.rejects, warnings)
    return {**told, "unmatched": appended.unmatched}


def store_labels(
    service: Service,
    connection: Connection,
    model: models.Model,
    rows: ArrivingLabels,
    now: int,
    begins: NDArray[np.int64] = ONE,
) -> Appended:
    """Keep labels of one model inside a unit of work, with everything that is noted of them; ``begins`` as with
    predictions."""
    if not model.n_predictions and not model.n_labels:
        ensure_within(service, connection, model.stored)
    with turn(service, connection, model, NO_TIMES, now) as mine:
        with mine.outside():
            appended = service.observations.append_labels(connection, model.stored, rows.batch, now, mine.number)
        if appended.accepted:
            models.note_labels(connection, model.id, appended.accepted, int(rows.batch.timestamps.max()))
        if len(appended.hours):
            change = models.bump_change(connection, model.id)
            models.mark_dirty(connection, model.id, appended.hours.tolist(), change, labels_only=True)
        rejects = redacted(rows.rejects, private_features(model.settings))
        quarantine.keep(connection, model.id, "labels", (one for _, one in within(rejects, begins)), now)
    return appended
