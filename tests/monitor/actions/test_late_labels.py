"""Labels that take longer the worse they are: what a run says of windows whose labels are still coming."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from alerting.words import number
from detectors.performance.weighting import ALL_KNOWN
from monitor import clock
from monitor.actions.exposition import exposition
from monitor.actions.frame import Frame
from monitor.actions.label_arrivals import curve_of, known_of
from monitor.store import pages
from tests.monitor.world import T0, D, H, World, matching, traffic
from tests.stores import new_service

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D
DAYS = 24
END = START + DAYS * D
EXACT = {"name": "exact", "kind": "performance", "metric": "precision", "window": "24h", "threshold": {"warning": 0.75}}


def late(records: list[dict[str, Any]], seed: int = 3) -> list[dict[str, Any]]:
    """Labels, those of positives after two days on average, others after 6 hours."""
    rng = np.random.default_rng(seed)
    slow = np.array([one["label"] for one in records]) == 1
    delay = rng.exponential(np.where(slow, 48.0, 6.0)) * H
    return [
        {"id": one["id"], "label": one["label"], "timestamp": clock.render(clock.parse(one["timestamp"]) + int(wait))}
        for one, wait in zip(records, delay.tolist(), strict=True)
    ]


@pytest.fixture(scope="module")
def busy(on_each_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """24 days of 480 predictions, labels waited for over 5 days; positives are 0.4 of all. Looked at once."""
    service = new_service(tmp_path_factory.mktemp("store"))
    world = World(service)
    world.configure(label_horizon="5d", min_label_coverage=0.8, checks=[EXACT])
    world.reference(traffic(T0, 24 * 9, per_hour=20))
    records = traffic(START, 24 * DAYS, per_hour=20, seed=2)
    world.post(records)
    world.poster.labels(late(records), now=world.now)
    world.read(END)
    yield world
    service.database.close()


def performance(world: World, as_of: int, hours: int) -> dict[str, dict[str, Any]]:
    """The readings of the newest window of a length, by metric."""
    found = matching(world.read(as_of), check="performance", hours=hours)
    newest = max(r["window"]["end"] for r in found)
    return {r["metric"]: r for r in found if r["window"]["end"] == newest}


def test_a_judged_window_is_corrected_for_the_labels_to_come(busy: World) -> None:
    found = performance(busy, END, 168)
    precision, accuracy = found["precision"], found["accuracy"]
    assert 0.8 <= precision["details"]["coverage"] < 0.95
    plain, weighted = precision["details"]["unweighted"]["value"], precision["details"]["weighted"]
    assert (precision["value"], precision["lower"]) == (weighted["value"], weighted["lower"])
    assert weighted["n_effective"] > 200
    assert plain < precision["lower"] < 6 / 7 < precision["upper"]  # what the traffic is made of
    assert "corrected for labels that are still to come (0.82 without)" in precision["details"]["summary"]
    assert accuracy["verdict"] == "ok"
    assert "unweighted" not in accuracy["details"]  # errors are as frequent in both classes
    assert accuracy["value"] != accuracy["details"]["weighted"]["value"]
    assert found["label_coverage"]["details"]["expected"]["plateau"] == pytest.approx(1, abs=0.01)


def test_a_window_that_is_not_mature_shows_both_numbers(busy: World) -> None:
    found = performance(busy, END, 24)
    accuracy = found["accuracy"]
    assert (accuracy["verdict"], accuracy["reason"]) == ("cannot_tell", "immature_labels")
    assert accuracy["details"]["coverage"] < 0.6
    assert accuracy["details"]["weighted"]["lower"] < 0.9 < accuracy["details"]["weighted"]["upper"]
    precision = found["precision"]
    assert precision["value"] < 0.7 < precision["details"]["weighted"]["lower"]
    assert (precision["verdict"], precision["reason"]) == (None, "immature_labels")
    assert precision["details"]["summary"].startswith(
        f"precision: labels are still coming, 54 % are known; so far they point to {told(precision)} ("
    )
    coverage = found["label_coverage"]["details"]
    assert 24 <= coverage["expected"]["after_hours"] <= 48
    assert coverage["summary"] == f"labels known for 54 % of predictions; for 80 % usually after {hours(coverage)}"


def told(reading: dict[str, Any]) -> str:
    return number(reading["details"]["weighted"]["value"])


def test_a_bound_on_any_metric_waits_for_labels(busy: World) -> None:
    (young,) = (
        r
        for r in matching(busy.read(END), check="exact", metric="precision")
        if r["window"]["end"] == clock.render(END)
    )
    assert young["value"] < 0.75
    assert (young["verdict"], young["reason"]) == ("cannot_tell", "immature_labels")
    verdicts = {r["verdict"] for r in matching(busy.read(END), check="exact", metric="precision")}
    assert "ok" in verdicts  # of windows whose labels are there
    assert verdicts <= {"ok", "cannot_tell"}


def test_a_gauge_waits_for_labels_and_pages_draw_what_they_point_to(busy: World) -> None:
    gauges = [one for one in exposition(busy.service, busy.now).splitlines() if one.startswith("plimsoll_reading{")]
    assert [one for one in gauges if 'metric="accuracy"' in one and 'window="168h"' in one]
    assert not [one for one in gauges if 'check="exact"' in one or ('metric="accuracy"' in one and '"24h"' in one)]
    wanted = pages.Wanted("performance", END - 3 * D, END, metrics=["precision"], checks=["performance"])
    found = performance(busy, END, 24)["precision"]["details"]["weighted"]
    with busy.service.database.read() as connection:
        model = busy.found(connection).id
        drawn = [read(connection, model, wanted) for read in (pages.daily, pages.windows)]
    for points in drawn:
        newest = max((one for one in points if one.length_hours == 24), key=lambda one: one.at)
        assert (newest.verdict, newest.value, newest.lower) == ("immature", found["value"], found["lower"])
        week = max((one for one in points if one.length_hours == 168), key=lambda one: one.at)
        assert week.verdict is None


def hours(coverage: dict[str, Any]) -> str:
    return f"{coverage['expected']['after_hours']} hours"


def test_whether_labels_come_as_they_did_is_shown(busy: World) -> None:
    delay = performance(busy, END, 168)["label_delay"]
    assert delay["verdict"] is None
    assert delay["lower"] < 1 < delay["upper"]
    assert delay["p_value"] > 0.05
    assert delay["details"]["summary"].startswith("labels arrive as fast as in the mature cohorts: ")


def test_labels_that_stop_are_told(world: World) -> None:
    world.configure(label_horizon="5d", segments=["kind"])
    world.reference(traffic(T0, 24 * 9, per_hour=20))
    records = traffic(START, 24 * DAYS, per_hour=20, seed=2)
    world.post(records)
    stop = START + 17 * D
    there = [one for one in late(records) if clock.parse(one["timestamp"]) < stop]
    world.poster.labels(there, now=world.now)

    def whole(as_of: int) -> dict[str, dict[str, Any]]:
        found = matching(world.read(as_of), check="performance", hours=168, segment=None)
        newest = max(one["window"]["end"] for one in found)
        return {one["metric"]: one for one in found if one["window"]["end"] == newest}

    assert "overdue" not in whole(stop)["accuracy"]["details"]
    found = whole(stop + 2 * D)
    few = found["accuracy"]["details"]
    assert few["overdue"]["came"] == few["labelled"] < few["overdue"]["due"]
    assert few["summary"].startswith("accuracy: cannot tell: labels come late: of ")
    for moment in (stop + 2 * D, END):  # of a segment nobody counts when its labels come
        of_segments = [one for one in matching(world.read(moment), check="performance", hours=168) if one["segment"]]
        assert any(one["reason"] == "immature_labels" for one in of_segments)
        assert not any("overdue" in one["details"] for one in of_segments)
    found = whole(END)
    due = found["accuracy"]["details"]["overdue"]["due"]
    assert 0.5 < due / (7 * 480 * (0.4 * 0.72 + 0.6 * 0.96)) < 1.1  # means of 1 - exp(-age / delay); of late less
    said = (
        f"accuracy: cannot tell: labels have stopped coming: of {due:,.0f} that are usually there by now none has come"
    )
    assert found["accuracy"]["details"]["summary"] == said
    assert found["label_delay"]["value"] == 0
    assert found["label_delay"]["details"]["pace"] == "slower"


def test_the_same_moment_says_the_same(busy: World) -> None:
    first = busy.read(END)
    busy.service.artefacts.get(("other",), dict)
    assert busy.read(END) == first
    assert {r["revision"] for r in first} == {1}


def test_once_all_labels_are_there_nothing_is_weighted(busy: World) -> None:
    first = START // H
    with busy.service.database.read() as connection:
        frame = Frame.load(busy.service, connection, busy.found(connection))
        assert frame is not None
        old, new = known_of(frame, first, first + 24, END, [""]), known_of(frame, first + 480, first + 504, END, [""])
        none = known_of(frame, first, first + 24, END, ["another version"])
    assert old.weighting is None
    assert new.weighting is not None
    assert none == ALL_KNOWN != old


def test_a_young_model_knows_no_delays(world: World) -> None:
    world.configure(label_horizon="5d")
    world.reference(traffic(T0, 24 * 9, per_hour=20))
    records = traffic(START, 72, per_hour=20, seed=2)
    world.post(records)
    world.poster.labels(late(records), now=world.now)
    found = performance(world, START + 3 * D, 24)
    assert 0 < found["accuracy"]["details"]["coverage"] < 0.8
    assert "weighted" not in found["accuracy"]["details"]
    assert "expected" not in found["label_coverage"]["details"]
    with world.service.database.read() as connection:
        frame = Frame.load(world.service, connection, world.found(connection))
        assert frame is not None
        assert known_of(frame, START // H, START // H + 24, START + 3 * D, [""]).unlike


def test_the_curve_is_of_the_week_in_which_it_is_asked_for(busy: World) -> None:
    with busy.service.database.read() as connection:
        frame = Frame.load(busy.service, connection, busy.found(connection))
        assert frame is not None
        curves = [curve_of(frame, as_of) for as_of in (END, END + H, END + 7 * D)]
    assert curves[0] is curves[1] is not None
    assert curves[2] is not None
    assert (curves[2].known != curves[0].known).any()


def test_whatever_order_a_store_reads_its_rows_in_says_the_same(busy: World) -> None:
    first = busy.read(END)
    with busy.service.database.write() as connection:
        for table in ("summaries", "label_summaries"):
            # PostgreSQL moves these rows, and scans the table once it has statistics.
            connection.exec_driver_sql(f"UPDATE {table} SET rows = rows WHERE mod(hour, 3) = 0")
        connection.exec_driver_sql("ANALYZE")
    assert busy.read(END) == first
