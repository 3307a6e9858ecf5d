"""Hours of a reference that are unlike all its others: in readings, over HTTP and on the pages."""

from __future__ import annotations

import re

from dashboards.views import Viewer
from monitor.actions import build_page
from monitor.service import Service
from tests.monitor.api.calling import Api
from tests.monitor.world import T0, D, H, World, traffic

ODD = 300
SPELL = {"start": "2026-01-17T12:00:00Z", "end": "2026-01-17T15:00:00Z"}


def lived(service: Service, by: float) -> World:
    world = World(service, now=T0 + 31 * D)
    before, spell = traffic(T0, ODD, per_hour=30), traffic(T0 + ODD * H, 3, per_hour=30, seed=2, shift=by)
    after = traffic(T0 + (ODD + 3) * H, 24 * 28 - ODD - 3, per_hour=30, seed=3)
    world.reference(before + spell + after)
    world.post(traffic(world.now - 2 * D, 24, per_hour=30, seed=4))
    world.run(world.now - D)
    return world


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", page).split())


def test_odd_hours_are_told(service: Service) -> None:
    world = lived(service, 6.0)
    found = Api(world.service, world.now).get("/v1/models/m/readings", metric="ks")["items"]
    assert [(one["feature"], one["verdict"]) for one in found] == [("x", "ok"), ("x", "ok")]
    assert [one["details"]["odd_hours"] for one in found] == [SPELL, SPELL]
    shown = Api(world.service, world.now).get("/v1/models/m")
    assert shown["odd_hours"] == [{**SPELL, "features": ["x"]}]
    day = next(one for one in shown["sights"] if one["hours"] == 24)
    assert day["hardest"] < 0.25
    viewer = Viewer(now=world.now)
    said = "3 hours from 17 Jan 2026, 12:00 on, which are unlike all other hours of the reference."
    assert f"Left out of what is usual of x: {said}" in plain(build_page.build_model(world.service, viewer, "m", {}))
    assert f"Left out of what is usual: {said}" in plain(build_page.build_feature(world.service, viewer, "m", "x", {}))


def test_without_them_nothing_is_told(service: Service) -> None:
    world = lived(service, 0.0)
    assert Api(world.service, world.now).get("/v1/models/m")["odd_hours"] == []
    assert "Left out of what is usual" not in build_page.build_model(world.service, Viewer(now=world.now), "m", {})
