"""Figures of the model page that a check has to ask for, from posted rows to what is drawn."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import numpy as np
import pytest

from dashboards.views import Viewer
from monitor.actions import build_page
from monitor.store import pages
from monitor.store.pages import Wanted
from tests.monitor.actions.test_multivariate import paired
from tests.monitor.world import T0, D, H, Record, World, matching, one, traffic

pytestmark = pytest.mark.one_engine

START = T0 + 14 * D
ASKED = ("told_apart", "streams", "fairness")


def page_of(world: World, **given: str) -> str:
    return build_page.build_model(world.service, Viewer(now=world.now), world.model, given)


def figures(page: str) -> dict[str, dict[str, Any]]:
    return {name: json.loads(drawn) for name, drawn in re.findall(r'data-for="(\w+)">(.*?)</script>', page)}


def line(figure: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [trace for trace in figure["data"] if trace.get("name") == name]
    return found  # type: ignore[no-any-return]


def dotted(figure: dict[str, Any]) -> list[float]:
    return [shape["y0"] for shape in figure["layout"]["shapes"] if shape["line"].get("dash") == "dot"]


def grouped(records: list[Record], seed: int, favour: float = 0.0) -> list[Record]:
    """Of two columns; of the men a share of ``favour`` is told 0 whatever they are."""
    rng = np.random.default_rng(seed)
    women, north = rng.random((2, len(records))) < 0.5
    refused = ~women & (rng.random(len(records)) < favour)
    for place, record in enumerate(records):
        record["segments"] = {"gender": "F" if women[place] else "M", "region": "north" if north[place] else "south"}
        if refused[place]:
            record["prediction"] = 0
    return records


def test_without_such_readings_there_is_no_such_figure(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    world.post(traffic(START, 24, seed=2))
    world.run(START + D)
    assert not figures(page_of(world)).keys() & {*ASKED}


def test_fairness_of_each_column_is_drawn_beside_its_limit(world: World) -> None:
    limit = {"name": "parity", "kind": "fairness", "segment": "gender", "metric": "demographic_parity_difference"}
    checks = [{**limit, "threshold": {"warning": 0.1, "critical": 0.5}, "window": "24h"}]
    world.configure(segments=["gender", "region"], checks=checks, label_horizon="5d", min_label_coverage=0.8)
    world.reference(grouped(traffic(T0, 24 * 9, 20), 4))
    fair, unfair = grouped(traffic(START, 24, 20, seed=2), 5), grouped(traffic(START + D, 48, 20, seed=3), 6, 0.5)
    world.post(fair + unfair)
    world.label(fair + unfair[::2], delay=0)
    for as_of in (START + D, START + 3 * D):
        world.run(as_of, checks=["fairness", "parity"])
    for given in ({}, {"start": "2026-01-01", "end": "2026-01-23"}):  # windows one by one, and the worst of each day
        page = page_of(world, **given)
        figure = figures(page)["fairness"]
        for metric in ("calibration", "demographic parity", "equal opportunity", "false positives"):
            assert all(f"{metric} by {column}, points</th>" in page for column in ("gender", "region"))
        parity = line(figure, "demographic parity by gender")
        stored = matching(world.stored(), check="parity", hours=24)
        drawn = [value for value in parity["y"] if value is not None]
        assert set(drawn) <= {round(100 * reading["value"], 4) for reading in stored}
        assert max(drawn) > 15
        assert dotted(figure)[:2] == [10, 50]
        assert line(figure, "warning")["y"]
        assert "rect" in {shape["type"] for shape in figure["layout"]["shapes"]}  # where half of the labels are there
        assert "Beyond what a check allows: demographic parity by gender." in page
        assert " so far</td>" in page
    alone = page_of(world, segment="gender=F")
    assert "fairness" not in figures(alone)


def test_points_of_every_segment_are_apart(world: World) -> None:
    """Readings that differ by their segment alone."""
    world.configure(segments=["gender", "region"])
    world.reference(grouped(traffic(T0, 24 * 9, 20), 4))
    world.post(grouped(traffic(START, 24, 20, seed=2), 5))
    world.run(START + D, checks=["fairness"])
    wanted = {"kind": "fairness", "start": START, "end": START + 2 * D, "length_hours": 24}
    with world.service.database.read() as connection:
        model = world.found(connection).id
        for read in (pages.daily, pages.windows):
            all_of_them = read(connection, model, Wanted(**wanted, segment=None))
            assert {point.segment for point in all_of_them} == {"gender=*", "region=*"}
            assert len(all_of_them) == 2 * 4
            assert read(connection, model, Wanted(**wanted)) == []
            mine = read(connection, model, Wanted(**wanted, segment="region=*"))
            assert mine == [point for point in all_of_them if point.segment == "region=*"]


def test_the_classifier_is_drawn_beside_chance(world: World) -> None:
    together = {"kind": "data_drift", "method": "domain_classifier", "threshold": {"warning": 0.55}}
    world.configure(checks=[{"name": "together", **together}])
    world.reference(paired(T0, 9, 0.9, seed=1))
    world.post(paired(START, 7, 0.2, seed=2))
    world.run(START + 7 * D, checks=["together"])
    page = page_of(world, range="30d")
    figure, stored = figures(page)["told_apart"], one(world.stored(), check="together")
    assert line(figure, "area")["y"] == [round(stored["value"], 4)]
    assert dotted(figure) == [0.5, 0.55]
    (interval,) = [trace for trace in figure["data"] if trace.get("fill") == "toself"]
    assert {round(stored["lower"], 4), round(stored["upper"], 4)} == set(interval["y"])
    assert line(figure, "warning")["y"] == [round(stored["value"], 4)]
    assert "surely more than chance" in page


def test_evidence_and_alarms_of_streams_are_drawn(world: World) -> None:
    def check(method: str, **threshold: float) -> dict[str, Any]:
        return {"name": method, "kind": "performance", "method": method, "window": "24h", "threshold": threshold}

    world.configure(checks=[check("shiryaev_roberts", p_value=0.001), check("ddm", warning=0)])
    world.reference(traffic(T0, 24 * 9, per_hour=20))
    good = traffic(START, 24, per_hour=20, seed=2)
    bad = traffic(START + D, 12, per_hour=20, seed=4) + traffic(START + D + 12 * H, 12, per_hour=20, seed=3, right=0.4)
    for records in (good, bad):
        world.post(records)
        world.label(records, delay=0)
    for day in (1, 2):
        world.run(START + day * D + H, checks=["shiryaev_roberts", "ddm"])
    page = page_of(world)
    figure = figures(page)["streams"]
    evidence = matching(world.stored(), metric="shiryaev_roberts")
    drawn = [value for value in line(figure, "Shiryaev–Roberts")["y"] if value is not None]
    assert drawn == pytest.approx([np.exp(reading["value"]) for reading in evidence], rel=1e-3)
    assert [reading["verdict"] for reading in evidence] == ["ok", "warning"]
    assert dotted(figure) == [1000]
    alarms = line(figure, "DDM")
    assert alarms["yaxis"] == "y2"
    counted = [value for value in alarms["y"] if value is not None]
    assert counted == [reading["value"] for reading in matching(world.stored(), metric="ddm")]
    assert counted[-1] > 0
    assert "(an alarm is at 1,000)" in html.unescape(page)
    assert "metric=ddm" not in page  # it is no metric of the panel of performance
