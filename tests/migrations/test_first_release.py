"""Stores with data as the first code left them are migrated, read and written by today's.

``first/`` has one that the first frozen schema's own service made, on SQLite, and one by the first service that ran on
PostgreSQL; each says of itself where it is from. Their clock began at NOW.
"""

from __future__ import annotations

import contextlib
import gzip
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, create_engine, func, insert, select

from monitor import clock
from monitor.actions import manage_keys
from monitor.bootstrap import build
from monitor.settings import load
from monitor.store import schema, tables
from monitor.store.database import Database
from tests import stores
from tests.migrations.test_migrations import FIRST, own_tables_only
from tests.monitor.api.calling import Api
from tests.monitor.world import H, World, at, bare, labels_of, traffic

NOW = at("2026-03-02T12:00:00Z")
ROWS = 157  # that both old services stored
READINGS = {"sqlite": 282, "postgres": 392}  # the later one measured more


def dump(name: str) -> str:
    return gzip.decompress((Path(__file__).parent / "first" / name).read_bytes()).decode()


def first_file(folder: Path) -> Path:
    """The first store on SQLite."""
    file = folder / "first.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(dump("sqlite_0001.sql.gz"))
    return file


@pytest.fixture
def old(tmp_path: Path) -> str:
    """Where the oldest store with data is that there was of this engine."""
    if stores.is_sqlite():
        return f"sqlite:///{first_file(tmp_path)}"
    url = stores.empty_url(tmp_path)
    with psycopg.connect(url) as connection:
        connection.execute(dump("postgres_0003.sql.gz"))  # type: ignore[call-overload]
    return url


def copy_first(folder: Path, database: Database) -> None:
    """Its rows, but for those of the models' own tables, into a store at the same schema."""
    source = create_engine(f"sqlite:///{first_file(folder)}")
    with source.connect() as from_first, database.write() as connection:
        there = MetaData()
        there.reflect(connection)
        for table in there.sorted_tables:
            rows = [dict(row) for row in from_first.execute(select(table)).mappings()]
            if rows and table.name != "alembic_version":
                connection.execute(insert(table), rows)
    source.dispose()


@contextlib.contextmanager
def reading(url: str) -> Iterator[Connection]:
    with contextlib.closing(Database(url)) as database, database.read() as connection:
        yield connection


def counted(connection: Connection) -> dict[str, int]:
    """Rows of every table that is there."""
    found = MetaData()
    found.reflect(connection)
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in found.tables.items()
    }


def migrated(url: str) -> str | None:
    """Where the schema was before; what is there now is as today's tables are declared."""
    with contextlib.closing(Database(url)) as database:
        before, after = schema.migrate(database)
        assert after == schema.newest()
        with database.read() as connection:
            options = {"compare_type": True, "compare_server_default": True, "include_object": own_tables_only}
            assert compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata) == []
    return before


def test_every_row_of_the_oldest_store_stays(old: str) -> None:
    with reading(old) as connection:
        before = counted(connection)
    there = [before[name] for name in ("readings", "p_1", "outbox", "keys")]
    assert there == [READINGS["sqlite" if stores.is_sqlite() else "postgres"], ROWS, 5, 2]
    assert migrated(old) == (FIRST if stores.is_sqlite() else "0003")
    with reading(old) as connection:
        after = counted(connection)
    assert {name: after.get(name) for name in before} == {**before, "config_objects": before["config_objects"] + 1}
    assert not any(after[name] for name in after.keys() - before.keys())


def test_the_first_schema_keeps_its_rows_on_each_engine(tmp_path: Path) -> None:
    """On PostgreSQL nobody ever ran on the first schema: there it is made by its migration, and given those rows."""
    database = Database(stores.empty_url(tmp_path))
    schema.migrate_to(database, FIRST)
    copy_first(tmp_path, database)
    with database.read() as connection:
        before = {name: rows for name, rows in counted(connection).items() if name in tables.metadata.tables}
    database.close()
    assert before["readings"] == READINGS["sqlite"]
    assert migrated(database.url.render_as_string(hide_password=False)) == FIRST
    with reading(database.url.render_as_string(hide_password=False)) as connection:
        after = counted(connection)
    assert {name: after[name] for name in before} == before


@pytest.fixture
def world(old: str, tmp_path: Path) -> Iterator[World]:
    """Today's service on it, a minute after the old one."""
    migrated(old)
    service = build(load({}, home=tmp_path, database_url=old))
    yield World(service, now=NOW + clock.MINUTE)
    service.close()


@pytest.fixture
def api(world: World) -> Api:
    key = manage_keys.create(world.service.database, "admin", "me", world.now)
    return Api(world.service, world.now, key)


def the(found: dict[str, Any], **match: Any) -> dict[str, Any]:
    """The only item that is like this."""
    (only,) = (one for one in found["items"] if all(one[name] == value for name, value in match.items()))
    return dict(only)


def test_what_the_old_service_stored_is_read(world: World, api: Api) -> None:
    calm = traffic(NOW - 52 * H, 26, 3, seed=2, version="v1")
    found = world.poster.get(calm[0]["id"])
    assert found is not None
    assert found["features"] == calm[0]["features"]
    assert [one["label"] for one in found["labels"]] == [calm[0]["label"], 1 - calm[0]["label"]]
    odd = world.poster.get("odd")
    assert odd is not None
    assert odd["features"] == {"x": "much", "kind": None}
    model = api.get("/v1/models/m")
    assert model["counts"] == {"predictions": ROWS, "labels": 80, "quarantined": 1}
    assert set(model["versions"]) == {"v1", "v2"}
    assert len(world.stored(all_revisions=True)) == READINGS["sqlite" if stores.is_sqlite() else "postgres"]
    moved = world.stored(check="data_drift", feature="x", verdict="critical")
    assert {one["window"]["end"] for one in moved} >= {clock.render(NOW)}
    assert the(api.get("/v1/silences"))["comment"] == "known"
    assert the(api.get("/v1/models/m/quarantine"))["id"] == "bad"


def test_alerts_and_their_messages_are_read(api: Api) -> None:
    short = the(api.get("/v1/alerts"), rule="drift")
    whole = api.get(f"/v1/alerts/{short['id']}")
    assert (whole["state"], whole["severity"], whole["owner"]) == ("firing", "critical", "me")
    told = {(one["channel"], one["state"]) for one in whole["deliveries"]}
    assert told == {("ops", "delivered"), ("far", "waiting"), ("retrain", "delivered")}
    assert [one["kind"] for one in whole["transitions"]][-1] == "acknowledged"
    assert [one["state"] for one in whole["trigger_runs"]] == ["accepted"]
    pages = ("/", "/alerts", f"/alerts/{short['id']}", "/models/m", "/models/m/features/x", "/models/quiet")
    answers = {path: api.call("GET", path).status_code for path in pages}
    assert set(answers.values()) == {200}, answers


def test_the_old_store_takes_rows_and_runs_anew(world: World, api: Api) -> None:
    open_before = the(api.get("/v1/alerts"), rule="drift")["id"]
    world.now = api.now = NOW + 25 * H
    rows = traffic(NOW, 24, 3, seed=5, shift=3.0, version="v2")
    posted = api.call("POST", "/v1/models/m/predictions", json=bare(rows))
    assert posted.json()["accepted"] == len(rows)
    known = traffic(NOW - 26 * H, 26, 3, seed=3, shift=3.0, version="v2")
    again = api.call("POST", "/v1/models/m/predictions", json=bare(known))
    assert again.json()["duplicates"] == len(known)
    labelled = api.call("POST", "/v1/models/m/labels", json=labels_of(rows[:30]))
    assert (labelled.json()["accepted"], labelled.json()["unmatched"]) == (30, 0)
    later = api.call("POST", "/v1/models/m/labels", json={"id": "new", "label": 1})
    assert later.json()["unmatched"] == 1
    run = api.call("POST", "/v1/models/m/runs", json={"as_of": clock.render(NOW + 24 * H)}).json()
    measured = {(one["check"], one["metric"], one["feature"]) for one in run["readings"]}
    assert {("data_drift", "ks", "x"), ("data_quality", "missing_share", "x")} <= measured
    (volume,) = (
        one
        for one in run["readings"]
        if one["metric"] == "volume" and at(one["window"]["end"]) - at(one["window"]["start"]) == 24 * H
    )
    assert volume["value"] == len(rows)
    assert [one["id"] for one in run["alerts"] if one["rule"] == "drift"] == [open_before]
    assert api.get("/v1/models/m")["counts"]["predictions"] == ROWS + len(rows)
    again = api.call("PUT", "/v1/models/m/references/base", json=traffic(NOW - 12 * 24 * H, 9 * 24, 3))
    assert again.json()["version"] == 2
