"""What a migration says of itself holds: one that is ``additive`` leaves all that a program of the version before reads
and writes as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from alembic.script import Script
from sqlalchemy import Connection, MetaData, inspect, select

from monitor.store import schema
from monitor.store.database import Database
from tests import stores
from tests.migrations.test_first_release import copy_first
from tests.migrations.test_migrations import FIRST


@dataclass(frozen=True)
class Found:
    """Of a table: its columns, what it demands of a row, which indexes it has, and what is in it."""

    columns: dict[str, dict[str, Any]]
    demands: set[Any]
    indexes: set[Any]
    refers: list[dict[str, Any]]
    rows: list[dict[str, Any]]


def found_in(connection: Connection) -> dict[str, Found]:
    looked, there = inspect(connection), MetaData()
    there.reflect(connection)
    tables = {}
    for name, table in there.tables.items():
        columns = {one["name"]: dict(one, type=str(one["type"])) for one in looked.get_columns(name)}
        unique = {("unique", *sorted(one["column_names"])) for one in looked.get_unique_constraints(name)}
        checks = {("check", one["sqltext"]) for one in looked.get_check_constraints(name)}
        indexes = {
            ("unique index" if one["unique"] else "index", *one["column_names"]) for one in looked.get_indexes(name)
        }
        refers = looked.get_foreign_keys(name)
        others = {("refers", one["referred_table"], *one["constrained_columns"]) for one in refers}
        key = ("key", *looked.get_pk_constraint(name)["constrained_columns"])
        demands = {key, *unique, *checks, *others, *(one for one in indexes if one[0] == "unique index")}
        rows = [dict(row) for row in connection.execute(select(table)).mappings()]
        rows = [row for row in rows if row.get("kind") != "schema"]  # what migrating notes of itself
        tables[name] = Found(columns, demands, indexes, refers, sorted(rows, key=repr))
    return tables


def faults(before: dict[str, Found], after: dict[str, Found]) -> Iterator[str]:
    """What a program that knows the tables as they were before would stumble over."""
    for name, was in before.items():
        if name == "alembic_version":
            continue
        if name not in after:
            yield f"{name} is gone"
            continue
        now = after[name]
        for column, one in was.columns.items():
            if now.columns.get(column) != one:
                yield f"{name}.{column} is another: {one} became {now.columns.get(column)}"
        for column in now.columns.keys() - was.columns.keys():
            if not now.columns[column]["nullable"] and now.columns[column]["default"] is None:
                yield f"{name}.{column} must be given"
        if now.demands != was.demands:
            yield f"{name} demands something else: {now.demands ^ was.demands}"
        if was.indexes - now.indexes:
            yield f"{name} lacks {was.indexes - now.indexes}"
        if [{column: row.get(column) for column in was.columns} for row in now.rows] != was.rows:
            yield f"rows of {name} were changed"
    for name in after.keys() - before.keys():
        for one in after[name].refers:
            if one["referred_table"] in before and one["options"].get("ondelete") not in ("CASCADE", "SET NULL"):
                yield f"{name} keeps rows of {one['referred_table']} from being deleted"


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Database]:
    """A store at the first schema, with rows."""
    database = Database(stores.empty_url(tmp_path))
    schema.migrate_to(database, FIRST)
    copy_first(tmp_path, database)
    yield database
    database.close()


def scripts() -> list[Script]:
    """All migrations after the first, oldest first."""
    return [one for one in reversed(list(schema._script().walk_revisions())) if one.down_revision is not None]


def test_what_calls_itself_additive_is(first: Database) -> None:
    with first.read() as connection:
        before = found_in(connection)
    for script in scripts():
        schema.migrate_to(first, script.revision)
        with first.read() as connection:
            after = found_in(connection)
        if getattr(script.module, "additive", False):
            assert list(faults(before, after)) == [], script.revision
        for asked in getattr(script.module, "asked", ()):
            table, _, column = asked.partition(".")
            assert column in after[table].columns.keys() - before[table].columns.keys(), asked
        before = after
    told = [one.revision for one in scripts() if getattr(one.module, "additive", False)]
    assert told[:6] == ["0002", "0003", "0004", "0005", "0006", "0007"]


_APART = "CREATE TABLE apart (id INTEGER PRIMARY KEY, m BIGINT, FOREIGN KEY (m) REFERENCES models (id){})"


def test_what_is_not_additive_is_found(first: Database) -> None:
    wanted = {
        "ALTER TABLE models ADD COLUMN free TEXT": [],
        "ALTER TABLE models ADD COLUMN filled TEXT NOT NULL DEFAULT 'x'": [],
        "CREATE INDEX of_names ON alerts (owner)": [],
        _APART.format(" ON DELETE CASCADE"): [],
        _APART.format(""): ["apart keeps rows of models"],
        "DROP TABLE silences": ["silences is gone"],
        "ALTER TABLE models DROP COLUMN newest_label": ["models.newest_label is another"],
        "ALTER TABLE models RENAME COLUMN change TO c": ["models.change is another", "models.c must be given"],
        "CREATE UNIQUE INDEX one_each ON versions (version)": ["versions demands something else"],
        "DROP INDEX alerts_by_model": ["alerts lacks"],
        "UPDATE alerts SET severity = 'warning'": ["rows of alerts were changed"],
    }
    with first.read() as connection:
        before = found_in(connection)
    for statement, said in wanted.items():
        with first.write() as connection:
            connection.exec_driver_sql(statement)
            found = "; ".join(faults(before, found_in(connection)))
            connection.rollback()
        assert (bool(found), [one for one in said if one not in found]) == (bool(said), []), (statement, found)
