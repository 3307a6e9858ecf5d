"""ClickHouse's addresses, words and tables, as far as they can be told without a server."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from monitor import bootstrap, settings
from monitor.errors import Invalid, StoreUnavailable
from monitor.store.observations.base import StoredColumn, StoredModel
from monitor.store.observations.clickhouse import ids, schema
from monitor.store.observations.clickhouse.address import read_address
from monitor.store.observations.clickhouse.engine import Engine, quoted, text
from monitor.store.observations.clickhouse.store import ClickHouseObservations

MODEL = StoredModel(7, "m", ())


def test_addresses() -> None:
    server = read_address("clickhouse://me%40here:p%2Fw@ch.example/rows?secure=1&cluster=main&replicated=1")
    assert server.options["username"] == "me@here"
    assert server.options["password"] == "p/w"
    assert (server.options["port"], server.options["interface"]) == (8443, "https")
    assert (server.database, server.cluster, server.replicated, server.on_cluster) == ("rows", "main", True, True)
    plain = read_address("clickhouse://ch.example")
    assert (plain.options["port"], plain.database, plain.cluster, plain.on_cluster) == (8123, "default", None, False)
    assert "p/w" not in repr(server)
    embedded = read_address("chdb:///a folder/rows?counts=1")
    assert (embedded.options["path"], embedded.embedded, embedded.counts) == ("/a folder/rows", True, True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("clickhouse://ch.example/rows?colour=red", "no option 'colour'"),
        ("clickhouse://ch.example:port/rows", "Port"),
        ("clickhouse:///rows", "no host"),
        ("clickhouse://ch.example?secure=maybe", "secure is 'maybe'"),
        ("chdb://", "no path"),
    ],
)
def test_addresses_that_cannot_be_read(url: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        read_address(url)


def test_nobody_there_is_no_fault_of_the_caller() -> None:
    store = ClickHouseObservations("clickhouse://127.0.0.1:9/rows")
    with pytest.raises(StoreUnavailable, match="ClickHouse cannot be used just now"):
        store.ensure_model(None, MODEL)
    store.close()


def test_a_folder_belongs_to_one_engine(tmp_path: Path) -> None:
    first = ClickHouseObservations(f"chdb://{tmp_path / 'a'}")
    first.ensure_model(None, MODEL)
    other = ClickHouseObservations(f"chdb://{tmp_path / 'b'}")
    with pytest.raises(StoreUnavailable, match="belongs to one process"):
        other.ensure_model(None, MODEL)
    other.close()
    first.close()


_SETTINGS = "FROM system.server_settings WHERE name"
_CACHES = f"""SELECT count() {_SETTINGS} IN ('mark_cache_size', 'index_mark_cache_size', 'primary_index_cache_size',
    'query_condition_cache_size') AND toUInt64OrZero(value) <= 8388608"""
_BY_COLUMN = "countSubstrings(engine_full, 'vertical_merge_algorithm_min_rows_to_activate = 1')"


def test_the_embedded_engine_takes_little_memory(tmp_path: Path) -> None:
    store = ClickHouseObservations(f"chdb://{tmp_path / 'rows'}")
    store.ensure_model(None, MODEL)
    assert store.engine.number(_CACHES) == 4
    assert store.engine.number("getSetting('max_threads')") == 1
    assert store.engine.number(f"SELECT sum({_BY_COLUMN}) FROM system.tables") == len(schema.SHAPES)
    store.close()
    file = tmp_path / "own.xml"
    file.write_text("<clickhouse><mark_cache_size>99000000</mark_cache_size></clickhouse>", "utf-8")
    own = ClickHouseObservations(f"chdb://{tmp_path / 'other'}?config={file}")
    assert (
        own.engine.number("SELECT toUInt64(value) FROM system.server_settings WHERE name = 'mark_cache_size'") == 99e6
    )
    own.close()


def test_sqlite_beside_it_needs_little_room_either(tmp_path: Path) -> None:
    def room(**given: str) -> int:
        service = bootstrap.build(settings.load({}, home=tmp_path, **given))
        with service.database.read() as connection, service.database.write() as writer:
            found = [one.exec_driver_sql("PRAGMA cache_size").scalar_one() for one in (connection, writer)]
        service.close()
        return -int(sum(found))

    assert room(observations_url=f"chdb://{tmp_path / 'rows'}") * 4 == room()


def test_a_column_that_an_unfinished_unit_of_work_left_gets_its_type(tmp_path: Path) -> None:
    store = ClickHouseObservations(f"chdb://{tmp_path / 'rows'}")
    store.ensure_model(None, StoredModel(7, "m", (StoredColumn("feature", "x", 0, "number"),)))
    store.ensure_model(None, StoredModel(7, "m", (StoredColumn("feature", "y", 0, "string"),)))
    assert schema.existing(store.engine, MODEL)["c0"] == "Nullable(String)"
    store.close()


def test_what_a_statement_holds_is_text() -> None:
    assert text("it's\\\0") == "'it\\'s\\\\\\0'"
    assert quoted("a`b") == "`a\\`b`"
    assert ids.of_ids(pa.array(["a\x01b", "\x02'"])).startswith("id IN (SELECT arrayJoin(splitByString('\x03'")


def test_the_tables_that_the_guide_shows_are_those_that_are_made() -> None:
    engine = Engine(read_address("clickhouse://ch.example/plimsoll?cluster=main&replicated=1"))
    guide = Path("docs/operations.md").read_text("utf-8")
    for statement in schema.creation(engine, MODEL):
        assert f"{statement};\n" in guide


def test_an_insert_that_is_sent_again_inserts_nothing(tmp_path: Path) -> None:
    """As the driver does when it got no answer."""
    engine = Engine(read_address(f"chdb://{tmp_path / 'rows'}"))
    try:
        settings = "ORDER BY id SETTINGS non_replicated_deduplication_window = 1000"
        engine.run(f"CREATE TABLE sent (id Int64) ENGINE = MergeTree {settings}")
        rows = pa.table({"id": pa.array([1, 2, 3], pa.int64())})
        for token in ("first", "first", "second"):
            engine.insert("sent", rows, token)
        assert engine.number("SELECT count() FROM sent") == 6
    finally:
        engine.close()
