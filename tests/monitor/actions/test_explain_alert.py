"""An alert about performance, explained from what the store holds."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from dashboards.views import Viewer
from monitor import clock
from monitor.actions.build_page import build_alert
from monitor.actions.explain_alert import explain_alert
from monitor.api.app import create_app
from monitor.errors import Conflict, Invalid, NotFound
from tests.monitor.api.serving import serving
from tests.monitor.world import T0, D, H, World
from tests.stores import new_service

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D
BROKEN = START + 5 * D
END = START + 10 * D
PER_HOUR = 12


def traffic(start: int, hours: int, *, seed: int, broken: float = 0.0) -> list[dict[str, Any]]:
    """Rows that are wrong one time in ten; where the plant is B, ``broken`` of them more."""
    rng = np.random.default_rng(seed)
    n = hours * PER_HOUR
    x, plant = rng.normal(size=n), rng.choice(["A", "B", "C"], n, p=[0.5, 0.3, 0.2])
    said = rng.random(n) < 0.4
    wrong = rng.random(n) < 0.1 + broken * (plant == "B")
    return [
        {
            "id": f"{seed}-{i}",
            "timestamp": clock.render(start + i * H // PER_HOUR + 7),
            "features": {"x": round(float(x[i]), 6), "plant": str(plant[i])},
            "prediction": int(said[i]),
            "label": int(said[i] != wrong[i]),
        }
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def told_of(on_each_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    service = new_service(tmp_path_factory.mktemp("store"))
    world = World(service)
    world.reference(traffic(T0, 24 * 14, seed=1))
    records = traffic(START, 24 * 5, seed=2) + traffic(BROKEN, 24 * 5, seed=3, broken=0.5)
    world.post(records)
    world.label(records)
    for as_of in range(BROKEN + 12 * H, END + 1, 4 * H):
        world.run(as_of)
    found = world.run(END).alerts
    (alert,) = [one for one in found if one["check"] == "performance"]
    yield world, alert["id"]
    service.database.close()


def test_it_names_the_part_of_the_rows_and_says_that_the_concept_changed(told_of: tuple[World, str]) -> None:
    world, alert = told_of
    told = explain_alert(world.service, alert, world.now, END)
    assert told["reason"] is None
    parts = told["parts"]
    assert parts["reference_value"] == pytest.approx(0.1, abs=0.02)
    assert 0.08 < parts["rise"]["value"] < 0.18
    assert parts["concept"]["lower"] > 0.05
    assert abs(parts["covariate"]["value"]) < 0.02
    assert told["slices"][0]["name"] == "plant = B"
    assert told["slices"][0]["effect"] == pytest.approx(0.5, abs=0.1)
    assert told["slices"][0]["contribution"] == pytest.approx(parts["rise"]["value"], abs=0.04)
    assert told["window"]["end"] == clock.render(END)
    assert told["summary"][0].startswith("The share of wrong predictions rose by 1")
    assert "Worse where plant = B" in " ".join(told["summary"])


def test_the_same_moment_says_the_same_and_later_rows_do_not_matter(told_of: tuple[World, str]) -> None:
    world, alert = told_of
    at = BROKEN + 4 * D
    first = explain_alert(world.service, alert, world.now, at)
    more = traffic(END + D, 12, seed=4)
    world.post(more)
    world.label(more)
    again = explain_alert(world.service, alert, world.now, at)
    assert again == first
    assert again is not first
    assert clock.parse(first["window"]["end"]) <= at
    assert first["n_current"] < explain_alert(world.service, alert, world.now, END)["n_current"]


def test_labels_that_are_known_later_are_left_out(told_of: tuple[World, str]) -> None:
    world, alert = told_of
    at = BROKEN + 2 * D
    first = explain_alert(world.service, alert, world.now, at)
    start, end = (clock.parse(first["window"][name]) for name in ("start", "end"))
    known = min(end, at - 3 * H) - start  # labels come three hours after their prediction
    assert first["n_current"] == pytest.approx(known // H * PER_HOUR, abs=PER_HOUR)


def test_the_page_and_the_route_say_it(told_of: tuple[World, str]) -> None:
    world, alert = told_of
    plain = build_alert(world.service, Viewer(now=world.now), alert)
    assert "Explain</button>" in plain
    assert "What the rise is made of" not in plain
    assert "plotly" not in plain
    page = build_alert(world.service, Viewer(now=world.now), alert, explain=True)
    assert "What the rise is made of" in page
    assert "Where it got worse" in page
    assert "plotly.min.js" in page  # else the figures stay empty
    with serving(create_app(world.service)) as url:
        address = f"{url}/v1/alerts/{alert}/explanation"
        told = httpx.get(address, params={"as_of": clock.render(END)}, timeout=60).json()
        assert httpx.get(address, params={"as_of": "yesterday"}).status_code == 422
        assert httpx.get(f"{url}/v1/alerts/nobody/explanation").status_code == 404
    assert told == explain_alert(world.service, alert, world.now, END)
    shown = html.unescape(page)
    assert all(sentence in shown for sentence in explain_alert(world.service, alert, world.now)["summary"])


def test_what_cannot_be_explained_is_refused(told_of: tuple[World, str]) -> None:
    world, alert = told_of
    with pytest.raises(NotFound):
        explain_alert(world.service, "nobody", world.now)
    with pytest.raises(Invalid, match="later than now"):
        explain_alert(world.service, alert, world.now, world.now + H)
    with pytest.raises(Invalid, match="began at"):
        explain_alert(world.service, alert, world.now, BROKEN - 5 * D)


def test_only_performance_is_explained(world: World) -> None:
    world.reference(traffic(T0, 24 * 14, seed=1))
    records = traffic(START, 24 * 2, seed=2)
    for one in records:
        one["features"]["x"] += 3
    world.post(records)
    found = world.run(START + 2 * D).alerts
    (alert,) = [one for one in found if one["check"] == "data_drift"]
    with pytest.raises(Conflict, match="about performance"):
        explain_alert(world.service, alert["id"], world.now)
