"""What models take in the store, in the API and on the page."""

from __future__ import annotations

from tests.monitor.api.calling import Api
from tests.monitor.world import T0, D, World, traffic
from tests.stores import is_sqlite

START = T0 + 14 * D


def test_what_a_model_takes(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    records = traffic(START, 48, 60, seed=2)
    world.post(records)
    world.label(records)
    readings = world.read(START + 2 * D)
    api = Api(world.service, world.now)
    told = api.get("/v1/models/m/storage")
    rows = {name: part["rows"] for name, part in told["parts"].items()}
    assert (rows["predictions"], rows["labels"], rows["quarantine"]) == (2880, 2880, 0)
    assert rows["summaries"] >= 48 + 48
    assert rows["readings"] == len(readings) > 50
    assert told["bytes"] == sum(part["bytes"] for part in told["parts"].values())
    assert 2880 * 50 < told["parts"]["predictions"]["bytes"] < 2880 * 600
    if is_sqlite():
        with world.service.database.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        assert 0.3 * 4096 * pages < told["bytes"] < 1.2 * 4096 * pages
    world.post(traffic(START + 2 * D, 48, 60, seed=3))
    more = api.get("/v1/models/m/storage")["parts"]["predictions"]["bytes"]
    assert 1.7 < more / told["parts"]["predictions"]["bytes"] < 2.4
    assert api.call("GET", "/v1/models/nobody/storage").status_code == 404


def test_the_page_lists_the_largest_first(world: World) -> None:
    api = Api(world.service, world.now)
    assert "No models yet" in api.call("GET", "/storage", headers={"Accept": "text/html"}).text
    world.post(traffic(START, 2))
    World(world.service, "large").post(traffic(START, 48, 60))
    World(world.service, "configured").configure(owner="me")
    page = api.call("GET", "/storage", headers={"Accept": "text/html"}).text
    assert page.index("/models/large") < page.index("/models/m") < page.index("/models/configured")
    assert "2,880 rows" in page
