"""A statement is compiled once, whatever engine of its kind runs it, and answers what is in that one's own store."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from sqlalchemy import Connection, Executable, String, Table, cast, column, insert, literal, select, table, text, update
from sqlalchemy.engine.interfaces import CacheStats

from monitor.store.database import Database
from monitor.store.tables import models
from tests import stores
from tests.postgres import Databases


def name_of(connection: Connection, suffix: str, *, of: Table = models) -> tuple[str | None, CacheStats]:
    """That of the first model, and whether the statement that read it was compiled before."""
    asked = select(cast(of.c.name, String) + literal(suffix)).where(of.c.id == 1)
    found = connection.execute(asked)
    return found.scalar(), found.context.cache_hit  # type: ignore[attr-defined]


def made(url: str, name: str) -> Database:
    database = Database(url)
    with database.write() as connection:
        connection.execute(insert(models).values(id=1, name=name, settings={}, created_at=0))
    return database


def test_once_for_stores_of_one_kind(engine_of_stores: None, tmp_path: Path) -> None:
    of = models.alias(tmp_path.name)  # nobody else's
    with contextlib.ExitStack() as until:
        one, other = (
            until.enter_context(contextlib.closing(made(stores.new_url(tmp_path / name), name))) for name in "ab"
        )
        with one.read() as connection:
            assert name_of(connection, "1", of=of) == ("a1", CacheStats.CACHE_MISS)
        with other.read() as connection:
            assert name_of(connection, "2", of=of) == ("b2", CacheStats.CACHE_HIT)
        with other.write() as connection:
            connection.execute(update(models).values(name="c"))
            assert name_of(connection, "3", of=of) == ("c3", CacheStats.CACHE_HIT)
        with one.read() as connection:
            assert name_of(connection, "4", of=of) == ("a4", CacheStats.CACHE_HIT)


def test_each_kind_has_its_own(on_sqlite: None, postgres: Databases, tmp_path: Path) -> None:
    of = models.alias(tmp_path.name)
    with contextlib.ExitStack() as until:
        for url in (stores.new_url(tmp_path), postgres.migrated()):
            database = until.enter_context(contextlib.closing(made(url, "a")))
            with database.read() as connection:
                assert name_of(connection, "1", of=of) == ("a1", CacheStats.CACHE_MISS)


ALL = (select(column("*", is_literal=True)).select_from(table("growing")), text("SELECT growing.* FROM growing"))


@pytest.mark.parametrize("every", ALL, ids=["made", "written"])
def test_all_columns_are_those_of_each_store(every: Executable, engine_of_stores: None, tmp_path: Path) -> None:
    with contextlib.ExitStack() as until:
        one, other = (
            until.enter_context(contextlib.closing(Database(stores.new_url(tmp_path / name)))) for name in "ab"
        )
        for database, columns, values in ((one, "x INT", "1"), (other, "y INT, x INT", "2, 3")):
            with database.write() as connection:
                connection.exec_driver_sql(f"CREATE TABLE growing ({columns})")
                connection.exec_driver_sql(f"INSERT INTO growing VALUES ({values})")
                assert connection.execute(every).mappings().one()["x"] == int(values[-1])
