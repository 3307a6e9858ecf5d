"""What PostgreSQL does its own way: partitions, locks, texts with NUL, connections that end."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import TimeoutError as NoneFree

from monitor import clock
from monitor.actions.prune import prune
from monitor.actions.record_posts import Post, record_posts
from monitor.bootstrap import build
from monitor.clock import DAY, HOUR
from monitor.errors import Invalid, StoreBusy, StoreUnavailable, TooLarge
from monitor.ingest.records import read_json
from monitor.service import Service
from monitor.settings import load
from monitor.store import config, locks, opening, tables
from monitor.store import on_postgres as particular
from monitor.store.database import reachable
from monitor.store.observations import postgres as postgres_rows
from monitor.store.observations.partitions import WEEK, of
from monitor.store.observations.postgres import LARGE_ROW, cursor, fetch
from tests.monitor.posting import Poster
from tests.monitor.world import NOW, T0, World, bare, traffic
from tests.postgres import Databases


@pytest.fixture
def on_postgres(postgres: Databases) -> Iterator[Service]:
    made = build(load({}, database_url=postgres.migrated()))
    yield made
    made.close()


def weeks(service: Service) -> set[int]:
    with service.database.read() as connection, cursor(connection) as at:
        return of(at, Poster(service).found(connection).stored)


def test_weeks_are_made_as_rows_come_and_dropped_whole(on_postgres: Service) -> None:
    world = World(on_postgres)
    world.post(bare(traffic(T0, 24 * 15, per_hour=1)))
    first = T0 // WEEK
    made = weeks(on_postgres)
    assert made >= {first, first + 1, first + 2, first + 3}  # one ahead
    with on_postgres.database.write(locks.model("m"), locks.posts("m")) as connection:
        model = world.found(connection)
        gone = on_postgres.observations.drop_before(connection, model.stored, (T0 + 10 * DAY) // HOUR)
        assert gone == 240
        assert on_postgres.observations.stats(connection, model.stored)["predictions"] == 120
    assert weeks(on_postgres) == {week for week in made if (week + 1) * WEEK > T0 + 10 * DAY}


@pytest.mark.parametrize("table", ["i", "l", "p"])
def test_what_is_old_is_found_by_its_time(table: str, on_postgres: Service) -> None:
    world = World(on_postgres)
    world.post(bare(traffic(T0, 24)))
    world.label(traffic(T0, 24))
    with on_postgres.database.write() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        number = world.found(connection).id
        plan = connection.execute(text(f"EXPLAIN DELETE FROM {table}_{number} WHERE ts < {T0 + HOUR}")).scalars()
        assert "_ts" in "".join(line for line in plan if "Index Scan" in line)


def indexes(service: Service) -> dict[str, bool]:
    """Indexes by time of ids and labels, and whether they are whole."""
    with service.database.read() as connection:
        number = World(service).found(connection).id
        asked = "SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indexrelid::regclass::text = ANY(%s)"
        found = connection.exec_driver_sql(asked, ([f"i_{number}_ts", f"l_{number}_ts"],))
        return {name[0]: whole for name, whole in found}


def waiting_for(service: Service, statement: str) -> int:
    """Who runs that and waits for another's lock, once somebody does."""
    asked = text(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query LIKE :statement"
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with service.database.write("asking") as connection:
            found: int | None = connection.execute(asked, {"statement": f"{statement}%"}).scalar()
            if found is not None:
                return found
        time.sleep(0.01)
    raise AssertionError(f"nobody waits with {statement}")


@contextlib.contextmanager
def in_background(service: Service, gone: list[int], *, held: str) -> Iterator[None]:
    """A pass of pruning beside the block, while which another transaction holds something; it ends after both. How many
    rows went is in ``gone`` then."""
    pruning = threading.Thread(target=lambda: gone.append(prune(service, NOW)))
    with service.database.write("another writer") as writing:
        writing.exec_driver_sql(held)
        pruning.start()
        yield
    pruning.join(60)
    assert not pruning.is_alive()


def two_weeks(service: Service) -> tuple[World, int]:
    """A model that keeps two days of fifteen, and its number."""
    world = World(service)
    rows = traffic(T0, 24 * 15, per_hour=1)
    world.post(bare(rows))
    world.label(rows)
    world.configure(retention="2d")
    with service.database.read() as connection:
        return world, world.found(connection).id


OLD = 24 * 13 - 1  # rows that go


def test_tables_of_an_earlier_version_get_their_indexes_while_rows_come_in(on_postgres: Service) -> None:
    (world, number), gone = two_weeks(on_postgres), list[int]()
    with on_postgres.database.write() as connection:
        connection.exec_driver_sql(f"DROP INDEX i_{number}_ts, l_{number}_ts")
    with in_background(on_postgres, gone, held=f"LOCK TABLE i_{number} IN ROW EXCLUSIVE MODE"):
        waiting_for(on_postgres, "CREATE INDEX")  # for whoever writes
        world.post(bare(traffic(T0 + 15 * DAY - HOUR, 1, prefix="n")))
        world.label(traffic(T0 + 14 * DAY, 1, per_hour=1, seed=2))
    assert gone == [OLD]
    assert indexes(on_postgres) == {"i": True, "l": True}


def test_an_index_that_was_begun_and_not_ended_is_made_anew(
    on_postgres: Service, caplog: pytest.LogCaptureFixture
) -> None:
    (world, number), gone = two_weeks(on_postgres), list[int]()
    with on_postgres.database.write() as connection:
        connection.exec_driver_sql(f"DROP INDEX i_{number}_ts")
        stored = world.found(connection).stored
    with in_background(on_postgres, gone, held=f"LOCK TABLE i_{number} IN ROW EXCLUSIVE MODE"):
        maker = waiting_for(on_postgres, "CREATE INDEX")
        with on_postgres.database.write("asking") as connection:
            connection.exec_driver_sql("SELECT pg_cancel_backend(%s)", (maker,))
    assert gone == [OLD]  # all the same
    assert [vars(one)["model"] for one in caplog.records if "index by time is left" in one.message] == ["m"]
    assert indexes(on_postgres) == {"i": False, "l": True}
    with on_postgres.database.write(locks.tables(number)) as connection:  # another process is at it
        connection.exec_driver_sql("SELECT 1")  # and holds no snapshot
        on_postgres.observations.tend(on_postgres.database, stored)
    assert indexes(on_postgres) == {"i": False, "l": True}
    on_postgres.observations.tend(on_postgres.database, stored)
    assert indexes(on_postgres) == {"i": True, "l": True}


def test_a_reader_who_stays_keeps_old_weeks_until_the_next_pass_and_nothing_else(
    on_postgres: Service, caplog: pytest.LogCaptureFixture
) -> None:
    world, number = two_weeks(on_postgres)
    since = T0 // HOUR + OLD

    def left(connection: Connection) -> int:
        rows = f"SELECT count(*) FROM p_{number} WHERE ts < {since * HOUR}"
        return int(connection.exec_driver_sql(rows).scalar_one())

    with on_postgres.database.read() as reading:
        assert left(reading) == OLD
        assert prune(on_postgres, NOW) == OLD
        world.post(bare(traffic(T0 + 15 * DAY - HOUR, 1, prefix="n")))  # in the newest hour: nothing more gets old
    with on_postgres.database.write() as connection:
        model = world.found(connection)
        assert (model.rows_since, model.n_predictions) == (since, 24 * 15 - OLD + 6)
        assert on_postgres.observations.stats(connection, model.stored)["labels"] == 24 * 15 - OLD
        assert left(connection) == 0
    assert min(weeks(on_postgres)) == T0 // WEEK  # they are empty
    (told,) = (one for one in caplog.records if "left for the next pass" in one.message)
    assert vars(told)["model"] == "m"
    assert len(vars(told)["partitions"]) == 2
    world.configure(retention="3d")
    assert prune(on_postgres, NOW) == 0
    with on_postgres.database.read() as connection:
        assert left(connection) == 0
        assert world.found(connection).rows_since == since
    assert min(weeks(on_postgres)) == since * HOUR // WEEK


@pytest.mark.parametrize("what", ["summaries", "rows"])
def test_pages_are_read_while_much_is_deleted(what: str, on_postgres: Service) -> None:
    """Dropping old weeks keeps readers out until the unit of work ends, so it comes last."""
    (world, number), gone = two_weeks(on_postgres), list[int]()
    world.run(T0 + 15 * DAY)
    since = T0 // HOUR + OLD
    table = {"summaries": "summaries", "rows": f"p_{number}_w{since * HOUR // WEEK}"}[what]
    with in_background(on_postgres, gone, held=f"SELECT 1 FROM {table} FOR UPDATE"):
        waiting_for(on_postgres, f"DELETE FROM {what if what == 'summaries' else 'p_'}")
        with on_postgres.database.write("a page", patience=1.0) as connection:
            rows = connection.exec_driver_sql(f"SELECT count(*) FROM p_{number}").scalar_one()
            assert rows == 24 * 15
    assert gone == [OLD]
    assert min(weeks(on_postgres)) == since * HOUR // WEEK


def test_a_reader_who_stays_keeps_a_new_feature_waiting_and_nobody_else(on_postgres: Service) -> None:
    world = World(on_postgres)
    world.post(bare(traffic(T0, 3)))
    newer = bare(traffic(T0 + DAY, 1, prefix="n"))
    for row in newer:
        row["features"]["new"] = 1.0
    with on_postgres.database.read() as reading:
        assert list(on_postgres.observations.read(reading, world.found(reading).stored, 0, 1 << 24, []))
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            world.post(newer)
        assert time.monotonic() - began < 8
        world.post(bare(traffic(T0 + DAY, 1, prefix="o")))
    world.post(newer)
    found = world.poster.get(newer[0]["id"])
    assert found is not None
    assert found["features"]["new"] == 1


def test_posts_to_one_model_wait_for_nothing_else(on_postgres: Service) -> None:
    one, other = World(on_postgres), Poster(on_postgres, "other")
    one.post(bare(traffic(T0, 3)))
    with on_postgres.database.write(locks.model("m"), locks.posts("other"), locks.HOUSE, locks.OUTBOX):
        done = threading.Thread(target=one.post, args=(bare(traffic(T0, 3, prefix="q")),))
        done.start()
        done.join(10)
        assert not done.is_alive()
        with pytest.raises(StoreUnavailable):
            other.predictions(bare(traffic(T0, 1)))
    assert other.predictions(bare(traffic(T0, 1)))["accepted"] == 6


@pytest.mark.parametrize("text", ["a\0b", "\ufdd0", "\ufdd00", "\\u0000", "\\\0", "\0\0\ufdd01"])
def test_every_text_comes_back(text: str, on_postgres: Service) -> None:
    with on_postgres.database.write() as connection:
        config.put(connection, "setting", "told", {"is": text, text: 1})
    with on_postgres.database.read() as connection:
        assert config.objects(connection, "setting")["told"] == {"is": text, text: 1}
        inside = select(tables.config_objects.c.data["is"].as_string()).where(tables.config_objects.c.name == "told")
        assert connection.execute(inside).scalar_one() == text
    poster = Poster(on_postgres)
    row = {"id": f"i{text}", "timestamp": "2026-01-05T00:00:00Z", "features": {"c": text, "d": [text]}}
    assert poster.predictions([row, {"id": text, "features": text}])["rejected"] == 1
    found = poster.get(f"i{text}")
    assert found is not None
    assert found["features"] == {"c": text, "d": [text]}


@pytest.mark.parametrize("known", ["none", "of the last portion"])
def test_ids_go_in_by_portions_and_each_once(known: str, on_postgres: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_rows, "COPY_ROWS", 3)
    poster = Poster(on_postgres)
    ids = ["b", "a\0", "\ufdd0", "Zoë", " ", "{,}", '"', "a"]  # in the order of bytes they are another
    rows = [{**row, "id": id_} for row, id_ in zip(bare(traffic(T0, 1, per_hour=8)), ids, strict=True)]
    before = rows[7:] if known != "none" else []
    if before:
        poster.predictions(before)
    told = poster.predictions([*rows, *rows[:2]])
    assert (told["accepted"], told["duplicates"]) == (8 - len(before), 2 + len(before))
    found = [poster.get(id_) for id_ in ids]
    assert [one and one["timestamp"] for one in found] == [clock.parse(row["timestamp"]) for row in rows]


def test_connections_that_were_ended_are_made_anew(on_postgres: Service) -> None:
    world = World(on_postgres)
    world.post(bare(traffic(T0, 1)))
    with on_postgres.database.write() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    world.post(bare(traffic(T0, 1, prefix="z")))


def test_a_driver_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(Invalid, match="plimsoll\\[postgres\\]"):
        build(load({}, database_url="postgresql://nobody@127.0.0.1:1/none"))


def test_a_row_that_no_page_holds_is_refused_for_good_and_alone(on_postgres: Service) -> None:
    wide = {"id": "wide", "timestamp": "2026-01-05T00:00:00Z", "features": {f"t{n}": f"{n:020d}x" for n in range(500)}}
    posts = [
        Post("n", "predictions", read_json(json.dumps({"id": "n", "timestamp": "2026-01-05T00:00:00Z"}).encode())),
        Post("m", "predictions", read_json(json.dumps(wide).encode())),
    ]
    good, bad = record_posts(on_postgres, posts, NOW)
    assert isinstance(good, dict)
    assert isinstance(bad, TooLarge)
    assert good["accepted"] == 1


def test_a_model_whose_row_is_held_keeps_no_other_out(on_postgres: Service) -> None:
    for name in ("m", "n"):
        Poster(on_postgres, name).predictions(bare(traffic(T0, 1)))
    posts = [
        Post(name, "predictions", read_json(json.dumps(bare(traffic(T0, 1, prefix="r"))).encode())) for name in "mn"
    ]
    with on_postgres.database.write(locks.model("m")) as connection:
        connection.exec_driver_sql("UPDATE models SET binning_id = NULL WHERE name = 'm'")
        held, stored = record_posts(on_postgres, posts, NOW)
    assert isinstance(held, StoreUnavailable)
    assert isinstance(stored, dict)
    assert stored["accepted"] == 6


def test_nobody_waits_for_a_lock_for_longer_than_half_a_minute(on_postgres: Service) -> None:
    with on_postgres.database.read() as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar() == "30s"


def test_an_older_server_is_refused(on_postgres: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "OLDEST", (99,))
    with pytest.raises(Invalid, match="needs 99 or newer"):
        opening.open_database(on_postgres.settings.database_url)


PID = text("SELECT pg_backend_pid()")


def test_who_reads_beside_a_write_may_take_hours(on_postgres: Service) -> None:
    """Nothing happens on the writing connection meanwhile, nor on the other while rows are read elsewhere: otherwise
    that is a client that went away."""
    asked = text("SHOW idle_in_transaction_session_timeout")
    with on_postgres.database.write() as connection:
        assert connection.execute(asked).scalar() == "15min"
    with on_postgres.database.read_first() as (snapshot, writing):
        reader = snapshot.execute(PID).scalar()
        assert snapshot.execute(asked).scalar() == "6h"
        with writing() as connection:
            assert snapshot.closed
            assert reader != connection.execute(PID).scalar()
            assert connection.execute(asked).scalar() == "6h"
    with on_postgres.database.write() as connection:
        assert connection.execute(asked).scalar() == "15min"


def test_a_connection_that_takes_no_writes_is_given_up_in_the_middle_of_a_reading_too(on_postgres: Service) -> None:
    database, pids = on_postgres.database, []

    def write_in_a_reading() -> None:
        with database.read_first() as (_, writing), writing() as connection:
            pids.append(connection.execute(PID).scalar())
            connection.execute(text("SET LOCAL transaction_read_only = on"))
            connection.execute(text("UPDATE models SET name = name"))

    with pytest.raises(StoreUnavailable, match="can be read, but not written"):
        write_in_a_reading()
    for _ in range(3):
        with database.write() as connection:
            assert connection.execute(PID).scalar() not in pids


def test_no_connection_free_is_for_a_moment() -> None:
    with pytest.raises(StoreBusy, match="All connections"), reachable():
        raise NoneFree("QueuePool limit of size 16 overflow 32 reached")


def test_a_connection_that_made_much_room_for_an_answer_is_replaced(on_postgres: Service) -> None:
    """The driver would keep that room for as long as the connection lives."""

    def backend(size: int) -> int:
        schema = pa.schema([("one", pa.string())])
        with on_postgres.database.read() as connection:
            with cursor(connection) as at:
                fetched = fetch(at, f"SELECT repeat('x', {size})", (), schema)
            assert len(fetched["one"][0].as_py()) == size
            return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())

    first = backend(1000)
    assert backend(2 * LARGE_ROW) == first
    second = backend(1000)
    assert second != first
    assert backend(1000) == second


def test_who_does_nothing_within_a_transaction_is_ended_and_posts_go_on(
    postgres: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the service tells the server; only the quarter of an hour is shorter here."""
    monkeypatch.setattr(particular, "IDLE_MINUTES", 0.02)
    service = build(load({}, database_url=postgres.migrated()))
    world = World(service)
    world.post(bare(traffic(T0, 1)))

    def idle() -> None:
        with service.database.write(locks.model("m"), locks.posts("m")) as connection:
            connection.execute(text("UPDATE models SET n_predictions = 99"))
            until_taken(world, bare(traffic(T0, 1, prefix="meanwhile")))
            connection.execute(text("SELECT 1"))  # it hears only now that it was ended

    with pytest.raises(StoreUnavailable):
        idle()
    world.post(bare(traffic(T0, 1, prefix="afterwards")))
    with service.database.read() as connection:
        model = world.found(connection)
        assert service.observations.stats(connection, model.stored)["predictions"] == model.n_predictions == 18
    service.close()


def until_taken(world: World, rows: list[dict[str, object]]) -> None:
    """Post rows until they are stored."""
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(StoreUnavailable):
            world.post(rows)
            return
        assert time.monotonic() < deadline, "nobody ends who idles"
