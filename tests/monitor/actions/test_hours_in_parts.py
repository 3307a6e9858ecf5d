"""Hours whose rows come in several chunks are counted as those that come in one, to the byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.cuts import Binning, SegmentColumn
from monitor.actions import counting, hours_in_parts, labels_in_parts, summarise_hours
from monitor.actions.meaning import Meaning
from monitor.actions.summarise_hours import summarise
from monitor.service import Service
from monitor.store import locks, summaries
from monitor.store.observations import reading
from monitor.store.observations.base import StoredColumn
from tests import stores
from tests.monitor.world import T0, D, H, World, traffic

START = T0 + 14 * D
COLUMNS = (
    StoredColumn("feature", "x", 0, "number"),
    StoredColumn("feature", "y", 1, "number"),
    StoredColumn("feature", "code", 2, "number", "categorical"),
    StoredColumn("feature", "kind", 3, "string"),
    StoredColumn("segment", "region", 4, "string"),
    StoredColumn("metric", "distance", 5, "number"),
    StoredColumn("prediction", "", 6, "number"),
    StoredColumn("probability", "1", 7, "number"),
    StoredColumn("probability", "2", 8, "number"),
    StoredColumn("probability", "0", 9, "number"),
)
STRANGE = [0.0, -0.0, 1e16, 5e-324, 1e154, -1e300, np.inf, -np.inf, None]


def rows_of(count: int, hours: int, seed: int) -> pa.Table:
    """Rows of some hours, several versions and regions, with values that are missing, odd and strange."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=count)
    strange = rng.random(count) < 0.2
    odd = np.flatnonzero(rng.random(count) < 0.1)
    values: dict[str, Any] = {
        "hour": np.sort(rng.integers(0, hours, count)) + 400_000,
        "id": [f"{seed}-{row}" for row in range(count)],
        "timestamp": rng.integers(0, 1 << 50, count),
        "version": rng.choice(np.array([None, "v1", "ü"], object), count),
        "latency_ms": pa.array(rng.gamma(2.0, 20.0, count), mask=rng.random(count) < 0.3),
        "error": rng.choice(np.array([None, "gone"], object), count),
        "c0": np.where(strange, rng.choice(np.array(STRANGE, object), count), x),
        "c1": x * 3 + rng.normal(size=count),
        "c2": rng.integers(0, 3, count).astype(float),
        "c3": rng.choice(np.array([None, "a", "b", "new"], object), count),
        "c4": rng.choice(np.array([None, "north", "south", "else"], object), count),
        "c5": rng.normal(size=count),
        "c6": rng.integers(0, 3, count).astype(float),
        **{name: rng.random(count) for name in ("c7", "c8", "c9")},
    }
    values["odd"] = [None] * count
    for row in odd:
        values["odd"][row] = ['{"c1":{"nan":true}}', '{"c1":"text","c3":5}'][row % 2]
        values["c1"][row] = np.nan
    schema = reading.rows_schema(COLUMNS)
    return pa.table([pa.array(values[one.name], one.type, from_pandas=True) for one in schema], schema=schema)


def read_of(table: pa.Table, seed: int | None) -> hours_in_parts.Read:
    """Whole hours, or each of several rows in parts; in another order and otherwise cut at each call."""
    rng = np.random.default_rng(seed)

    def read(start: int, end: int, columns: Sequence[StoredColumn]) -> Iterator[pa.Table]:
        some = table.select(reading.rows_schema(columns).names)
        hours = some["hour"].to_numpy()
        if seed is None:
            yield some.filter(pa.array((hours >= start) & (hours < end)))
            return
        for hour in np.unique(hours[(hours >= start) & (hours < end)]):
            mine = rng.permutation(np.flatnonzero(hours == hour))
            for part in np.split(mine, np.sort(rng.integers(0, len(mine) + 1, rng.integers(0, 4)))):
                if len(part) or rng.random() < 0.5:  # a store without snapshots may find a part empty
                    yield some.take(pa.array(part, pa.int64()))

    return read


def binning_of(meaning: Meaning) -> Binning:
    made = counting.binning_of(COLUMNS, meaning, [rows_of(400, 3, 77)])
    segments = SegmentColumn("region", ("north", "south")), SegmentColumn("code", ("1", "0"))
    return Binning(made.columns, made.scores, segments, pairs=made.pairs)


MEANINGS = (Meaning("multiclass", ("0", "1", "2")), Meaning("binary", ("0", "1")), Meaning("regression"))
KNOWN = [(meaning, binning_of(meaning)) for meaning in MEANINGS]


@pytest.mark.one_engine
@given(st.integers(1, 120), st.integers(1, 4), st.integers(0, 2**32 - 1), st.sampled_from(KNOWN))
@settings(max_examples=40, deadline=None)
def test_any_chunks_in_any_order_give_the_bytes_of_one(
    count: int, hours: int, seed: int, known: tuple[Meaning, Binning]
) -> None:
    meaning, binning = known
    table = rows_of(count, hours, seed)
    found = [
        sorted(hours_in_parts.count(binning, COLUMNS, meaning, read_of(table, way), 400_000, 400_004))
        for way in (None, seed, seed + 1)
    ]
    assert found[0] == found[1] == found[2]
    whole = [(version, hour, rows) for version, (segment, hour, rows, *_) in found[0] if segment == ""]
    assert sum(rows for _, _, rows in whole) == count
    assert len(whole) == len({one[:2] for one in whole})


@pytest.mark.one_engine
def test_only_numbers_and_segments_are_read_again() -> None:
    def names(known: tuple[Meaning, Binning]) -> list[str]:
        return [column.physical for column in hours_in_parts.numbers_of(known[1], COLUMNS, known[0])]

    assert names(KNOWN[0]) == ["c0", "c1", "c2", "c4", "c5", "c7", "c8", "c9"]
    assert names(KNOWN[2]) == ["c0", "c1", "c2", "c4", "c5", "c6", "c7", "c8", "c9"]


@pytest.fixture
def on_chdb(tmp_path: Path) -> Iterator[World]:
    made = stores.new_service(tmp_path, observations_url=f"chdb://{tmp_path / 'observations'}")
    yield World(made)
    made.close()


def counted(service: Service, world: World) -> list[summaries.Summary]:
    """All hours, counted anew."""
    with service.database.write(locks.model(world.model)) as connection:
        summaries.mark_all_dirty(connection, world.found(connection).id)
    summarise(service, world.model, START // H + 5, world.now)
    with service.database.read() as connection:
        model = world.found(connection)
        known = model.id, model.binning_id or 0, START // H, START // H + 5
        return [*summaries.load(connection, *known), *summaries.load_segments(connection, *known)]


def check(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.configure(segments=["kind"])
    world.reference(traffic(T0, 24 * 9))
    for version in (None, "v1"):
        world.post(traffic(START, 4, per_hour=40, version=version, prefix=f"p{version}"))
    for hour in (1, 2):
        world.post(traffic(START + hour * H, 1, per_hour=300, seed=hour))
    at_once = counted(world.service, world)
    assert {one.segment for one in at_once} == {"", "kind=a", "kind=b", "kind=c"}
    assert sum(one.rows for one in at_once if one.segment == "") == 8 * 40 + 600
    monkeypatch.setattr(reading, "PART_ROWS", 90)
    assert counted(world.service, world) == at_once


def test_a_large_hour_is_counted_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    check(world, monkeypatch)


@pytest.mark.one_engine
def test_a_large_hour_of_a_store_apart_is_counted_in_parts(on_chdb: World, monkeypatch: pytest.MonkeyPatch) -> None:
    check(on_chdb, monkeypatch)


def labels_counted(service: Service, world: World) -> list[Any]:
    """All of them, counted anew."""
    with service.database.write(locks.model(world.model)) as connection:
        summaries.mark_all_dirty(connection, world.found(connection).id)
    summarise(service, world.model, START // H + 5, world.now)
    with service.database.read() as connection:
        model = world.found(connection)
        known = model.id, model.binning_id or 0, START // H, START // H + 5, 1 << 40
        return [*summaries.load_labels(connection, *known), *summaries.load_segment_labels(connection, *known)]


def check_labels(world: World, monkeypatch: pytest.MonkeyPatch, hours: int = 4) -> None:
    """Of several versions and segments, some corrected."""
    world.configure(segments=["kind"])
    world.reference(traffic(T0, 24 * 9))
    for seed, version in enumerate((None, "v1")):
        records = traffic(START, hours, per_hour=40, seed=seed, version=version, prefix=f"p{version}")
        world.post(records)
        world.label(records, delay=3 * H)
        world.label([{**one, "label": 1 - one["label"]} for one in records[::3]], delay=5 * H)
        world.label(records[::6], delay=7 * H)
    at_once = labels_counted(world.service, world)
    assert {one.segment for one in at_once} == {"", "kind=a", "kind=b", "kind=c"}
    assert sum(one.rows for one in at_once if one.segment == "") == 2 * 40 * hours
    monkeypatch.setattr(summarise_hours, "LABEL_ROWS_AT_ONCE", 50)
    monkeypatch.setattr(reading, "PART_ROWS", 30)
    assert labels_counted(world.service, world) == at_once
    monkeypatch.setattr(labels_in_parts, "ROOM", 40_000)  # of one group or two
    assert labels_counted(world.service, world) == at_once


def test_labels_of_a_large_hour_are_counted_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    check_labels(world, monkeypatch)


@pytest.mark.one_engine
def test_so_are_those_of_a_store_apart(on_chdb: World, monkeypatch: pytest.MonkeyPatch) -> None:
    check_labels(on_chdb, monkeypatch, hours=2)  # each of its many parts is a statement of the engine


def test_memory_does_not_grow_with_the_rows_of_an_hour(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Arrow holds while an hour of 20 parts is counted, beside one of 4."""
    monkeypatch.setattr(reading, "PART_ROWS", 500)
    most = 0
    count_of = counting.column_values

    def watched(*given: Any) -> Any:
        nonlocal most
        most = max(most, pa.total_allocated_bytes())
        return count_of(*given)

    monkeypatch.setattr(counting, "column_values", watched)
    held = []
    world.reference(traffic(T0, 24 * 9))
    for hour, rows in ((0, 2000), (1, 10_000)):
        world.post(traffic(START + hour * H, 1, per_hour=rows, seed=hour))
        before, most = pa.total_allocated_bytes(), 0
        summarise(world.service, world.model, START // H + 5, world.now)
        held.append(most - before)
    assert held[1] <= 2 * held[0]
