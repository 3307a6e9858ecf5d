"""Store a body of predictions: one transaction, from a model's first record to the marks of its dirty hours."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.actions.append_parts import append_parts
from monitor.actions.private import protected, still_protected
from monitor.actions.recording_apart import ensure_within, turn
from monitor.actions.several import ONE, within
from monitor.clock import HOUR
from monitor.ingest import conform
from monitor.service import Service
from monitor.store import locks, models, quarantine
from monitor.store.database import Connection
from monitor.store.observations.arriving import ArrivingPredictions
from monitor.store.observations.base import Appended, StoredColumn
from monitor.store.observations.fit import check_repeated, new_columns

MAX_ERRORS = 100
PATIENCE = 1.0  # seconds that rows wait for a store that another program holds
MAX_WARNINGS = 20
NOTHING = Appended(0, 0, np.empty(0, np.int64))


@dataclass(frozen=True)
class Stored:
    """What became of rows, and what there is to say of them; ``odd`` bool [n]: rows with values that no column could
    hold, ``columns`` the model's columns now."""

    appended: Appended
    warnings: tuple[str, ...]
    odd: NDArray[np.bool_]
    columns: tuple[StoredColumn, ...]

    @property
    def says_predictions(self) -> bool:
        """Whether the model ever sent one: of others the likeliest class is it."""
        return any(column.role == "prediction" for column in self.columns)


def record_predictions(service: Service, model_name: str, rows: ArrivingPredictions, now: int) -> dict[str, Any]:
    """Store what is acceptable, keep the rest in quarantine; the answer as CONTRACT names it, with ``error`` where
    nothing was acceptable. Durable when it returns.

    Raises Invalid for an impossible model name, TooLarge and StoreUnavailable, having stored nothing.
    """
    models.check_name(model_name)
    if not len(rows.ids) and not rows.rejects:
        return answer(0, 0, rows.rejects, rows.warnings)
    with service.database.write(locks.posts(model_name), patience=PATIENCE) as connection:
        model = models.ensure(connection, model_name, now)
        stored = store_predictions(service, connection, model, rows, now)
    appended = stored.appended
    unsaid = conform.said_of_unsaid(int(conform.unsaid(rows).sum())) if stored.says_predictions else ()
    warnings = (*rows.warnings, *unsaid, *stored.warnings)
    return answer(appended.accepted, appended.duplicates, rows.rejects, warnings)


def store_predictions(
    service: Service,
    connection: Connection,
    model: models.Model,
    rows: ArrivingPredictions,
    now: int,
    begins: NDArray[np.int64] = ONE,
) -> Stored:
    """Store rows of one model inside a unit of work, with everything that is noted of them.

    ``begins`` int64 [bodies + 1]: where each body's rows begin in ``positions``, and where the last one's end.
    """
    sent, rows = rows, protected(connection, model, rows)
    new = new_columns(rows, model.columns, models.configured_types(model.settings))
    models.add_columns(connection, model.id, new)
    stored = models.with_columns(model, new)
    check_repeated(rows, stored.columns)
    if new or not model.n_predictions:
        ensure_within(service, connection, stored)
    with turn(service, connection, model, rows.timestamps, now) as mine:
        rows = still_protected(connection, model, sent, rows)
        with mine.outside():
            appended, remarks, odd = append_parts(service.observations, connection, stored, rows, mine.number)
        models.note_predictions(connection, model.id, appended.versions)
        _note_hours(connection, model.id, appended, _reject_hours(rows, begins, now))
        quarantine.keep(connection, model.id, "predictions", (one for _, one in within(rows.rejects, begins)), now)
    return Stored(appended, tuple(remarks.words()), odd, stored.columns)


def _reject_hours(rows: ArrivingPredictions, begins: NDArray[np.int64], now: int) -> Counter[int]:
    """How many rejects count in which hour: that of their timestamp, else of their body's newest row, else of
    arrival."""

    @cache
    def elsewhere(body: int) -> int:
        first, end = np.searchsorted(rows.positions, begins[body : body + 2])
        return int(rows.timestamps[first:end].max(initial=0)) or now

    some = within(rows.rejects, begins)
    return Counter((elsewhere(body) if one.timestamp is None else one.timestamp) // HOUR for body, one in some)


def _note_hours(connection: Connection, model_id: int, appended: Appended, rejected: Counter[int]) -> None:
    """Counts and dirty marks: hours whose counts changed are dirty too, since readings of quality use them."""
    conflicting = Counter(appended.conflicting_hours.tolist())
    models.count_ingest(connection, model_id, rejected, conflicting)
    hours = {*appended.hours.tolist(), *rejected, *conflicting}
    if hours:
        change = models.bump_change(connection, model_id)
        models.mark_dirty(connection, model_id, sorted(hours), change, labels_only=False)


def answer(accepted: int, duplicates: int, rejects: Any, warnings: Any) -> dict[str, Any]:
    """Counts, the first errors, warnings; an ``error`` if there were rows and none could be used."""
    told: dict[str, Any] = {
        "accepted": accepted,
        "duplicates": duplicates,
        "rejected": len(rejects),
        "errors": [
            {"row": reject.row, "id": reject.id, "field": reject.field, "reason": reject.reason}
            for reject in rejects[:MAX_ERRORS]
        ],
        "warnings": list(warnings[:MAX_WARNINGS]),
    }
    if rejects and not accepted + duplicates:
        first = rejects[0]
        told["error"] = {
            "code": "nothing_acceptable",
            "message": f"None of the {len(rejects)} rows can be used; the first: {first.reason}.",
            **({} if first.field is None else {"field": first.field}),
        }
    return told
