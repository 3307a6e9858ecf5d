"""The fleet: one line per model."""

from __future__ import annotations

from urllib.parse import urlencode

from dashboards import views
from monitor import clock
from monitor.actions import describe
from monitor.actions.models import settings_of
from monitor.actions.run_due import is_dormant
from monitor.service import Service
from monitor.store import models, pages
from monitor.store.database import Connection
from monitor.store.models import Model

AT_ONCE = 25
SPARK = 30 * clock.DAY
_VERDICTS = {2: "warning", 3: "critical"}
_WORDS = {
    "no_reference": "no reference yet",
    "no_recent_data": "no recent data",
    "no_recent_run": "no recent run",
    "cannot_tell": "too little to tell",
}


def fleet(service: Service, now: int, search: str, page: int) -> views.Fleet:
    """One page of the fleet; ``page`` from 1."""
    with service.database.read() as connection:
        found = pages.fleet(connection, search, AT_ONCE + 1, (page - 1) * AT_ONCE)
        lines = [_line(connection, row, now) for row in found[:AT_ONCE]]
        any_models = bool(lines) or models.count(connection) > 0
    kept = {"q": search} if search else {}
    return views.Fleet(
        models=lines,
        search=search,
        any_models=any_models,
        earlier="/?" + urlencode({"page": page - 1, **kept}) if page > 1 else None,
        later="/?" + urlencode({"page": page + 1, **kept}) if len(found) > AT_ONCE else None,
        address=service.settings.public_url,
    )


def health(connection: Connection, model: Model, now: int) -> views.Health:
    """The verdict, with its reasons in words."""
    found = describe.health(connection, model, describe.moment_of(model, now))
    reasons = [_WORDS.get(reason, reason) for reason in found.reasons]
    return views.Health(found.status, reasons, found.since, found.as_of)


def task_of(model: Model) -> str | None:
    """The task, once it is configured or settled."""
    return settings_of(model).task or model.task


def _line(connection: Connection, row: pages.FleetRow, now: int) -> views.FleetModel:
    model = row.model
    end = describe.newest_data(model)
    drift = pages.worst_by_day(connection, model.id, end - SPARK, end)
    return views.FleetModel(
        name=model.name,
        task=task_of(model),
        owner=settings_of(model).owner,
        health=health(connection, model, now),
        dormant=model.newest_prediction is not None and is_dormant(model, now),
        critical=row.critical,
        warning=row.warning,
        pending=row.pending,
        drift=[(at, size, _VERDICTS.get(rank, "ok")) for at, size, rank in drift],
        predictions=model.n_predictions,
        newest_prediction=model.newest_prediction,
        newest_label=model.newest_label,
        coverage=_coverage(connection, model, end, now),
    )


def _coverage(connection: Connection, model: Model, end: int, now: int) -> float | None:
    hours = pages.rows_by_hour(connection, model.id, end - SPARK, end, now)
    rows = sum(one.usable for one in hours)
    return sum(min(one.labelled, one.usable) for one in hours) / rows if rows else None
