"""The schema by migrations is the schema of the tables, and migrating keeps what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select

from monitor.bootstrap import observations_on
from monitor.errors import SchemaOutdated
from monitor.service import Service
from monitor.settings import load
from monitor.store import config, schema, tables
from monitor.store.database import Database
from tests import stores
from tests.monitor.world import T0, D, World, traffic

FIRST = "0001"
_NO_ROWS_SINCE = "ALTER TABLE models DROP COLUMN rows_since"
_NO_DIMENSION = "ALTER TABLE columns DROP COLUMN dimension"
_NO_ARRIVING = "DROP TABLE arriving"
_NO_UNUSABLE = "DROP TABLE unusable_outputs"
_NO_THREADS = [
    _NO_UNUSABLE,
    *(
        f"ALTER TABLE outbox DROP COLUMN {name}"
        for name in ("thread_of", "edits", "receipt", "again", "again_at", "doubts")
    ),
    "DROP TABLE channel_states",
    *(
        f"ALTER TABLE trigger_runs DROP COLUMN {name}"
        for name in ("next_poll_at", "polls", "closing", "approval", "doubts", "version", "behind")
    ),
    "ALTER TABLE alerts DROP COLUMN details",
    "ALTER TABLE transitions DROP COLUMN noted_at",
    "ALTER TABLE silences DROP COLUMN ends_with",
    "ALTER TABLE silences DROP COLUMN newest_version",
]
UNDONE = {
    "0006": [_NO_UNUSABLE],
    "0005": _NO_THREADS,
    "0004": [*_NO_THREADS, _NO_ROWS_SINCE],
    "0003": [*_NO_THREADS, _NO_ROWS_SINCE, _NO_ARRIVING],
    "0002": [*_NO_THREADS, _NO_ROWS_SINCE, _NO_ARRIVING, _NO_DIMENSION],
    "0001": [*_NO_THREADS, _NO_ROWS_SINCE, _NO_ARRIVING, _NO_DIMENSION, "DROP TABLE segment_profiles"],
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(stores.empty_url(tmp_path))
    yield made
    made.close()


def own_tables_only(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Tables of single models are not the migrations' business."""
    return kind != "table" or name in tables.metadata.tables


def test_migrating_from_nothing_makes_the_tables_as_they_are_declared(database: Database) -> None:
    with pytest.raises(SchemaOutdated, match="plimsoll migrate"):
        schema.require_newest(database)
    assert schema.migrate(database) == (None, schema.newest())
    schema.require_newest(database)
    with database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_object": own_tables_only}
        )
        assert compare_metadata(context, tables.metadata) == []
        found = inspect(connection)
        for name, table in tables.metadata.tables.items():
            declared = {column.name: column.nullable for column in table.columns}
            made = {one["name"]: one["nullable"] for one in found.get_columns(name)}
            assert made == declared, name
            unique = {tuple(one["column_names"]) for one in found.get_unique_constraints(name)}
            assert unique >= _unique(table), name
    assert schema.migrate(database) == (schema.newest(), schema.newest())


def _unique(table: Any) -> set[tuple[str, ...]]:
    kinds = (one for one in table.constraints if type(one).__name__ == "UniqueConstraint")
    return {tuple(column.name for column in one.columns) for one in kinds}


def test_there_is_one_line_of_revisions() -> None:
    script = ScriptDirectory.from_config(schema._settings())
    assert len(script.get_heads()) == 1
    assert script.get_base() == FIRST


def test_what_an_older_schema_holds_is_found_again(tmp_path: Path) -> None:
    """From each revision with data in it to the newest; each migration adds what it is undone by."""
    settings = load({}, home=tmp_path, database_url=stores.empty_url(tmp_path))
    database = Database(settings.database_url)
    schema.migrate(database)
    world = World(Service(settings, database, observations_on(database)))
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(T0 + 14 * D, 24, seed=2))
    world.label(traffic(T0 + 14 * D, 24, seed=2))
    world.configure(owner="me")
    readings = world.read(T0 + 15 * D)
    for revision, undo in UNDONE.items():
        with database.write() as connection:
            for statement in undo:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
        assert schema.migrate(database) == (revision, schema.newest())
        assert world.read(T0 + 15 * D) == readings
    with database.read() as connection:
        assert world.found(connection).settings["owner"] == "me"
        assert connection.execute(select(tables.models.c.n_labels)).scalar_one() == 144
    database.close()


def test_a_store_of_a_newer_program_is_refused(database: Database) -> None:
    schema.migrate(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for refuse in (schema.migrate, schema.require_newest):
        with pytest.raises(SchemaOutdated, match="newer Plimsoll"):
            refuse(database)


def test_what_only_adds_lets_older_programs_go_on(database: Database) -> None:
    schema.migrate(database)
    with database.write() as connection:
        told = config.objects(connection, "schema")["runs_with"]
        assert told == [str(int(schema.newest()) - back).zfill(4) for back in range(1, len(told) + 1)]
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")  # a newer program migrated
        config.put(connection, "schema", "runs_with", [schema.newest()])
    schema.require_newest(database)
    assert schema.migrate(database) == ("9999", "9999")
