"""The one place where the parts are joined."""

from __future__ import annotations

import contextlib
from pathlib import Path

from monitor.errors import Invalid
from monitor.service import Service
from monitor.settings import Settings, load
from monitor.store import schema
from monitor.store.database import Database
from monitor.store.observations import postgres, sqlite
from monitor.store.observations.base import Observations
from monitor.store.observations.clickhouse.store import ClickHouseObservations
from monitor.store.observations.sql import SqlObservations
from monitor.store.opening import open_database


def build(settings: Settings, *, only_answers: bool = False) -> Service:
    """Connect the parts that the settings name; the embedded default brings its own schema up to date.
    ``only_answers``: the schema of the version before will do until it is migrated.

    Raises Invalid for a store that this version does not know, SchemaOutdated for one that must be migrated first.
    """
    refuse_unknown_store(settings.database_url)
    with contextlib.ExitStack() as unless_whole:
        has_rows = settings.observations_url == settings.database_url
        database = open_database(settings.database_url, has_rows=has_rows)
        unless_whole.callback(database.close)
        service = Service(settings, database, _observations(settings, database), elsewhere=_elsewhere)
        if settings.embedded:
            schema.migrate(service.database)
        elif only_answers:
            schema.go_on_before(service.database)
        else:
            schema.require_newest(service.database)
        unless_whole.pop_all()
    return service


def _elsewhere(folder: Path) -> Service:
    return build(load({}, home=folder))


def _observations(settings: Settings, database: Database) -> Observations:
    url = settings.observations_url
    if url == settings.database_url:
        return observations_on(database)
    if url.partition(":")[0] in ("clickhouse", "chdb"):
        return ClickHouseObservations(url)
    raise Invalid(
        "PLIMSOLL_OBSERVATIONS_URL must be clickhouse://… or chdb://PATH, or be left out: then predictions and labels"
        " are in the same database as all else",
        field="observations_url",
    )


def observations_on(database: Database) -> SqlObservations:
    """Predictions and labels in the same database as everything else."""
    return SqlObservations(sqlite if database.is_sqlite else postgres)


def refuse_unknown_store(url: str) -> None:
    """Raises Invalid for a store that this version does not know."""
    scheme = url.partition(":")[0]
    if scheme not in ("sqlite", "postgresql", "postgres"):
        raise Invalid(
            f"A store of kind {scheme!r} is not supported; use postgresql://user@host:port/database, "
            "sqlite:///path, or leave it out"
        )


def migrate(settings: Settings) -> tuple[str | None, str]:
    """Bring the store's schema to the newest; what it was and what it is. Raises as ``build`` does."""
    refuse_unknown_store(settings.database_url)
    database = open_database(settings.database_url)
    try:
        return schema.migrate(database)
    finally:
        database.close()
