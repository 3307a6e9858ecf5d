"""The ledger and what would be seen: on the page and over HTTP, and which alerts the promise covers."""

from __future__ import annotations

import re
from math import pi, sin
from typing import Any

import pytest

from alerting.words import percent
from dashboards.views import Viewer
from monitor.actions import build_page
from monitor.service import Service
from tests.monitor.api.calling import Api
from tests.monitor.world import T0, D, H, World, matching, traffic

pytestmark = pytest.mark.one_engine

OUTSIDE = {
    "name": "x-ks", "kind": "data_drift", "features": ["x"], "method": "ks", "window": "24h",
    "threshold": {"p_value": 0.001},
}  # fmt: skip


def lived(service: Service, weeks: float, **settings: Any) -> World:
    """A reference of so many weeks, then a day that moved."""
    world = World(service, now=T0 + int(weeks * 7) * D + 3 * D)
    world.configure(**settings)
    world.reference(traffic(T0, int(24 * 7 * weeks), per_hour=10))
    world.post(traffic(world.now - 2 * D, 24, per_hour=10, seed=4, shift=1.0))
    world.run(world.now - D)
    return world


def page_of(world: World) -> str:
    return build_page.build_model(world.service, Viewer(now=world.now), "m", {})


def told(world: World) -> dict[str, Any]:
    found = Api(world.service, world.now).get("/v1/models/m")
    return {name: found[name] for name in ("ledger", "sights")}


def rows_of(page: str) -> list[list[str]]:
    """The cells of the table "What would be seen"."""
    table = page[page.index('<details class="sights">') :]
    table = table[table.index("<tbody>") : table.index("</tbody>")]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in table.split("</tr>")[:-1]]


def ledger_of(page: str) -> str:
    found = re.search(r'<p class="ledger">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]*>", "", found[1]).split())


def in_percent(share: float) -> str:
    return f"{percent(share)} %"


def test_too_few_weeks_are_not_replayed(service: Service) -> None:
    world = lived(service, 2)
    page = page_of(world)
    assert "Windows of 1 hour and 6 hours are not looked at: the reference has under 500 rows in so long." in page
    assert "Checks on longer ones see more" not in page
    day, week = rows_of(page)
    assert (day[0], day[-1]) == ("24 hours", "not replayed: needs 3 weeks of reference")
    assert (week[0], week[-1]) == ("7 days", "learning: the reference has fewer than 8 such windows")
    by_hours = {one["hours"]: one for one in told(world)["sights"]}
    assert (by_hours[24]["replayed"], by_hours[24]["calibration"], by_hours[24]["short_reference"]) == (
        False,
        None,
        False,
    )
    assert by_hours[168]["short_reference"] is True


def test_windows_that_can_show_nothing_lead_to_longer_ones(service: Service) -> None:
    world = World(service, now=T0 + 30 * D)
    world.reference(traffic(T0, 24 * 28)[::47])
    world.post(traffic(world.now - 2 * D, 24, seed=4)[::47])
    world.run(world.now - D)
    page = " ".join(page_of(world).split())
    assert "What would be seen: no drift surely in 24 hours, no drift surely in 7 days" in page
    assert "Checks on longer ones see more: <code>window: 28d</code>" in page


def test_a_window_that_ends_after_the_newest_data_is_no_point_of_a_figure(service: Service) -> None:
    world = World(service, now=T0 + 30 * D)
    world.reference(traffic(T0, 24 * 28))
    world.post(traffic(world.now - 2 * D, 18, seed=4))
    world.run(world.now - D)
    assert "No drift was measured in this stretch of time" in page_of(world)


def test_windows_of_enough_rows_are_looked_at(service: Service) -> None:
    world = World(service, now=T0 + 17 * D)
    world.reference(traffic(T0, 24 * 14, per_hour=90))
    world.post(traffic(world.now - 2 * D, 24, per_hour=90, seed=4))
    world.run(world.now - D)
    page = page_of(world)
    assert "Windows of 1 hour are not looked at" in page
    assert [row[0] for row in rows_of(page)] == ["6 hours", "24 hours", "7 days"]


def test_longer_windows_than_a_week_are_not_replayed(service: Service) -> None:
    check = {"name": "data_drift", "kind": "data_drift", "window": "8d"}
    world = lived(service, 10, checks=[check])
    page = page_of(world)
    assert "not looked at" not in page
    (row,) = rows_of(page)
    assert (row[0], row[-1]) == ("8 days", "not replayed: windows are longer than 7 days")


def test_what_was_replayed_says_what_was_needed(service: Service) -> None:
    world = lived(service, 3)
    readings = matching(world.stored(), check="data_drift", hours=24)
    mde = {one["feature"]: one["mde"] for one in readings if one["feature"]}
    (day, _) = rows_of(page_of(world))
    hardest = max(mde, key=lambda name: mde[name])
    middle = in_percent(mde[hardest])  # of two features the harder one: half of both would be true of neither
    assert day == ["24 hours", middle, in_percent(mde[hardest]), hardest, "none needed"]
    sight = told(world)["sights"][0]
    assert sight == {
        "hours": 24, "features": 2, "middle": mde[hardest], "hardest": mde[hardest],
        "hardest_feature": hardest, "short_reference": False, "replayed": True, "calibration": 1.0, "widened": 0,
    }  # fmt: skip


def test_the_factor_is_that_of_the_replay(service: Service) -> None:
    """The last week has a rhythm that the other weeks do not foretell."""
    world = World(service, now=T0 + 31 * D)
    world.configure(checks=[{"name": "data_drift", "kind": "data_drift", "window": "6h", "features": ["x"]}])
    records = traffic(T0, 24 * 28, per_hour=40)
    for place, record in enumerate(records[-24 * 7 * 40 :]):
        record["features"]["x"] += 1.5 * sin(2 * pi * (place // 40) / 24)
    world.reference(records)
    world.post(traffic(T0 + 29 * D, 24, per_hour=40, seed=4))
    world.run(T0 + 30 * D)
    (reading,) = matching(world.stored(), check="data_drift", feature="x")
    factor = reading["details"]["calibration"]
    assert factor > 1.2
    (row,) = rows_of(page_of(world))
    assert row[-1] == f"variance of 1 feature widened, up to {factor:.2g} times"
    (sight,) = told(world)["sights"]
    assert (sight["calibration"], sight["widened"], sight["replayed"]) == (factor, 1, True)


def test_every_length_of_every_drift_check_is_told(service: Service) -> None:
    """Not those of the first check alone; where two look at a feature, of the one that sees more."""
    more = [
        {"name": "data_drift", "kind": "data_drift", "window": "24h", "features": ["kind"]},
        {"name": "quick", "kind": "data_drift", "window": "6h", "features": ["x"]},
        {"name": "wide", "kind": "data_drift", "window": "24h"},
    ]
    world = lived(service, 4, checks=more)
    sights = told(world)["sights"]
    assert [(one["hours"], one["features"]) for one in sights] == [(6, 1), (24, 2)]
    assert [row[0] for row in rows_of(page_of(world))] == ["6 hours", "24 hours"]


def test_the_ledger_and_the_alerts_that_it_covers(service: Service) -> None:
    world = lived(service, 4, checks=[OUTSIDE], false_alarms_per_month=2)
    alerts = Api(service, world.now).get("/v1/alerts")["items"]
    assert sorted(one["check"] for one in alerts if one["fired_at"]) == ["data_drift", "x-ks"]
    ledger = told(world)["ledger"]
    outside = {one["check"]: one["reason"] for one in ledger.pop("outside")}
    checks = ledger.pop("checks")
    assert ledger == {"days": 30, "false_alarms": 2.0, "opened": 1, "opened_outside": 1, "called_false": 0}
    assert outside["x-ks"] == "with a method or bound of its own"
    assert outside["serving"] == "compared with its own last weeks"
    words = ledger_of(page_of(world))
    assert words.startswith(f"{checks:,} checks in 30 days, at most 2 false alarms expected, 1 alert opened.")
    assert "1 more alert opened outside this promise." in words


def test_only_the_last_month_counts(service: Service) -> None:
    world = lived(service, 4)
    assert told(world)["ledger"]["opened"] == 1
    world.now += 31 * D
    world.post(traffic(world.now - 2 * H, 2, seed=6))
    ledger = Api(service, world.now).get("/v1/models/m")["ledger"]
    assert (ledger["opened"], ledger["opened_outside"]) == (0, 0)


def test_without_a_reference_nothing_is_promised(service: Service) -> None:
    world = World(service)
    world.post(traffic(T0, 24))
    assert told(world) == {"ledger": None, "sights": []}
