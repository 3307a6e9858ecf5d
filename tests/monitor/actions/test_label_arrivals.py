"""The curve of how labels arrive is fitted once a week, and again only where what was known by then is another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.performance.maturity import Arrivals
from monitor import clock
from monitor.actions.frame import Frame
from monitor.actions.label_arrivals import FITTED, curve_of
from monitor.service import Artefacts
from tests.monitor.world import T0, D, H, Record, World, traffic

START = T0 + 14 * D
END = START + 21 * D
WEEK = END // H // FITTED * FITTED * H  # when the week began


def late(records: list[Record]) -> list[Record]:
    delay = np.random.default_rng(3).exponential(24 * H, len(records))
    return [
        {"id": one["id"], "label": one["label"], "timestamp": clock.render(clock.parse(one["timestamp"]) + int(wait))}
        for one, wait in zip(records, delay.tolist(), strict=True)
    ]


@pytest.fixture
def labels(world: World) -> list[Record]:
    """Three weeks of predictions, and the labels of all; those known before the week began are posted."""
    world.configure(label_horizon="5d")
    world.reference(traffic(T0, 24 * 9, per_hour=6))
    records = traffic(START, 24 * 21, per_hour=6, seed=2)
    world.post(records)
    found = late(records)
    world.poster.labels([one for one in found if clock.parse(one["timestamp"]) <= WEEK - H], now=world.now)
    world.read(END)
    return found


def curve(world: World, *, afresh: bool = False) -> Arrivals:
    service = replace(world.service, curves=Artefacts()) if afresh else world.service
    with service.database.read() as connection:
        frame = Frame.load(service, connection, world.found(connection))
        assert frame is not None
        found = curve_of(frame, END)
    assert found is not None
    return found


def same(one: Arrivals, other: Arrivals) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("known", "share", "error", "mass"))


def test_labels_that_came_later_change_nothing(world: World, labels: list[Record]) -> None:
    before = curve(world)
    world.poster.labels([one for one in labels if clock.parse(one["timestamp"]) > WEEK], now=world.now)
    world.read(END + H)
    assert curve(world) is before
    assert same(curve(world, afresh=True), before)


def test_a_label_of_the_past_makes_another_curve(world: World, labels: list[Record]) -> None:
    before = curve(world)
    of_an_hour = [one for one in labels if START + 10 * D <= clock.parse(one["timestamp"]) < START + 10 * D + 3 * H]
    turned = [{**one, "label": 1 - int(one["label"])} for one in of_an_hour]  # as many rows, by the same hour
    world.poster.labels(turned, now=world.now + H)
    world.read(END + H)
    after = curve(world)
    assert not same(after, before)
    assert same(curve(world, afresh=True), after)


def test_predictions_of_the_past_make_another_curve(world: World, labels: list[Record]) -> None:
    before = curve(world)
    world.post(traffic(START + 9 * D, 24, per_hour=6, seed=7, prefix="more"))
    world.read(END + H)
    after = curve(world)
    assert (after.known != before.known).any()
    assert same(curve(world, afresh=True), after)
