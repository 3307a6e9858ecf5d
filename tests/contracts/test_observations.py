"""Every engine of observations against an oracle of dicts and lists."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.bootstrap import observations_on
from monitor.clock import HOUR
from monitor.store.database import Database
from monitor.store.observations import reading
from monitor.store.observations.base import (
    LabelBatch,
    Observations,
    PredictionBatch,
    ScoredRows,
    StoredColumn,
    StoredModel,
)
from monitor.store.observations.clickhouse import schema
from monitor.store.observations.clickhouse.store import ClickHouseObservations
from tests.clickhouse_front import fronted
from tests.clickhouse_shards import two_shards

COLUMNS = (
    StoredColumn("feature", "x", 0, "number"),
    StoredColumn("feature", "c", 1, "string"),
    StoredColumn("prediction", "", 2, "number"),
    StoredColumn("probability", "late", 3, "number"),
)
MODEL = StoredModel(1, "m", COLUMNS)
Write = Callable[[], AbstractContextManager[Any]]


class Engine:
    """A store with a model's tables, and its transactions."""

    def __init__(self, url: str, observations: Observations | None = None) -> None:
        self.database = Database(url)
        self.observations: Observations = observations or observations_on(self.database)
        self.number = 0
        with self.database.write() as connection:
            self.observations.ensure_model(connection, MODEL)

    def append(self, *rows: tuple[Any, ...]) -> Any:
        self.number += 1
        with self.database.write() as connection:
            return self.observations.append(connection, MODEL, batch(list(rows)), self.number)

    def label(self, *rows: tuple[str, str, int], arrived: int = 0, defaulted: bool = False) -> Any:
        self.number += 1
        some = labels(list(rows), defaulted)
        with self.database.write() as connection:
            return self.observations.append_labels(connection, MODEL, some, arrived, self.number)

    def rows(self, start: int = 0, end: int = 10**6) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            tables = list(self.observations.read(connection, MODEL, start, end, COLUMNS))
        return [row for table in tables for row in table.to_pylist()]


def batch(rows: list[tuple[Any, ...]]) -> PredictionBatch:
    """Rows of (id, hour, x, c, prediction)."""
    ids, hours, x, c, prediction = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    count = len(ids)
    return PredictionBatch(
        ids=pa.array(ids, pa.string()),
        timestamps=np.array(hours, np.int64) * HOUR + 5,
        versions=pa.array([None if hour % 2 else "v1" for hour in hours], pa.string()),
        latency_ms=pa.nulls(count, pa.float64()),
        errors=pa.nulls(count, pa.string()),
        stored=COLUMNS[:3],
        columns=(pa.array(x, pa.float64()), pa.array(c, pa.string()), pa.array(prediction, pa.float64())),
        odd=pa.nulls(count, pa.string()),
        positions=np.arange(count),
    )


def labels(rows: list[tuple[str, str, int]], defaulted: bool) -> LabelBatch:
    """Rows of (id, value, time)."""
    ids, values, times = zip(*rows, strict=True) if rows else ((), (), ())
    count = len(ids)
    return LabelBatch(
        ids=pa.array(ids, pa.string()),
        labels=pa.array(values, pa.string()),
        kinds=pa.array(["string"] * count, pa.string()),
        timestamps=np.array(times, np.int64),
        defaulted=np.full(count, defaulted),
        positions=np.arange(count),
    )


def _url(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'store.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@contextlib.contextmanager
def on_chdb(folder: Path) -> Iterator[Observations]:
    with contextlib.closing(ClickHouseObservations(f"chdb://{folder / 'chdb'}")) as store:
        yield store


CLUSTER = """<clickhouse><tcp_port>9000</tcp_port><remote_servers><here><shard><replica>
<host>localhost</host><port>9000</port></replica></shard></here></remote_servers></clickhouse>"""


@contextlib.contextmanager
def on_a_cluster(folder: Path) -> Iterator[Observations]:
    """Distributed tables over a cluster of one shard."""
    config = folder / "cluster.xml"
    config.write_text(CLUSTER)
    options = f"config={config}&cluster=here&on_cluster=0"
    with contextlib.closing(ClickHouseObservations(f"chdb://{folder / 'chdb'}?{options}")) as store:
        yield store


@contextlib.contextmanager
def on_two_shards(folder: Path) -> Iterator[Observations]:
    with contextlib.closing(ClickHouseObservations(two_shards(folder))) as store:
        yield store


@contextlib.contextmanager
def over_http(folder: Path) -> Iterator[Observations]:
    with (
        fronted(folder / "chdb") as address,
        contextlib.closing(ClickHouseObservations(f"clickhouse://me:secret@{address}/plimsoll")) as store,
    ):
        yield store


APART = {"chdb": on_chdb, "clickhouse": over_http, "cluster": on_a_cluster, "shards": on_two_shards}


@pytest.fixture(params=["sqlite", "postgres", *APART])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param in APART:
        with APART[request.param](tmp_path) as observations:
            made = Engine(f"sqlite:///{tmp_path / 'store.db'}", observations)
            yield made
    else:
        made = Engine(_url(request, tmp_path))
        yield made
    made.database.close()


def test_the_first_of_an_id_stays(engine: Engine) -> None:
    first = engine.append(("a", 3, 1.0, "u", 1.0), ("a", 4, 2.0, "u", 1.0), ("b", 2, None, None, None))
    assert (first.accepted, first.duplicates) == (2, 1)
    assert first.hours.tolist() == [2, 3]
    assert first.conflicting_hours.tolist() == [4]
    assert first.versions == {"v1": (1, 2 * HOUR + 5, 2 * HOUR + 5), "": (1, 3 * HOUR + 5, 3 * HOUR + 5)}
    again = engine.append(("b", 2, None, None, None), ("a", 3, float("inf"), "u", 1.0))
    assert (again.accepted, again.duplicates, again.hours.tolist()) == (0, 2, [])
    assert again.conflicting_hours.tolist() == [3]
    assert [(row["hour"], row["id"], row["c0"]) for row in engine.rows()] == [(2, "b", None), (3, "a", 1.0)]


def test_nothing_at_all(engine: Engine) -> None:
    assert engine.append().accepted == 0
    assert engine.label().accepted == 0
    assert engine.rows() == []


def test_a_failed_unit_of_work_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(KeyError):
        _append_and_fail(engine)
    assert len(engine.rows()) == (0 if engine.observations.shares_transaction else 1)


def _append_and_fail(engine: Engine) -> None:
    with engine.database.write() as connection:
        engine.observations.append(connection, MODEL, batch([("a", 1, 1.0, "u", 1.0)]))
        raise KeyError


def test_chunks_are_whole_hours(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", 10)
    engine.append(*((f"{hour}-{number}", hour, 1.0, "u", 0.0) for hour in (9, 1, 5, 2) for number in range(7)))
    with engine.database.read() as connection:
        tables = list(engine.observations.read(connection, MODEL, 1, 9, COLUMNS[:1]))
    hours = [sorted(set(table["hour"].to_pylist())) for table in tables]
    assert [hour for some in hours for hour in some] == [1, 2, 5]
    assert len(tables) > 1
    assert sum(map(len, tables)) == 21
    with engine.database.read() as connection:
        unordered = list(engine.observations.read(connection, MODEL, 1, 9, COLUMNS[:1], ordered=False))
    assert [one["hour"].to_pylist() for one in unordered] == [one["hour"].to_pylist() for one in tables]
    assert pa.concat_tables(unordered).sort_by([("hour", "ascending"), ("id", "ascending")]) == pa.concat_tables(tables)


def test_a_large_hour_comes_in_parts_where_order_does_not_matter(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where all its rows have one time."""
    monkeypatch.setattr(reading, "PART_ROWS", 10)
    sizes = {1: 7, 2: 35, 3: 10, 4: 11, 6: 3, 7: 20}
    rows = [(f"{hour}'\\-{number}", hour, number / 7, "ü", None) for hour in sizes for number in range(sizes[hour])]
    engine.append(*np.random.default_rng(1).permutation(np.array(rows, object)).tolist())
    with engine.database.read() as connection:
        tables = list(engine.observations.read(connection, MODEL, 1, 9, COLUMNS[:2], ordered=False))
        (whole,) = engine.observations.read(connection, MODEL, 1, 9, COLUMNS[:2])
    found = [(sorted(set(table["hour"].to_pylist())), len(table)) for table in tables]
    assert [hour for hours, _ in found for hour in dict.fromkeys(hours)] == sorted(
        hour for hours, _ in found for hour in hours
    )
    parted = {hour: [rows for hours, rows in found if hours == [hour]] for hour in (2, 4, 7)}
    assert {hour: sum(rows) for hour, rows in parted.items()} == {hour: sizes[hour] for hour in parted}
    assert max(rows for parts in parted.values() for rows in parts) <= 10
    assert {len(hours) for hours, rows in found if rows > 10} <= {2}
    assert pa.concat_tables(tables).sort_by([("hour", "ascending"), ("id", "ascending")]) == whole


def test_labelled_rows_of_an_hour_come_in_parts_with_all_labels_of_a_prediction(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    names = [f"{{0}}'{number % 7}\x00-{number}" for number in range(60)]
    engine.append(*((name, 3 + number % 2, number / 7, "ü", None) for number, name in enumerate(names)))
    revisions = [(names[number], str(value), int(time) * HOUR) for number, value, time in rng.integers(0, 40, (150, 3))]
    engine.label(*revisions, ("unknown", "1", HOUR))
    with engine.database.read() as connection:
        whole = engine.observations.scored(connection, MODEL, [3], COLUMNS[:2])
        for most in (1, 7, 1000):
            monkeypatch.setattr(reading, "PART_ROWS", most)
            parts = list(engine.observations.scored_parts(connection, MODEL, 3, COLUMNS[:2]))
            owners = [set(part.ids.to_pylist()) for part in parts]
            assert len(set().union(*owners)) == sum(map(len, owners))
            assert max(map(len, owners)) <= most
            assert _rows_of(parts) == _rows_of([whole])
        assert list(engine.observations.scored_parts(connection, MODEL, 9)) == []


def _rows_of(parts: list[ScoredRows]) -> list[Any]:
    """Those of each id in the order they came."""
    rows = [
        row
        for part in parts
        for row in zip(
            part.ids.to_pylist(),
            part.hour.tolist(),
            part.known_hour.tolist(),
            part.label.to_pylist(),
            part.version.to_pylist(),
            part.columns["c0"].to_pylist(),
            strict=True,
        )
    ]
    return sorted(rows, key=lambda row: row[0])


def test_the_room_that_vectors_take_counts() -> None:
    """Twenty numbers: 100,000 rows at once; with a vector of 1,536 numbers far fewer."""
    numbers = [StoredColumn("feature", f"x{place}", place, "number") for place in range(20)]
    assert reading.part_rows(numbers) == 100_000
    vector = StoredColumn("feature", "e", 20, "vector", dimension=1536)
    assert reading.part_rows([*numbers, vector]) == 4_000_000 // (28 + 768)


def test_a_part_is_all_that_is_held(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows the hour has."""
    monkeypatch.setattr(reading, "PART_ROWS", 1000)
    held = []
    for rows in (3000, 24_000):
        engine.append(*((f"{rows}-{number}", rows, number / 7, "some text", None) for number in range(rows)))
        gc.collect()  # what others left would be taken for room that was given back here
        before, most = pa.total_allocated_bytes(), 0
        with engine.database.read() as connection:
            for table in engine.observations.read(connection, MODEL, rows, rows + 1, COLUMNS, ordered=False):
                most = max(most, pa.total_allocated_bytes() - before)
                del table
        held.append(most)
    assert 0 < held[1] <= 2 * held[0]


def test_new_columns_are_null_in_old_rows(engine: Engine) -> None:
    engine.append(("a", 1, 1.0, "u", 1.0))
    wider = StoredModel(1, "m", (*COLUMNS, StoredColumn("feature", "new", 4, "boolean")))
    with engine.database.write() as connection:
        engine.observations.ensure_model(connection, wider)
        engine.observations.ensure_model(connection, wider)
        (table,) = engine.observations.read(connection, wider, 0, 9, wider.columns)
    assert table["c4"].to_pylist() == [None]


def test_labels_without_a_time_that_repeat_what_is_known(engine: Engine) -> None:
    assert engine.label(("a", "1", 6), ("a", "1", 6), defaulted=True).accepted == 1
    assert engine.label(("a", "1", 9), defaulted=True).duplicates == 1
    assert engine.label(("a", "0", 9), defaulted=True).accepted == 1
    assert engine.label(("a", "1", 11), defaulted=True).accepted == 1


def test_dropping_old_rows(engine: Engine) -> None:
    engine.append(("a", 1, 1.0, "u", 1.0), ("b", 5, 1.0, "u", 1.0))
    engine.label(("a", "1", 9 * HOUR), ("b", "1", 9 * HOUR), ("old", "1", 2 * HOUR), ("new", "1", 8 * HOUR))
    with engine.database.write() as connection:
        assert engine.observations.stats(connection, MODEL) == {"predictions": 2, "labels": 4, "orphans": 2}
        assert engine.observations.drop_before(connection, MODEL, 5) == 1
        assert engine.observations.stats(connection, MODEL) == {"predictions": 1, "labels": 2, "orphans": 1}


@pytest.mark.parametrize("engine", list(APART), indirect=True)
def test_whole_weeks_are_dropped_as_partitions(engine: Engine) -> None:
    """Not row by row, which would leave their parts. Those of old weeks are gone, of labels too; younger ones stand."""
    weeks, start = (10, 11, 12), 12 * schema.WEEK + 50
    hours = [week * schema.WEEK + hour for week in weeks for hour in (0, 100)]
    engine.append(*((f"id-{hour}", hour, 1.0, "u", 1.0) for hour in hours))
    engine.label(*((f"id-{hour}", "1", hour * HOUR) for hour in hours))
    assert weeks_with_parts(engine) == {"p": {10, 11, 12}, "l": {10, 11, 12}}
    with engine.database.write() as connection:
        assert engine.observations.drop_before(connection, MODEL, start) == 5
        stats = engine.observations.stats(connection, MODEL)
    assert weeks_with_parts(engine) == {"p": {12}, "l": {12}}
    assert [row["id"] for row in engine.rows()] == [f"id-{12 * schema.WEEK + 100}"]
    assert stats == {"predictions": 1, "labels": 1, "orphans": 0}


def weeks_with_parts(engine: Engine) -> dict[str, set[int]]:
    """Of predictions and labels: the weeks that the engine has parts of."""
    assert isinstance(engine.observations, ClickHouseObservations)
    there, found = engine.observations.engine, {}
    for kind in (schema.PREDICTIONS, schema.LABELS):
        name, _ = schema.local(there, kind, MODEL)
        parts = there.rows(
            f"SELECT partition FROM system.parts WHERE active AND database = currentDatabase() AND table = '{name}'",
            pa.schema([("partition", pa.string())]),
        )
        found[kind] = {int(week) for week in parts["partition"].to_pylist()}
    return found


def test_erasing_one_id(engine: Engine) -> None:
    engine.append(("a", 3, 1.0, "u", 1.0), ("b", 3, 2.0, "u", 1.0), ("c", 2, 2.0, "u", 1.0))
    engine.label(("a", "1", 7), ("a", "0", 8), ("b", "1", 7), ("waiting", "1", 9))
    with engine.database.write() as connection:
        gone = [engine.observations.erase(connection, MODEL, name) for name in ("a", "c", "waiting", "nobody")]
    assert [(one.timestamp, one.version, one.labels) for one in gone] == [
        (3 * HOUR + 5, "", 2),
        (2 * HOUR + 5, "v1", 0),
        (None, "", 1),
        (None, "", 0),
    ]
    assert [row["id"] for row in engine.rows()] == ["b"]
    with engine.database.read() as connection:
        assert engine.observations.get(connection, MODEL, "a") is None
        stats = engine.observations.stats(connection, MODEL)
    assert stats == {"predictions": 1, "labels": 1, "orphans": 0}
    again = engine.append(("a", 4, 5.0, "v", 0.0))
    assert (again.accepted, again.hours.tolist()) == (1, [4])
    with engine.database.read() as connection:
        found = engine.observations.get(connection, MODEL, "a")
    assert found is not None
    assert found["labels"] == []


def test_labels_leave_and_come_in_order_of_arrival(engine: Engine) -> None:
    engine.append(("a", 3, 1.0, "u", 1.0), ("b", 3, 2.0, "u", 1.0))
    engine.label(("b", "1", 7), ("a", "1", 7), arrived=100)
    engine.label(("waiting", "1", 9), arrived=200)
    engine.label(("a", "0", 7), arrived=300)
    with engine.database.read() as connection:
        (moved,) = engine.observations.labels_of(connection, MODEL)
    rows = [tuple(row.values()) for row in moved.to_pylist()]
    assert rows == [
        ("b", 7, "1", "string", 100),
        ("a", 7, "1", "string", 100),
        ("waiting", 9, "1", "string", 200),
        ("a", 7, "0", "string", 300),
    ]
    with engine.database.write() as connection:
        engine.observations.drop_model(connection, MODEL)
        assert engine.observations.stats(connection, MODEL) == {"predictions": 0, "labels": 0, "orphans": 0}
        assert engine.observations.size(connection, MODEL) == {"predictions": 0, "labels": 0}
        engine.observations.drop_model(connection, MODEL)
        engine.observations.ensure_model(connection, MODEL)
    engine.append(("a", 3, 1.0, "u", 1.0), ("b", 3, 2.0, "u", 1.0))
    with engine.database.write() as connection:
        engine.observations.restore_labels(connection, MODEL, moved, 10)
    with engine.database.read() as connection:
        (again,) = engine.observations.labels_of(connection, MODEL)
        found = engine.observations.get(connection, MODEL, "a")
        size = engine.observations.size(connection, MODEL)
    assert [tuple(row.values()) for row in again.to_pylist()] == rows
    assert found is not None
    assert [one["label"] for one in found["labels"]] == ["1", "0"]  # the later to arrive stands last
    engine.append(("waiting", 4, 1.0, "u", 1.0))
    with engine.database.read() as connection:
        found = engine.observations.get(connection, MODEL, "waiting")
    assert found is not None
    assert [one["label"] for one in found["labels"]] == ["1"]
    assert min(size.values()) > 0


def test_times_are_told_by_id(engine: Engine) -> None:
    engine.append(("a", 3, 1.0, "u", 1.0), ("b", 5, 2.0, "u", 1.0))
    with engine.database.write() as connection:
        asked = pa.array(["b", "nobody", "a", "b"])
        told = engine.observations.times_of(connection, MODEL, asked).to_pylist()
        assert engine.observations.times_of(connection, MODEL, pa.array([], pa.string())).to_pylist() == []
        a, b = (engine.observations.get(connection, MODEL, one) for one in "ab")
    assert a is not None
    assert b is not None
    assert told == [b["timestamp"], None, a["timestamp"], b["timestamp"]]


def test_a_model_without_tables_is_empty(engine: Engine) -> None:
    other = StoredModel(2, "other", ())
    with engine.database.read() as connection:
        assert list(engine.observations.read(connection, other, 0, 9, ())) == []
        assert engine.observations.get(connection, other, "a") is None
        assert len(engine.observations.scored(connection, other, [1, 2]).ids) == 0
        assert list(engine.observations.scored_parts(connection, other, 1)) == []
        assert engine.observations.times_of(connection, other, pa.array(["a"])).to_pylist() == [None]
        assert engine.observations.stats(connection, other) == {"predictions": 0, "labels": 0, "orphans": 0}


ids = st.sampled_from("abcdef")
numbers = st.one_of(st.none(), st.sampled_from([0.0, -1.5, 1e300, float("inf")]))
texts = st.one_of(st.none(), st.sampled_from(["u", "ü\x00'", ""]))
prediction_rows = st.tuples(ids, st.integers(1, 6), numbers, texts, numbers)
label_rows = st.tuples(ids, st.sampled_from(["0", "1"]), st.integers(1, 8).map(lambda half: half * HOUR // 2))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("predictions"), st.lists(prediction_rows, max_size=8)),
        st.tuples(st.just("labels"), st.lists(label_rows, max_size=8)),
    ),
    max_size=5,
)


def examples(most: int) -> settings:
    return settings(max_examples=most, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
@given(steps=steps)
@examples(40)
def test_any_sequence_of_posts(engine: Engine, steps: list[tuple[str, list[Any]]]) -> None:
    check_sequence(engine, steps)


@pytest.mark.parametrize("engine", list(APART), indirect=True)
@given(steps=steps)
@examples(12)
def test_any_sequence_of_posts_to_a_store_apart(engine: Engine, steps: list[tuple[str, list[Any]]]) -> None:
    check_sequence(engine, steps)


def check_sequence(engine: Engine, steps: list[tuple[str, list[Any]]]) -> None:
    with engine.database.write() as connection:
        engine.observations.drop_before(connection, MODEL, 10**9)
    stored: dict[str, tuple[Any, ...]] = {}
    revisions: dict[str, list[tuple[int, str]]] = {}
    for kind, rows in steps:
        if kind == "predictions":
            _check_predictions(engine, stored, rows)
        else:
            _check_labels(engine, stored, revisions, rows)
    expected = sorted((row[1], row[0], row[2], row[3], row[4]) for row in stored.values())
    found = [(row["hour"], row["id"], row["c0"], row["c1"], row["c2"]) for row in engine.rows()]
    assert [key[:2] for key in found] == [key[:2] for key in expected]
    assert {row[1]: row for row in found} == {row[1]: row for row in expected}
    _check_scored(engine, stored, revisions)


def _check_predictions(engine: Engine, stored: dict[str, tuple[Any, ...]], rows: list[tuple[Any, ...]]) -> None:
    fresh, conflicts = [], []
    for row in rows:
        if row[0] not in stored:
            stored[row[0]] = row
            fresh.append(row[1])
        elif stored[row[0]] != row:
            conflicts.append(row[1])
    told = engine.append(*rows)
    assert (told.accepted, told.duplicates) == (len(fresh), len(rows) - len(fresh))
    assert told.hours.tolist() == sorted(set(fresh))
    assert told.conflicting_hours.tolist() == conflicts


def _check_labels(
    engine: Engine,
    stored: dict[str, tuple[Any, ...]],
    revisions: dict[str, list[tuple[int, str]]],
    rows: list[tuple[str, str, int]],
) -> None:
    accepted = []
    for id_, value, time in rows:
        if (time, value) not in revisions.setdefault(id_, []):
            revisions[id_].append((time, value))
            accepted.append(id_)
    told = engine.label(*rows)
    assert told.accepted == len(accepted)
    assert told.hours.tolist() == sorted({stored[id_][1] for id_ in accepted if id_ in stored})
    assert told.unmatched == sum(id_ not in stored for id_, _, _ in rows)


def _check_scored(
    engine: Engine, stored: dict[str, tuple[Any, ...]], revisions: dict[str, list[tuple[int, str]]]
) -> None:
    with engine.database.read() as connection:
        scored = engine.observations.scored(connection, MODEL, [1, 2, 3, 5])
    expected = [
        (row[1], id_, -(-time // HOUR), value)
        for id_, row in sorted(stored.items(), key=lambda item: (item[1][1], item[0]))
        if row[1] in (1, 2, 3, 5)
        for time, value in sorted(revisions.get(id_, []), key=lambda revision: revision[0])
    ]
    found = zip(
        scored.hour.tolist(), scored.ids.to_pylist(), scored.known_hour.tolist(), scored.label.to_pylist(), strict=True
    )
    assert list(found) == expected
    assert np.isnan(scored.probabilities["late"]).all()
