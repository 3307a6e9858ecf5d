"""Store a body of labels: one transaction."""

from __future__ import annotations

from typing import Any

import numpy as np

from monitor.actions.record_predictions import answer
from monitor.ingest.privacy import private_features, redacted
from monitor.service import Service
from monitor.store import locks, models, quarantine
from monitor.store.observations.arriving import ArrivingLabels
from monitor.store.observations.base import Appended


def record_labels(service: Service, model_name: str, rows: ArrivingLabels, now: int) -> dict[str, Any]:
    """Keep labels, every revision; the answer is that of predictions with ``unmatched``: labels in this body whose
    prediction is not known yet.

    Raises Invalid for an impossible model name and StoreUnavailable, having stored nothing.
    """
    models.check_name(model_name)
    appended = Appended(0, 0, np.empty(0, np.int64))
    if len(rows.batch.ids) or rows.rejects:
        appended = _store(service, model_name, rows, now)
    told = answer(appended, rows.rejects, rows.warnings)
    return {**told, "unmatched": appended.unmatched}


def _store(service: Service, model_name: str, rows: ArrivingLabels, now: int) -> Appended:
    with service.database.write(locks.posts(model_name)) as connection:
        model = models.ensure(connection, model_name, now)
        rejects = redacted(rows.rejects, private_features(model.settings))
        if not model.n_predictions and not model.n_labels:
            service.observations.ensure_model(connection, model.stored)
        appended = service.observations.append_labels(connection, model.stored, rows.batch, now)
        if appended.accepted:
            models.note_labels(connection, model.id, appended.accepted, int(rows.batch.timestamps.max()))
        if len(appended.hours):
            change = models.bump_change(connection, model.id)
            models.mark_dirty(connection, model.id, appended.hours.tolist(), change, labels_only=True)
        quarantine.keep(connection, model.id, "labels", rejects, now)
    return appended
