"""What pages fetch: stretches of time, worst first, columns day by day; and that wide models stay light."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import numpy as np
import pytest

from dashboards.views import Viewer
from monitor import clock
from monitor.actions import build_page
from monitor.actions.frame import Frame
from monitor.actions.page_data import column_days
from monitor.actions.page_data.stretches import stretch_of
from monitor.errors import Invalid
from monitor.service import Service
from monitor.store import models, pages
from monitor.store.bulk import insert_fresh
from monitor.store.driver import run
from monitor.store.pages import Wanted
from monitor.store.tables import daily_worst
from tests.monitor.posting import NOW
from tests.monitor.world import T0, World, matching, traffic
from tests.stores import new_service

DAY = clock.DAY
NEWEST = clock.parse("2026-05-31T12:00:00Z")
TODAY = NEWEST // DAY
FEATURES, DAYS = 200, 90
SERIES = ("model_id", "day", "kind", "check_name", "metric", "feature", "segment", "version", "length_hours")
COLUMNS = (*SERIES, "verdict", "value", "effect", "lower", "upper")


def test_ranges_end_at_the_newest_data_and_begin_no_earlier_than_the_oldest() -> None:
    oldest = NEWEST - 10 * DAY
    assert stretch_of({"range": "7d"}, NEWEST, oldest).start == NEWEST - 7 * DAY
    assert stretch_of({}, NEWEST, oldest).start == oldest - oldest % DAY
    assert stretch_of({"range": "all"}, NEWEST, oldest).end == NEWEST
    assert stretch_of({"range": "24h"}, NEWEST, oldest).fine
    assert not stretch_of({"range": "30d"}, NEWEST, NEWEST - 99 * DAY).fine


def test_a_bare_day_as_the_end_takes_that_day_in() -> None:
    found = stretch_of({"start": "2026-05-01", "end": "2026-05-03"}, NEWEST, None)
    assert (clock.render(found.start), clock.render(found.end)) == ("2026-05-01T00:00:00Z", "2026-05-04T00:00:00Z")
    exact = stretch_of({"start": "2026-05-01T00:00:00Z", "end": "2026-05-03T00:00:00Z"}, NEWEST, None)
    assert clock.render(exact.end) == "2026-05-03T00:00:00Z"


@pytest.mark.parametrize("given", [{"range": "2w"}, {"start": "x"}, {"start": "2026-05-02", "end": "2026-05-01"}])
def test_a_stretch_that_cannot_be_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        stretch_of(given, NEWEST, None)


@pytest.fixture(scope="module")
def wide(on_each_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A model of 200 features with 90 days of daily-worst readings at two lengths."""
    service = new_service(tmp_path_factory.mktemp("wide"))
    _fill(service)
    yield service
    service.database.close()


def _fill(service: Service) -> None:
    rng = np.random.default_rng(1)
    with service.database.write() as connection:
        model = models.ensure(connection, "wide", NOW)
        run(
            connection,
            "UPDATE models SET first_reference_at = ?, newest_prediction = ?, oldest_prediction = ?, n_predictions = 9",
            (NOW - 99 * DAY, NEWEST - clock.HOUR, NEWEST - DAYS * DAY),
        )
        for kind, metrics in (("data_drift", ("ks",)), ("data_quality", ("missing_share", "out_of_range_share"))):
            rows = []
            for metric in metrics:
                size = rng.random((FEATURES, DAYS, 2)).round(6) / 10
                for feature, day, length in np.ndindex(size.shape):
                    value = float(size[feature, day, length])
                    bad = "warning" if feature == 150 and day == 40 else "ok"
                    series = (f"a_rather_long_feature_name_{feature}", "", "*", (24, 168)[length], bad)
                    rows.append(
                        (model.id, TODAY - day, kind, kind, metric, *series, value, value, value / 2, value * 2)
                    )
            insert_fresh(connection, daily_worst, COLUMNS, rows)


def test_a_page_of_200_features_over_90_days_stays_light(wide: Service) -> None:
    began = time.monotonic()
    page = build_page.build_model(wide, Viewer(NOW), "wide", {"range": "90d"})
    assert time.monotonic() - began < 10
    assert len(page.encode()) < 1_500_000
    (figure,) = re.findall(r'data-for="drift_heatmap">(.*?)</script>', page)
    drawn = json.loads(figure)
    assert len(drawn["data"][0]["z"]) == 60
    assert drawn["data"][0]["y"][0] == "a_rather_long_feature_name_150"
    assert "1–60" in page
    assert "181–200" in page
    last = build_page.build_model(wide, Viewer(NOW), "wide", {"range": "90d", "first": "180"})
    (figure,) = re.findall(r'data-for="drift_heatmap">(.*?)</script>', last)
    assert len(json.loads(figure)["data"][0]["z"]) == 20


def test_the_worst_series_come_first(wide: Service) -> None:
    with wide.database.read() as connection:
        model = models.find(connection, "wide")
        assert model is not None
        wanted = Wanted("data_drift", NEWEST - 90 * DAY, NEWEST, length_hours=24, pooled_only=True)
        order = pages.worst_series(connection, model.id, wanted, only_bad=False)
        assert order[0] == ("data_drift", "ks", "a_rather_long_feature_name_150")
        points = pages.daily(connection, model.id, wanted)
        lowest = {name: max(p.lower or 0 for p in points if p.feature == name) for _, _, name in order}
        sizes = [lowest[name] for _, _, name in order[1:]]
        assert sizes == sorted(sizes, reverse=True)
        bad = Wanted("data_quality", NEWEST - 90 * DAY, NEWEST, length_hours=24, pooled_only=True)
        found = pages.worst_series(connection, model.id, bad, only_bad=True)
        assert {name for _, _, name in found} == {"a_rather_long_feature_name_150"}


@pytest.fixture(scope="module")
def world(on_each_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three weeks of reference, then ten days of log of which the last moved; run as of its end."""
    made = World(new_service(tmp_path_factory.mktemp("world")))
    made.reference(traffic(T0, 21 * 24))
    log = traffic(T0 + 21 * DAY, 9 * 24, seed=2) + traffic(T0 + 30 * DAY, 24, seed=3, shift=2.0)
    made.post(log)
    made.label(log)
    for day in range(22, 32):
        made.run(T0 + day * DAY + 5 * clock.MINUTE)
    yield made
    made.service.database.close()


def test_days_and_windows_tell_the_same_story(world: World) -> None:
    with world.service.database.read() as connection:
        model = world.found(connection)
        wanted = Wanted("data_drift", T0 + 21 * DAY, T0 + 31 * DAY, features=["x"], length_hours=24, pooled_only=True)
        by_day = pages.daily(connection, model.id, wanted)
        by_window = pages.windows(connection, model.id, wanted)
    assert [one.at + DAY for one in by_day] == [one.at for one in by_window]
    assert [(one.value, one.effect, one.lower, one.verdict) for one in by_day] == [
        (one.value, one.effect, one.lower, one.verdict) for one in by_window
    ]
    assert by_day[-1].verdict == "critical"


def test_quantiles_and_shares_by_day_are_those_of_the_rows(world: World) -> None:
    rows = traffic(T0 + 21 * DAY, 9 * 24, seed=2)
    with world.service.database.read() as connection:
        frame = Frame.load(world.service, connection, world.found(connection))
        numeric = {one.name: one for one in column_days.lines(frame, "x", T0 + 21 * DAY, T0 + 30 * DAY)}
        kinds = {one.name: one for one in column_days.lines(frame, "kind", T0 + 21 * DAY, T0 + 30 * DAY)}
        assert column_days.lines(frame, "nothing", T0, T0 + DAY) == ()
    days = np.array([clock.parse(row["timestamp"]) // DAY for row in rows])
    x = np.array([row["features"]["x"] for row in rows])
    kind = np.array([row["features"]["kind"] for row in rows])
    for place, day in enumerate(np.unique(days)):
        assert numeric["p50"].at[place] == day * DAY
        assert numeric["p50"].value[place] == pytest.approx(np.median(x[days == day]), abs=0.15)
        assert kinds["=a"].value[place] == pytest.approx(np.mean(kind[days == day] == "a"), abs=1e-5)
    assert sum(len(numeric[name].value) for name in ("missing", "mismatch", "outside")) == 27
    assert set(numeric["missing"].value) == {0.0}


def test_the_pages_tell_what_the_api_tells(world: World) -> None:
    page = build_page.build_model(world.service, Viewer(NOW), "m", {"range": "7d"})
    newest = world.stored(kind="data_drift", feature="x", verdict="critical")[-1]
    assert newest["details"]["summary"].split(": ", 1)[1] in page
    assert ". No prediction since 4 Feb 2026, 23:50: the schedule waits" in " ".join(page.split())
    fleet = build_page.build_fleet(world.service, Viewer(NOW), {})
    assert "unhealthy" in fleet
    assert "dormant" in fleet
    assert "100 %" in fleet
    feature = build_page.build_feature(world.service, Viewer(NOW), "m", "x", {"window": "24h"})
    assert "Kolmogorov" in feature
    assert "% of rows moved (between" in feature


def test_a_search_that_finds_nothing_says_so_and_escapes(world: World) -> None:
    page = build_page.build_fleet(world.service, Viewer(NOW), {"q": "<i>%"})
    assert "No model&#39;s name contains" in page or "No model's name contains" in page
    assert "<i>%" not in page
    assert ">m</a>" in build_page.build_fleet(world.service, Viewer(NOW), {"q": "M".lower()})


@pytest.mark.one_engine
def test_figures_draw_the_bounds_of_what_is_judged(service: Service) -> None:
    """Of the last hours nothing is known of the whole window; of weekends nothing of the whole reference."""
    world = World(service)
    world.reference(traffic(T0, 24 * 21, per_hour=20))
    start = T0 + 28 * DAY
    world.post(traffic(start, 12, per_hour=20, seed=3))
    world.post(traffic(start + DAY // 2, 12, per_hour=20, seed=4, shift=0.5))
    world.run(start + DAY, checks=["data_drift"])
    judged = {
        (one["feature"], one["window"]["end"]): (one["details"]["effect_lower"], one["details"]["effect_upper"], one)
        for one in matching(world.stored(), metric="ks", hours=24)
    }
    ((lower, upper, reading),) = judged.values()
    assert reading["lower"] < lower  # they differ, or this tries nothing
    wanted = Wanted("data_drift", start - DAY, start + 2 * DAY, metrics=("ks",), length_hours=24)
    with service.database.read() as connection:
        found = [read(connection, world.found(connection).id, wanted) for read in (pages.daily, pages.windows)]
    assert [[(one.lower, one.upper) for one in points] for points in found] == [[(lower, upper)]] * 2
