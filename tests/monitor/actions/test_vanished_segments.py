"""A segment of which no row comes any more, while the others go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitor import clock
from monitor.service import Service
from monitor.store import alerts
from tests.monitor.world import T0, D, H, Record, World, traffic

START = T0 + 28 * D
FIVE = 5 * clock.MINUTE
KINDS = ("data_quality", "data_drift", "prediction_drift")
There = Callable[[int], bool]


@pytest.fixture
def world(service: Service) -> World:
    made = World(service)
    made.configure(segments=["region"], checks=[{"name": kind, "kind": kind, "window": "24h"} for kind in KINDS])
    return made


def rows(start: int, hours: int, there: There = lambda _: True, seed: int = 2, north: bool = True) -> list[Record]:
    """Half of the rows each in the north and the south, where the south has any only while it is ``there``."""
    records = traffic(start, hours, 40, seed=seed)
    regions = np.random.default_rng(seed).choice(["north", "south"], len(records))
    for record, region in zip(records, regions.tolist(), strict=True):
        record["segments"] = {"region": region if north else "else"}
    return [
        record
        for record in records
        if record["segments"]["region"] != "south" or there(clock.parse(record["timestamp"]))
    ]


def walk(world: World, first: int, last: int) -> None:
    for hour in range(first, last + 1, 4):
        world.run(START + hour * H + FIVE, checks=KINDS)


def told(world: World) -> list[tuple[Any, ...]]:
    with world.service.database.read() as connection:
        listed = alerts.list_alerts(connection, model="m", state=None, since=None, limit=100, after=None)
    return [
        (one["segment"], one["state"], one["resolve_reason"], one["summary"].split(" in a row")[0]) for one in listed
    ]


def test_it_is_told_once_and_is_back_with_its_rows(world: World) -> None:
    world.reference(rows(T0, 24 * 28, seed=1))
    world.post(rows(START, 24 * 4, lambda at: not START + D <= at < START + 3 * D))
    walk(world, 20, 52)
    assert told(world) == []  # two windows without any row
    walk(world, 56, 72)
    missing = "no rows of region=south in 3 windows of 24h"
    assert told(world) == [("region=south", "pending", None, missing)]
    walk(world, 76, 88)
    assert told(world) == [("region=south", "resolved", "data_back", missing)]


@pytest.mark.one_engine
def test_a_segment_that_is_never_there_at_weekends_is_no_news(world: World) -> None:
    """The reference knows weekends; the days of the log do not."""
    weekdays: There = lambda at: at % (7 * D) // D not in (2, 3)  # noqa: E731 - 1970 began on a Thursday
    world.reference(rows(T0, 24 * 28, weekdays, seed=1))
    world.post(rows(START, 24 * 7, weekdays))
    walk(world, 24 * 4, 24 * 7)
    assert told(world) == []


@pytest.mark.one_engine
def test_with_all_segments_of_a_column_it_is_the_column_that_is_missing(world: World) -> None:
    world.reference(rows(T0, 24 * 28, seed=1))
    world.post([*rows(START, 24), *rows(START + D, 48, seed=3, north=False)])
    walk(world, 20, 72)
    assert told(world) == [
        (None, "pending", None, "no rows of any judged segment of region in 3 windows of 24h"),
    ]


@pytest.mark.one_engine
def test_what_was_not_told_in_the_log_is_no_news(world: World) -> None:
    world.reference(rows(T0, 24 * 28, seed=1))
    world.post(rows(START, 24 * 3, lambda _: False))
    walk(world, 24, 72)
    assert told(world) == []
