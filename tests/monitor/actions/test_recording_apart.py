"""Predictions and labels in a store that commits by itself: the same readings, and whole after any death."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from monitor import clock
from monitor.actions import recording_apart
from monitor.actions.check_ready import check_ready
from monitor.actions.erase import delete_model
from monitor.actions.prune import prune
from monitor.actions.recording_apart import LEASE, Watch, mend_left
from monitor.actions.summarise_hours import summarise_waiting
from monitor.errors import StoreUnavailable
from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.service import Service
from monitor.store import arriving, heartbeats, models, summaries
from monitor.store.observations.base import PredictionBatch
from monitor.store.observations.clickhouse import predictions
from monitor.store.observations.clickhouse.store import ClickHouseObservations
from monitor.store.observations.fit import fit
from tests import stores
from tests.clickhouse_shards import two_shards
from tests.monitor.posting import LIMIT
from tests.monitor.world import NOW, T0, D, H, World, bare, traffic

START = T0 + 14 * D


def apart(home: Path) -> Service:
    return stores.new_service(home, observations_url=f"chdb://{home / 'observations'}")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = apart(tmp_path)
    yield made
    made.close()


def lived(world: World) -> list[dict[str, Any]]:
    """A model's month: a reference, traffic with resends and rejects, labels before and after, corrections, a run."""
    world.configure(segments=["kind"], label_horizon="2d")
    world.reference(traffic(T0, 24 * 9))
    rows = traffic(START, 24 * 2, per_hour=20, seed=2, shift=0.8, version="v2")
    world.label(rows[:90])
    world.post(rows)
    world.post(rows[:30])
    world.poster.predictions([{**rows[5], "features": {"x": 77, "kind": "d"}}, {"id": "no time"}], now=world.now)
    world.poster.predictions([{**rows[6], "id": "odd", "features": {"x": "no number", "kind": None}}], now=world.now)
    world.label(rows[80:])
    world.label([{**one, "label": 1 - one["label"]} for one in rows[:10]], delay=5 * H)
    return world.read(START + 2 * D)


@pytest.fixture
def on_shards(tmp_path: Path) -> Iterator[Service]:
    made = stores.new_service(tmp_path, observations_url=two_shards(tmp_path))
    yield made
    made.close()


def test_readings_are_those_of_the_shared_store(service: Service, tmp_path: Path) -> None:
    compare(service, tmp_path)


def test_so_are_those_of_two_shards(on_shards: Service, tmp_path: Path) -> None:
    compare(on_shards, tmp_path)
    store = on_shards.observations
    assert isinstance(store, ClickHouseObservations)
    each = pa.schema([("shard", pa.int64()), ("rows", pa.int64())])
    for kind in ("p", "l", "i"):
        found = store.engine.rows(f"SELECT shardNum() AS shard, count() AS rows FROM {kind}_1 GROUP BY shard", each)
        assert sorted(found["shard"].to_pylist()) == [1, 2]
        assert sum(found["rows"].to_pylist()) == store.engine.number(f"SELECT count() FROM {kind}_1_local")
    # Where a row goes is not seen, as both shards are one place: by this it is told.
    spread = store.engine.rows(
        "SELECT engine_full AS made FROM system.tables WHERE engine = 'Distributed' ORDER BY name",
        pa.schema([("made", pa.string())]),
    )
    expected = [f"Distributed('both', 'default', '{kind}_1_local', cityHash64(id))" for kind in "ilop"]
    assert spread["made"].to_pylist() == expected


def compare(service: Service, tmp_path: Path) -> None:
    shared = stores.new_service(tmp_path / "shared")
    told = [lived(World(one)) for one in (service, shared)]
    assert len(told[0]) > 20
    assert told[0] == told[1]
    for one in (service, shared):
        with one.database.read() as connection:
            model = models.find(connection, "m")
            assert model is not None
            assert (model.n_predictions, model.n_labels) == (961, 970)
            assert arriving.everything(connection) == []
    shared.database.close()


def test_what_was_stored_and_not_noted_is_noted_by_the_next_post(service: Service) -> None:
    world = World(service)
    rows = traffic(START, 24, seed=2)
    world.post(rows[:6])
    store_and_die(world, rows[6:])
    again = world.poster.predictions(bare(rows), now=NOW)
    assert (again["accepted"], again["duplicates"]) == (0, len(rows))
    check_whole(world, len(rows))


def test_rows_without_their_ids_get_them(service: Service) -> None:
    """Ended between the two inserts: those ids are known all the same, and labels that waited are theirs."""
    world = World(service)
    rows = traffic(START, 24, seed=2)
    world.post(rows[:6])
    world.label(rows)
    store_and_die(world, rows[6:])
    store = service.observations
    assert isinstance(store, ClickHouseObservations)
    for kind in ("i", "l"):
        store.engine.run(f"DELETE FROM {kind}_1 WHERE batch = (SELECT min(batch) FROM p_1)")
    store.engine.run("TRUNCATE TABLE l_1")
    assert mend_left(service, Watch(), NOW) == 1
    again = world.poster.predictions(bare(rows), now=NOW)
    assert (again["accepted"], again["duplicates"]) == (0, len(rows))
    check_whole(world, len(rows))
    found = world.poster.get(rows[50]["id"])
    assert found is not None
    assert [one["label"] for one in found["labels"]] == [rows[50]["label"]]


def test_rows_that_were_announced_without_their_hours_keep_their_ids(service: Service) -> None:
    """As an import announces them: it reads its files as it goes."""
    world = World(service)
    rows = traffic(START, 24, seed=2)
    world.post(rows[:6])
    with pytest.raises(KeyError):
        store(world, rows[6:], KeyError, told=False)
    assert mend_left(service, Watch(), NOW) == 1
    again = world.poster.predictions(bare(rows), now=NOW)
    assert (again["accepted"], again["duplicates"]) == (0, len(rows))
    with service.database.read() as connection:
        assert world.found(connection).n_predictions == len(rows)


def test_a_second_row_of_a_known_id_is_taken_back(service: Service) -> None:
    """Ended when resends with other times were inserted and not looked at yet."""
    world = World(service)
    rows = traffic(START, 24, seed=2)
    world.post(rows)
    store = service.observations
    assert isinstance(store, ClickHouseObservations)
    moved = [{**one, "timestamp": clock.render(clock.parse(one["timestamp"]) + 5 * H)} for one in rows[:9]]
    with pytest.raises(KeyError):
        insert_and_die(world, store, moved)
    with service.database.read() as connection:
        assert store.stats(connection, world.found(connection).stored)["predictions"] == len(rows) + 9
    assert mend_left(service, Watch(), NOW) == 1
    check_whole(world, len(rows))
    told = world.poster.predictions(bare(moved), now=NOW)
    assert (told["accepted"], told["duplicates"]) == (0, 9)
    check_whole(world, len(rows))


def insert_and_die(world: World, store: ClickHouseObservations, rows: list[dict[str, Any]]) -> None:
    with world.service.database.write() as connection:
        model = world.found(connection)
        batch = batch_of(model, rows)
        with recording_apart.turn(world.service, connection, model, batch.timestamps, NOW) as mine:
            store.engine.insert("p_1", predictions.rows_of(batch, mine.number), "again")
            raise KeyError


def store_and_die(world: World, rows: list[dict[str, Any]]) -> None:
    """As a process that ends when its rows are stored and nothing is noted of them yet."""
    with pytest.raises(KeyError):
        store(world, rows, KeyError)


def store(world: World, rows: list[dict[str, Any]], *deaths: type[Exception], told: bool = True) -> None:
    with world.service.database.write() as connection:
        model = world.found(connection)
        batch = batch_of(model, rows)
        with recording_apart.turn(
            world.service, connection, model, batch.timestamps if told else recording_apart.NO_TIMES, NOW
        ) as mine:
            assert world.service.observations.append(connection, model.stored, batch, mine.number).accepted == len(rows)
            for death in deaths:
                raise death


def batch_of(model: models.Model, rows: list[dict[str, Any]]) -> PredictionBatch:
    raw = decode(json.dumps(bare(rows)).encode(), "application/json", None, "predictions", LIMIT)
    return fit(conform.predictions(raw, NOW), model.columns)[0]


def check_whole(world: World, rows: int, ever: int = 0) -> None:
    with world.service.database.read() as connection:
        model = models.find(connection, "m")
        assert model is not None
        assert model.n_predictions == rows
        assert [one.n_predictions for one in models.list_versions(connection, model.id)] == [ever or rows]
        assert arriving.everything(connection) == []
    summarise_waiting(world.service, NOW)
    with world.service.database.read() as connection:
        counted = summaries.predicted(connection, model.id, 0, 1 << 24)
        assert sum(count for _, _, count in counted) == rows


def test_a_model_that_another_process_holds_is_taken_over_when_that_is_dead(service: Service) -> None:
    world = World(service)
    rows = traffic(START, 24, seed=2)
    world.post(rows[:6])
    store = service.observations
    assert isinstance(store, ClickHouseObservations)
    store.alone = False  # as on a server
    store_and_die(world, rows[6:])
    with service.database.write() as connection:
        (left,) = arriving.everything(connection)
        assert arriving.take(connection, left, "another")
        assert not arriving.take(connection, left, "third")
    with pytest.raises(StoreUnavailable, match="Another process"):
        world.post(rows)
    watch = Watch()
    assert [mend_left(service, watch, NOW + after) for after in (0, LEASE - 1, LEASE, 2 * LEASE)] == [0, 0, 1, 0]
    check_whole(world, len(rows))


def test_one_who_was_slow_beyond_the_lease_is_counted_too(service: Service) -> None:
    world = World(service)
    rows = traffic(START, 24, seed=2)
    world.post(rows[:6])
    with pytest.raises(StoreUnavailable, match="taken over"):
        store_slowly(world, rows[6:])
    assert mend_left(service, Watch(), NOW) == 1
    check_whole(world, len(rows))


def store_slowly(world: World, rows: list[dict[str, Any]]) -> None:
    service = world.service
    with service.database.write() as connection:
        model = world.found(connection)
        batch = batch_of(model, rows)
        with recording_apart.turn(service, connection, model, batch.timestamps, NOW) as mine:
            (announced,) = arriving.everything(connection)
            assert arriving.end(connection, announced)
            connection.commit()
            service.observations.append(connection, model.stored, batch, mine.number)


def test_several_threads_post_the_same(service: Service) -> None:
    world = World(service)
    rows = traffic(START, 24, seed=2)
    told: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda: told.append(world.poster.predictions(bare(rows), now=NOW))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one["accepted"] for one in told) == [0, 0, 0, len(rows)]
    check_whole(world, len(rows))


def test_pruning(service: Service) -> None:
    world = World(service)
    world.configure(retention="7d")
    rows = traffic(START, 24 * 21)
    world.post(rows)
    world.label(rows)
    kept = [one for one in rows if clock.parse(one["timestamp"]) >= START + 13 * D + 23 * H]
    assert prune(service, NOW) == len(rows) - len(kept)
    assert world.poster.get(rows[0]["id"]) is None
    check_whole(world, len(kept), ever=len(rows))
    with service.database.read() as connection:
        model = world.found(connection)
        stats = service.observations.stats(connection, model.stored)
    assert stats == {"predictions": len(kept), "labels": len(kept), "orphans": 0}


def test_others_write_while_rows_are_stored(service: Service) -> None:
    world = World(service)
    world.post(traffic(START, 1))
    with service.database.write() as connection:
        model = world.found(connection)
        with (
            recording_apart.turn(service, connection, model, recording_apart.NO_TIMES, NOW) as mine,
            mine.outside(),
            service.database.write(patience=1.0) as other,
        ):
            heartbeats.beat(other, "beside", NOW)
    with service.database.read() as connection:
        assert heartbeats.at(connection, "beside") == NOW


def test_a_model_is_deleted_when_what_is_under_way_to_it_is_stored(service: Service) -> None:
    world = World(service)
    rows = traffic(START, 24, seed=2)
    world.post(rows[:6])
    deleting = threading.Thread(target=lambda: delete_model(service, "m", NOW))
    with under_way(world):
        deleting.start()
        deleting.join(0.3)
        assert deleting.is_alive()
    deleting.join(20)
    assert not deleting.is_alive()
    with service.database.read() as connection:
        assert models.find(connection, "m") is None
        assert arriving.everything(connection) == []
    assert world.poster.predictions(bare(rows), now=NOW)["accepted"] == len(rows)
    check_whole(world, len(rows))


def test_what_becomes_private_meanwhile_is_stored_as_private(service: Service) -> None:
    """Rows that wait for their turn, and the answer to the change, which waits for rows that are being stored."""
    world = World(service)
    world.configure(features={"name": {}})
    posting = threading.Thread(target=lambda: world.poster.predictions([called("a")], now=NOW))
    private = threading.Thread(target=lambda: world.configure(features={"name": {"privacy": "hash"}}))
    with under_way(world, of=[called("b")]):
        posting.start()
        posting.join(0.3)
        private.start()
        private.join(0.3)
        assert posting.is_alive()
        assert private.is_alive()
        with service.database.read() as connection:
            assert world.found(connection).settings["features"] == {"name": {"privacy": "hash"}}
    for thread in (posting, private):
        thread.join(20)
    kept = {id_: (world.poster.get(id_) or {})["features"]["name"] for id_ in "ab"}
    assert kept["b"] == "Ada"
    assert kept["a"] != "Ada"
    assert len(kept["a"]) == 32


def called(id_: str) -> dict[str, Any]:
    return {"id": id_, "timestamp": clock.render(START), "features": {"name": "Ada"}, "prediction": 1}


@contextlib.contextmanager
def under_way(world: World, of: list[dict[str, Any]] | None = None) -> Iterator[None]:
    """While the block lasts, rows of the model are being stored."""
    if of is not None:
        world.poster.predictions(of, now=NOW)
    with world.service.database.write() as connection:
        model = world.found(connection)
        with (
            recording_apart.turn(world.service, connection, model, recording_apart.NO_TIMES, NOW) as mine,
            mine.outside(),
        ):
            yield


def test_a_store_that_is_away_is_told_of(tmp_path: Path) -> None:
    service = stores.new_service(tmp_path, observations_url="clickhouse://127.0.0.1:9/rows")
    with pytest.raises(StoreUnavailable, match="ClickHouse cannot be used"):
        check_ready(service, NOW)
    with pytest.raises(StoreUnavailable, match="ClickHouse cannot be used"):
        World(service).post(traffic(START, 1))
    service.close()
