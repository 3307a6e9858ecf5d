"""Store a body of predictions: one transaction, from a model's first record to the marks of its dirty hours."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from monitor.actions.private import protected
from monitor.clock import HOUR
from monitor.service import Service
from monitor.store import locks, models, quarantine
from monitor.store.observations.arriving import ArrivingPredictions
from monitor.store.observations.base import Appended
from monitor.store.observations.fit import fit, new_columns

MAX_ERRORS = 100
MAX_WARNINGS = 20


def record_predictions(service: Service, model_name: str, rows: ArrivingPredictions, now: int) -> dict[str, Any]:
    """Store what is acceptable, keep the rest in quarantine; the answer as CONTRACT names it, with ``error`` where
    nothing was acceptable. Durable when it returns.

    Raises Invalid for an impossible model name and StoreUnavailable, having stored nothing.
    """
    models.check_name(model_name)
    if not len(rows.ids) and not rows.rejects:
        return answer(Appended(0, 0, np.empty(0, np.int64)), rows.rejects, rows.warnings)
    with service.database.write(locks.posts(model_name)) as connection:
        model = models.ensure(connection, model_name, now)
        rows = protected(connection, model, rows)
        new = new_columns(rows, model.columns, models.configured_types(model.settings))
        models.add_columns(connection, model.id, new)
        stored = models.with_columns(model, new)
        if new or not model.n_predictions:
            service.observations.ensure_model(connection, stored)
        batch, warnings = fit(rows, stored.columns)
        appended = service.observations.append(connection, stored, batch)
        models.note_predictions(connection, model.id, appended.versions)
        _note_hours(connection, model.id, rows, appended, now)
        quarantine.keep(connection, model.id, "predictions", rows.rejects, now)
    return answer(appended, rows.rejects, (*rows.warnings, *warnings))


def _note_hours(connection: Any, model_id: int, rows: ArrivingPredictions, appended: Appended, now: int) -> None:
    """Counts and dirty marks. A reject counts in the hour of its timestamp, else of the body's newest row, else of
    arrival; hours whose counts changed are dirty too, since readings of quality use them."""
    elsewhere = (int(rows.timestamps.max()) if len(rows.timestamps) else now) // HOUR
    rejected = Counter(elsewhere if reject.timestamp is None else reject.timestamp // HOUR for reject in rows.rejects)
    conflicting = Counter(appended.conflicting_hours.tolist())
    models.count_ingest(connection, model_id, rejected, conflicting)
    hours = {*appended.hours.tolist(), *rejected, *conflicting}
    if hours:
        change = models.bump_change(connection, model_id)
        models.mark_dirty(connection, model_id, sorted(hours), change, labels_only=False)


def answer(appended: Appended, rejects: Any, warnings: Any) -> dict[str, Any]:
    """Counts, the first errors, warnings; an ``error`` if there were rows and none could be used."""
    told: dict[str, Any] = {
        "accepted": appended.accepted,
        "duplicates": appended.duplicates,
        "rejected": len(rejects),
        "errors": [
            {"row": reject.row, "id": reject.id, "field": reject.field, "reason": reject.reason}
            for reject in rejects[:MAX_ERRORS]
        ],
        "warnings": list(warnings[:MAX_WARNINGS]),
    }
    if rejects and not appended.accepted + appended.duplicates:
        first = rejects[0]
        told["error"] = {
            "code": "nothing_acceptable",
            "message": f"None of the {len(rejects)} rows can be used; the first: {first.reason}.",
            **({} if first.field is None else {"field": first.field}),
        }
    return told
