"""Hours that the engine counted are those that numpy counts, to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.actions import counted_there
from monitor.actions import summarise_hours as counting_here
from monitor.actions.models import meaning_of_model
from monitor.clock import HOUR
from monitor.service import Service
from monitor.store import summaries
from monitor.store.observations.base import Counting
from monitor.store.observations.clickhouse.store import ClickHouseObservations
from tests import stores
from tests.clickhouse_shards import two_shards
from tests.monitor.world import NOW, T0, D, World, traffic

START = T0 + 14 * D
ODD = ["text", float("inf"), float("-inf"), float("nan"), None, 1e300, -1e300, 5e-324, -0.0, 1e16, 0.1]


@pytest.fixture(params=["one", "shards"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    alone = f"chdb://{tmp_path / 'observations'}?counts=1"
    made = stores.new_service(
        tmp_path, observations_url=alone if request.param == "one" else f"{two_shards(tmp_path)}&counts=1"
    )
    yield made
    made.close()


def rich(records: list[dict[str, Any]], seed: int, *, odd: bool) -> list[dict[str, Any]]:
    """More columns: numbers that go together, a heavy value, categories that are numbers and texts, latencies,
    errors; and some values that are not as they should be."""
    rng = np.random.default_rng(seed)
    for place, one in enumerate(records):
        features = one["features"]
        features["y"] = features["x"] * 2 + float(rng.normal())
        features["heavy"] = float(rng.choice([0.0, 1.5, float(rng.normal())]))
        features["code"] = int(rng.integers(0, 4))
        features["flag"] = bool(rng.integers(0, 2))
        one["metrics"] = {"distance": float(rng.normal())}
        one["latency_ms"] = float(rng.gamma(2.0, 20.0))
        if place % 11 == 0:
            one["error"], one["latency_ms"] = f"error {place}", None
        if odd:
            features["y"] = ODD[place % 37] if place % 37 < len(ODD) else features["y"]
            features["kind"] = [None, 5, "new'\\", "", "a"][place % 5]
            features["code"] = [1.0, 7, "x", None][place % 4]
            one["version"] = [None, "v1", "ü'\\"][place % 3]
            one["prediction"] = one["prediction"] if place % 13 else None
    return records


def both(service: Service) -> tuple[list[Any], list[Any]]:
    store = service.observations
    assert isinstance(store, Counting)
    with service.database.write() as connection:
        model = World(service).found(connection)
        if counting_here._binning(connection, model) is None:
            counting_here._make_binning(connection, model, NOW)
            model = World(service).found(connection)
        binning, meaning = counting_here._binning(connection, model), meaning_of_model(model)
        assert binning is not None
        first, last = 0, (START + 40 * D) // HOUR
        assert counted_there.can_be(binning, model.columns, meaning)
        there = list(counted_there.hours(store, model.stored, binning, meaning, first, last))
        store.counts_itself = False
        here = list(counting_here._hours(service, connection, model, binning, meaning, first, last))
        store.counts_itself = True
    return sorted(there), sorted(here)


def check(there: list[Any], here: list[Any]) -> None:
    assert [one[:5] for one in there] == [one[:5] for one in here]
    assert [one[5] == another[5] for one, another in zip(there, here, strict=True)] == [True] * len(here)


def test_before_any_reference(service: Service) -> None:
    World(service).post(rich(traffic(START, 30, seed=3), 3, odd=True))
    there, here = both(service)
    assert len(here) > 60
    check(there, here)


def test_on_the_cuts_of_a_reference_with_pairs(service: Service) -> None:
    world = World(service)
    world.reference(rich(traffic(T0, 24 * 9), 1, odd=False))
    world.post(rich(traffic(START, 30, per_hour=40, seed=3), 3, odd=True))
    world.post(rich(traffic(START + 3 * D, 2, per_hour=3000, seed=4, prefix="q"), 4, odd=False))
    there, here = both(service)
    check(there, here)


def test_rows_that_are_stored_twice_count_once(service: Service) -> None:
    """As a second insert leaves them until parts are merged, which is held up here."""
    world = World(service)
    world.reference(rich(traffic(T0, 24 * 9), 1, odd=False))
    world.post(rich(traffic(START, 30, per_hour=40, seed=3), 3, odd=True))
    once, _ = both(service)
    store = service.observations
    assert isinstance(store, ClickHouseObservations)
    name = "p_1" if store.engine.address.cluster is None else "p_1_local"
    store.engine.run(f"SYSTEM STOP MERGES {name}")
    store.engine.run(f"INSERT INTO {name} SELECT * REPLACE (batch - 1000000 AS batch) FROM {name}")
    assert store.engine.number(f"SELECT count() FROM {name}") == 2 * 30 * 40
    there, here = both(service)
    assert there == once
    check(there, here)


def test_summaries_that_runs_use_are_counted_by_the_engine(service: Service) -> None:
    world = World(service)
    world.reference(rich(traffic(T0, 24 * 9), 1, odd=False))
    world.post(rich(traffic(START, 24, seed=3), 3, odd=False))
    store = service.observations
    assert isinstance(store, Counting)
    assert counting_here.summarise_waiting(service, NOW) == 24
    with service.database.read() as connection:
        model = world.found(connection)
        assert sum(rows for _, _, rows in summaries.predicted(connection, model.id, 0, 1 << 24)) == 144
