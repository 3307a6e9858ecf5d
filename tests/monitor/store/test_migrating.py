"""Migrating a PostgreSQL that others read and write: nobody is refused, and what was done stays."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select, text

from monitor.errors import Invalid, StoreBusy
from monitor.store import config, schema, tables
from monitor.store.database import Database
from tests.postgres import Databases

FIRST, BEFORE, CHANGES, LAST = "0001", "0005", "0006", "0007"  # CHANGES: tables that pages read


@pytest.fixture
def database(postgres: Databases) -> Iterator[Database]:
    made = Database(postgres.empty())
    yield made
    made.close()


@contextlib.contextmanager
def migrating(database: Database, told: list[object]) -> Iterator[threading.Thread]:
    """Beside the block, at the end of which it is waited for; what it said is ``told`` then."""

    def migrate() -> None:
        try:
            told.append(schema.migrate(database))
        except Exception as error:
            told.append(error)

    thread = threading.Thread(target=migrate)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(90)
        assert not thread.is_alive()


def is_waiting(database: Database, statement: str) -> bool:
    """Whether somebody who runs it waits for another's lock."""
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query LIKE :statement"
    )
    with database.write("asking") as connection:
        return bool(connection.execute(asked, {"statement": f"{statement}%"}).scalar_one())


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_page_that_reads_what_is_migrated_gets_its_answer(database: Database) -> None:
    """It has read of one table, and wants another, which the migration has, which will want the first: the server ends
    whoever has waited for a second."""
    schema.migrate_to(database, BEFORE)
    told: list[object] = []
    found: list[object] = []

    def read_on() -> None:
        try:
            found.append(page.execute(select(tables.outbox.c.id)).all())
        except Exception as error:
            found.append(error)

    with database.read() as page, contextlib.ExitStack() as staying:
        page.execute(select(tables.alerts.c.id)).all()
        another = staying.enter_context(database.read())
        another.execute(select(tables.trigger_runs.c.id)).all()
        with migrating(database, told):
            until(lambda: is_waiting(database, "ALTER TABLE trigger_runs"))
            reading = threading.Thread(target=read_on)
            reading.start()
            until(lambda: bool(found) or is_waiting(database, "SELECT outbox"))
            staying.close()
            reading.join(20)
            page.rollback()
    assert found == [[]]
    assert told == [(BEFORE, LAST)]


def test_what_was_migrated_before_a_failure_stays_and_is_told(database: Database) -> None:
    schema.migrate_to(database, FIRST)
    with database.write() as connection:  # in the way of the last one
        connection.exec_driver_sql("ALTER TABLE silences ADD COLUMN newest_version TEXT")
    with pytest.raises(Invalid, match=f"stands at {BEFORE}.*plimsoll migrate") as refused:
        schema.migrate(database)
    assert f"Migration {CHANGES}" in refused.value.message
    assert "newest_version" in refused.value.message
    assert schema.current(database) == BEFORE
    with database.write() as connection:
        assert config.objects(connection, "schema")["runs_with"] == ["0004", "0003", "0002", "0001"]
        connection.exec_driver_sql("ALTER TABLE silences DROP COLUMN newest_version")
        assert not connection.execute(text("SELECT to_regclass('channel_states')")).scalar()
    assert schema.migrate(database) == (BEFORE, LAST)


def test_what_is_held_for_too_long_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    schema.migrate_to(database, BEFORE)
    monkeypatch.setattr(schema, "LIMIT", 0.5)
    with database.read() as page:
        page.execute(select(tables.alerts.c.id)).all()
        with pytest.raises(StoreBusy, match=f"stands at {BEFORE}.*plimsoll migrate"):
            schema.migrate(database)
        with database.write("a page", patience=1.0) as connection:  # nothing is held any more
            connection.execute(select(tables.outbox.c.id)).all()
    assert schema.migrate(database) == (BEFORE, LAST)


def test_two_who_migrate_at_once_both_find_it_done(database: Database) -> None:
    one: list[object] = []
    two: list[object] = []
    with migrating(database, one), migrating(database, two):
        pass
    assert {LAST} == {told[1] for (told,) in (one, two) if isinstance(told, tuple)}
    assert (len(one), len(two)) == (1, 1)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar_one() == 1
