"""The schema's version: Alembic over the fixed tables."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from monitor.errors import SchemaOutdated
from monitor.store.database import Database


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "migrations:")
    config.set_main_option("path_separator", "os")
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def newest() -> str:
    """The revision that this program wants."""
    return str(_script().get_current_head())


def current(database: Database) -> str | None:
    """The store's revision, None when it is empty."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the schema to the newest revision; what it was and what it is."""
    before = current(database)
    _refuse_newer(before)
    if before != newest():
        migrate_to(database, "head")
    return before, newest()


def migrate_to(database: Database, revision: str) -> None:
    """Bring an older schema to a revision."""
    with database.write() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _refuse_newer(known: str | None) -> None:
    if known is not None and known not in {script.revision for script in _script().walk_revisions()}:
        raise SchemaOutdated(f"The store is at schema {known}, which this program does not know: use a newer Plimsoll")


def require_newest(database: Database) -> None:
    """Raises SchemaOutdated, with the command to run, when the store is behind."""
    known = current(database)
    _refuse_newer(known)
    if known != newest():
        what = "has no tables yet" if known is None else f"is at schema {known}"
        raise SchemaOutdated(f"The store {what}; this program needs {newest()}. Run: plimsoll migrate")
