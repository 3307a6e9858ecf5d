"""A run at as_of uses what was known then, and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.cuts import NumericColumn
from monitor.actions.frame import Frame
from tests.monitor.world import T0, D, H, Record, World, at, labels_of, matching, one, traffic
from tests.stores import new_service

pytestmark = pytest.mark.usefixtures("on_sqlite")

REFERENCE = traffic(T0, 24 * 12, per_hour=3, seed=1)
START = T0 + 12 * D
AS_OF = START + 30 * H  # the newest 24 h window ends at hour 28
SLOW = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))


@contextmanager
def new_world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as home:
        service = new_service(Path(home))
        yield World(service)
        service.database.close()


def answers(records: list[Record], labels: list[Record], as_of: int = AS_OF) -> list[dict[str, Any]]:
    with new_world() as world:
        world.reference(REFERENCE)
        if records:
            world.post(records)
        if labels:
            world.poster.labels(labels, now=world.now)
        return world.read(as_of)


def live(seed: int, hours: int = 40) -> list[Record]:
    return traffic(START, hours, per_hour=3, seed=seed)


@SLOW
@given(seed=st.integers(2, 50), hour=st.integers(24, 34))
def test_what_is_later_than_as_of_never_changes_a_reading(seed: int, hour: int) -> None:
    as_of = START + hour * H
    records = live(seed)
    labels = labels_of(records)
    corrections = [{**one, "label": 1 - one["label"], "timestamp": "2026-05-01T00:00:00Z"} for one in labels[::2]]
    known = [one for one in records if at(one["timestamp"]) <= as_of]
    known_labels = [one for one in labels if -(-at(one["timestamp"]) // H) * H <= as_of]
    assert answers(records, [*labels, *corrections], as_of) == answers(known, known_labels, as_of)


@SLOW
@given(data=st.data(), seed=st.integers(2, 50))
def test_the_order_of_posting_does_not_matter(data: st.DataObject, seed: int) -> None:
    records = live(seed, 30)
    labels = labels_of(records)
    shuffled = data.draw(st.permutations(range(len(records))))
    cut = data.draw(st.integers(1, len(records) - 1))
    expected = answers(records, labels)
    with new_world() as world:
        world.poster.labels([labels[i] for i in shuffled], now=world.now)
        world.reference(REFERENCE)
        for part in (shuffled[:cut], shuffled[cut:]):
            world.post([records[i] for i in part])
        assert world.read(AS_OF) == expected


@pytest.fixture
def measured(world: World) -> World:
    world.reference(REFERENCE)
    world.post(live(2, 28))
    world.label(live(2, 28))
    return world


def test_the_same_run_again_writes_nothing(measured: World) -> None:
    first = measured.read(AS_OF)
    assert measured.read(AS_OF) == first
    assert measured.read(AS_OF + H, check="data_drift") == matching(first, check="data_drift")
    written = measured.stored(all_revisions=True)
    assert {reading["revision"] for reading in written if reading["kind"] != "performance"} == {1}
    assert {reading["revision"] for reading in written if reading["metric"] == "label_coverage"} == {1, 2}


def test_late_rows_make_a_revision(measured: World) -> None:
    before = one(measured.read(AS_OF), check="data_drift", feature="x", hours=24)
    measured.post(traffic(START + 10 * H, 2, per_hour=30, seed=9, shift=3.0, prefix="late"))
    after = one(measured.read(AS_OF), check="data_drift", feature="x", hours=24)
    assert (before["revision"], after["revision"]) == (1, 2)
    assert after["n_current"] == before["n_current"] + 60
    assert after["value"] > before["value"]
    all_of_it = matching(measured.stored(all_revisions=True), check="data_drift", feature="x", hours=24)
    assert all_of_it == [before, after]
    assert one(measured.stored(), check="data_drift", feature="x", hours=24) == after


def test_late_rows_of_older_windows_are_measured_again_and_step_no_alert(measured: World) -> None:
    measured.read(START + 24 * H)
    measured.post(traffic(START + 10 * H, 2, per_hour=200, seed=9, shift=6.0, prefix="late"))
    measured.run(AS_OF, checks=["data_quality"])
    measured.run(AS_OF, checks=["data_drift"])
    older = matching(measured.stored(all_revisions=True), check="data_drift", feature="x", hours=24)
    assert [(one["window"]["end"][:13], one["revision"], one["verdict"]) for one in older] == [
        ("2026-01-18T00", 1, "ok"),
        ("2026-01-18T00", 2, "critical"),
        ("2026-01-18T04", 1, "critical"),
    ]


def test_a_correction_is_seen_from_its_time_on(world: World) -> None:
    world.reference(REFERENCE)
    records = live(3, 28)
    world.post(records)
    world.label(records, delay=0)
    corrected = "2026-01-18T05:15:00Z"
    world.poster.labels(
        [{**one, "label": 1 - one["label"], "timestamp": corrected} for one in labels_of(records)], now=world.now
    )

    def accuracy(hour: int) -> float:
        return float(one(world.read(START + hour * H), metric="accuracy", hours=24)["value"])

    before = accuracy(28)
    assert accuracy(29) == before  # 05:15 counts from 06:00
    assert accuracy(30) == pytest.approx(1 - before)
    assert accuracy(29) == before


def test_readings_equal_a_count_of_the_posted_rows(world: World) -> None:
    world.reference(REFERENCE)
    records = live(4, 30)
    for record in records[::7]:
        record["features"]["x"] = None
    world.post(records)
    world.label(records, delay=5 * H)
    found = world.read(AS_OF)
    end = START + 28 * H
    inside = [r for r in records if end - 24 * H <= at(r["timestamp"]) < end]
    known = [r for r in inside if -(-(at(r["timestamp"]) + 5 * H) // H) * H <= AS_OF]
    day = matching(found, hours=24)
    assert one(day, metric="volume")["value"] == len(inside)
    assert one(day, metric="label_coverage")["value"] == pytest.approx(len(known) / len(inside))
    right = np.mean([r["label"] == r["prediction"] for r in known])
    assert one(day, metric="accuracy")["value"] == pytest.approx(right)
    missing = np.mean([r["features"]["x"] is None for r in inside])
    assert one(day, metric="missing_share", feature="x")["value"] == pytest.approx(missing)
    with world.service.database.read() as connection:
        frame = Frame.load(world.service, connection, world.found(connection))
        assert frame is not None
        column = frame.binning.by_name["feature.x"]
    assert isinstance(column, NumericColumn)
    now = [r["features"]["x"] for r in inside if r["features"]["x"] is not None]
    then = [r["features"]["x"] for r in REFERENCE]
    gap = max(abs(np.mean(now <= cut) - np.mean(then <= cut)) for cut in column.cuts)
    assert one(day, metric="ks", feature="x")["value"] == pytest.approx(gap, abs=1e-12)
    kinds = [abs(_share(inside, level) - _share(REFERENCE, level)) for level in "abc"]
    assert one(day, metric="l_infinity")["value"] == pytest.approx(max(kinds), abs=1e-12)


def _share(records: list[Record], level: str) -> float:
    return float(np.mean([record["features"]["kind"] == level for record in records]))
