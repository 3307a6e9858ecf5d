"""Accepting an alert as the new normal, over HTTP and by the button on its page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from monitor.service import Service
from tests.monitor.actions.test_segments import lived as lived_in_regions
from tests.monitor.api.calling import Api
from tests.monitor.world import T0, D, World, traffic

START = T0 + 14 * D
BUTTON = ">Accept as the new normal</button>"


@pytest.fixture
def api(service: Service) -> Api:
    """A check against a reference that it names, and traffic far from it."""
    world = World(service)
    world.reference(traffic(T0, 24 * 9))
    world.reference(traffic(T0, 24 * 9, seed=3), name="training")
    world.configure(checks=[{"name": "mine", "kind": "data_drift", "window": "24h", "reference": "training"}])
    world.post(traffic(START, 24 * 2, per_hour=12, seed=5, shift=2.0))
    world.run(START + D)
    return Api(service, world.now)


def of_check(api: Api, check: str) -> dict[str, Any]:
    (found,) = [alert for alert in api.get("/v1/alerts")["items"] if alert["check"] == check]
    return dict(found)


def words(page: str, css: str) -> str:
    found = re.search(rf"<p[^>]*{css}[^>]*>(.*?)</p>", page)
    assert found is not None
    return found[1]


def versions(api: Api) -> dict[str, int]:
    return {one["name"]: one["version"] for one in api.get("/v1/models/m")["references"]}


def test_over_http(api: Api) -> None:
    path = f"/v1/alerts/{of_check(api, 'mine')['id']}"
    answer = api.call("POST", f"{path}/accept", json={"author": "ana", "comment": "new season"})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["state"], told["resolve_reason"], told["since"]) == ("resolved", "accepted", "2026-01-19T00:00:00Z")
    assert told["references"] == [told["reference"]] == [{"name": "training", "version": 2, "rows": 24 * 2 * 12}]
    assert versions(api) == {"base": 1, "training": 2}
    last = api.get(path)["transitions"][-1]
    assert last["reason"].startswith("accepted as the new normal by ana: new season; what came since 19 Jan 2026")
    again = api.call("POST", f"{path}/accept")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    assert api.call("POST", "/v1/alerts/alert-none/accept").status_code == 404


def test_by_the_button(api: Api) -> None:
    path = f"/alerts/{of_check(api, 'mine')['id']}"
    page = api.call("GET", path).text
    assert BUTTON in page
    assert "the next version of reference training, for every feature" in words(page, 'id="accepting"')
    answer = api.call("POST", f"{path}/accept")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert versions(api) == {"base": 1, "training": 2}
    assert BUTTON not in api.call("GET", path).text


def test_a_segments_page_says_why_there_is_no_button(service: Service) -> None:
    world = World(service)
    lived_in_regions(world, shift=2.0)
    world.run(START + 2 * D)
    api = Api(service, world.now)
    found = [alert for alert in api.get("/v1/alerts")["items"] if alert["check"] == "data_drift"]
    alert = next(alert for alert in found if alert["segment"] == "region=north")
    page = api.call("GET", f"/alerts/{alert['id']}").text
    assert BUTTON not in page
    assert "It cannot be accepted as the new normal. This alert is about region=north alone" in page
    refused = api.call("POST", f"/v1/alerts/{alert['id']}/accept")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")
    pressed = api.call("POST", f"/alerts/{alert['id']}/accept")
    assert (pressed.status_code, 'role="alert"' in pressed.text) == (409, True)
    assert versions(api) == {"base": 1}
