"""The schema's version: Alembic over the fixed tables."""

from __future__ import annotations

import logging
import time
from functools import cache
from itertools import takewhile

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from monitor.errors import Invalid, SchemaOutdated, StoreBusy, StoreUnavailable
from monitor.store import config
from monitor.store.database import Database

log = logging.getLogger(__name__)

_KIND, _RUNS_WITH = "schema", "runs_with"
# Seconds on PostgreSQL: a migration waits for a table so long, late in its time longer (who reads without a pause, or
# the server's own tidying, ends then), rests for a moment before it tries again, and is given up in the end.
SOON, LATE, PAUSE, LIMIT = 0.3, 2.0, 0.2, 60.0


def _settings() -> Config:
    found = Config()
    found.set_main_option("script_location", "migrations:")
    found.set_main_option("path_separator", "os")
    return found


@cache
def _script() -> ScriptDirectory:
    """The migrations of this program, which never change while it runs: reading them takes a while."""
    return ScriptDirectory.from_config(_settings())


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
    if not _is_known(before):
        require_newest(database)
        return before, str(before)
    migrate_to(database, newest())
    return before, newest()


def migrate_to(database: Database, revision: str) -> None:
    """Bring an older schema to a revision, each migration in a transaction of its own: what it holds is not held while
    the next one waits, and what was done stays where a later one fails. Raises Invalid or StoreUnavailable, which say
    where the schema stands."""
    until = time.monotonic() + LIMIT
    for script in reversed(list(_script().iterate_revisions(revision, current(database) or "base"))):
        _step(database, script, until)


def _step(database: Database, script: Script, until: float) -> None:
    """One migration, tried again until it gets the tables that it changes. Whoever wants those waits behind it
    meanwhile; and as long as it waits for less than the server's ``deadlock_timeout`` (1 s), a page that has read of
    another of its tables is not given up as half of a deadlock."""
    stands = f"The schema stands at {script.down_revision or 'nothing'}, whole"
    while True:
        is_late = time.monotonic() > until - LIMIT / 2
        try:
            with database.write(patience=5.0 if database.is_sqlite else LATE if is_late else SOON) as connection:
                if MigrationContext.configure(connection).get_current_revision() != script.down_revision:
                    return  # another process did it meanwhile
                settings = _settings()
                settings.attributes["connection"] = connection
                command.upgrade(settings, script.revision)
                config.put(connection, _KIND, _RUNS_WITH, _older_that_run(script.revision))
            return
        except StoreUnavailable as error:
            if not isinstance(error, StoreBusy):
                raise StoreUnavailable(f"Migration {script.revision}: {error.message} {stands}.") from error
            if time.monotonic() > until:
                raise StoreBusy(
                    f"Migration {script.revision} did not get what it changes within {LIMIT:.0f} s, since others use it"
                    f" without a pause. {stands}. Run again when there is less to do: plimsoll migrate"
                ) from error
        except SQLAlchemyError as error:  # of a user who may not make tables, most of all
            why = str(getattr(error, "orig", None) or error).partition("\n")[0]
            raise Invalid(
                f"The schema cannot be changed: {why}. Migration {script.revision} was not done. {stands}. Mend that"
                " and run: plimsoll migrate",
                field="database_url",
            ) from None
        time.sleep(PAUSE)


def _is_known(revision: str | None) -> bool:
    return revision is None or revision in {script.revision for script in _script().walk_revisions()}


def _runs_with(database: Database) -> list[str]:
    """Schemas whose programs can run on the store as it is; told by the program that migrated it."""
    with database.read() as connection:
        return list(config.objects(connection, _KIND).get(_RUNS_WITH, []))


def _older_that_run(revision: str) -> list[str]:
    """Schemas that this one only adds to: programs that want one of them go on working while others are replaced."""
    found: list[str] = []
    for script in _script().iterate_revisions(revision, "base"):
        if not getattr(script.module, "additive", False) or script.down_revision is None:
            break
        found.append(str(script.down_revision))
    return found


def require_newest(database: Database) -> None:
    """Raises SchemaOutdated, with the command to run, when the store is behind; or ahead, unless what was added is
    nothing that this program would miss."""
    known = current(database)
    if database.is_behind:
        if known in {script.down_revision for script in _enough_to_answer()}:
            return
        database.is_whole()
    if not _is_known(known):
        if newest() not in _runs_with(database):
            raise SchemaOutdated(
                f"The store is at schema {known}, which this program does not know: use a newer Plimsoll"
            )
    elif known != newest():
        what = "has no tables yet" if known is None else f"is at schema {known}"
        raise SchemaOutdated(f"The store {what}; this program needs {newest()}. Run: plimsoll migrate")


def go_on_before(database: Database) -> None:
    """For a process that only answers: as ``require_newest``, but a PostgreSQL that is at the schema of the version
    before is taken as it is until somebody migrates it; ``require_newest`` finds that out."""
    known, scripts = current(database), _enough_to_answer()
    if database.is_sqlite or known not in {script.down_revision for script in scripts}:
        require_newest(database)
        return
    try:
        database.is_at_version_before({column for script in scripts for column in script.module.asked})
    except ProgrammingError:  # a user who may not make temporary views
        database.is_whole()
        require_newest(database)
    log.warning("the store is at schema %s; some of what is new waits for: plimsoll migrate", known)


def _enough_to_answer() -> list[Script]:
    """The newest migrations without which a process that only answers can do, as they say."""
    scripts = _script().walk_revisions()
    return list(takewhile(lambda script: getattr(script.module, "answers_before", False), scripts))
