"""Erasure and deletion over a socket: nothing of it is left, in answers or in the bytes of the store's files, once what
docs/operations.md leaves to an operator or to time is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest

from monitor import clock
from monitor.actions.manage_keys import create
from monitor.api.app import create_app
from monitor.service import Service
from tests import disk
from tests.monitor.api.serving import serving
from tests.monitor.world import T0, D, World, bare, one, traffic
from tests.stores import is_sqlite

START = T0 + 14 * D
PERSON = "Wilhelmina-Tlazolteotl"
AGAIN = "Wilhelmina-elsewhere"


@pytest.fixture
def site(world: World) -> Iterator[httpx.Client]:
    with serving(create_app(world.service, lambda: world.now)) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def called(prefix: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each with an id, a name and an error of its own; of these a reference holds the name."""
    return [
        {
            **one,
            "id": f"{prefix}-{i:05}",
            "features": {**one["features"], "name": f"{PERSON}-{prefix}{i:05}"},
            "error": f"of {PERSON}, {prefix}{i:05}",
        }
        for i, one in enumerate(records)
    ]


def left(service: Service, *words: str) -> list[str]:
    """Words that a file of the store still holds; PostgreSQL's log holds them for longer, and a reference its rows."""
    found = disk.holding(service, *(word.encode() for word in words))
    return [word for word in words if found[word.encode()] - {"pg_wal", "reference_rows.data"}]


def analysed(service: Service) -> None:
    """PostgreSQL's statistics hold values, too, among them the first and the last in their order."""
    if not is_sqlite():
        with closing(psycopg.connect(service.settings.database_url, autocommit=True)) as connection:
            connection.execute("ANALYZE")


def lived(world: World, site: httpx.Client) -> list[dict[str, Any]]:
    world.reference([{k: v for k, v in one.items() if k != "id"} for one in traffic(T0, 24 * 9)])
    records = called("a", traffic(START, 48, 30, seed=2))
    for part in range(0, len(records), 300):  # pages split and move what is on them
        assert site.post("/v1/models/m/predictions", json=bare(records[part : part + 300])).status_code == 200
    world.label(records, delay=0)
    return records


ON_EACH = pytest.mark.parametrize("service", ["shared", "chdb"], indirect=True)


@ON_EACH
def test_one_id_is_gone_with_all_that_came_with_it(world: World, site: httpx.Client) -> None:
    """The last row that came: in PostgreSQL's pages no other one is moved over it."""
    records = lived(world, site)
    gone = records[-1]["id"]
    rejected = {"id": gone, "timestamp": "tomorrow", "features": {"name": f"{PERSON}-again"}}
    assert site.post("/v1/models/m/predictions", json=[rejected]).status_code == 422
    elsewhere = {**bare(records[-1:])[0], "timestamp": clock.render(START + 9 * D), "features": {"name": AGAIN}}
    assert site.post("/v1/models/m/predictions", json=[elsewhere]).json()["duplicates"] == 1
    pinned = world.pin(START, START + 2 * D)
    analysed(world.service)
    words = [gone, f"of {PERSON}, a01439", f"{PERSON}-again"]
    assert left(world.service, *words) == words
    told = site.delete(f"/v1/models/m/predictions/{gone}")
    assert told.status_code == 200
    holding = [{"name": "pinned", "version": pinned["version"]}]
    assert told.json() == {"predictions": 1, "labels": 1, "quarantined": 1, "references": holding}
    assert site.get(f"/v1/models/m/predictions/{gone}").status_code == 404
    disk.rid(world.service, 1)
    other = records[-2]["id"]
    assert left(world.service, *words, AGAIN, other) == [other]
    if not is_sqlite():
        disk.write_over_log(world.service, gone.encode())
    counts = site.get("/v1/models/m").json()["counts"]
    assert counts == {"predictions": len(records) - 1, "labels": len(records) - 1, "quarantined": 0}
    assert site.get("/v1/models/m/quarantine").json()["items"] == []
    assert site.delete(f"/v1/models/m/predictions/{gone}").status_code == 404


@pytest.mark.parametrize("wanted", ["tail\n", "two\nlines", "\n", "a/b", ".."])
def test_an_id_may_be_any_text(wanted: str, world: World, site: httpx.Client) -> None:
    row = bare(traffic(START, 1))[0]
    ids = [wanted, "tail", "two"]
    world.post([{**row, "id": one} for one in ids])
    path = f"/v1/models/m/predictions/{quote(wanted, safe='').replace('.', '%2E')}"
    assert site.get(path).json()["id"] == wanted
    assert site.delete(path).json()["predictions"] == 1
    assert site.get(path).status_code == 404
    for other in ids[1:]:
        assert site.get(f"/v1/models/m/predictions/{other}").json()["id"] == other


def test_its_hour_is_counted_again(world: World, site: httpx.Client) -> None:
    records = lived(world, site)
    first = one(world.read(START + 2 * D), check="data_drift", feature="x", hours=24)
    for record in records[-3:]:
        assert site.delete(f"/v1/models/m/predictions/{record['id']}").status_code == 200
    again = one(world.read(START + 2 * D), check="data_drift", feature="x", hours=24)
    assert (again["n_current"], again["revision"]) == (first["n_current"] - 3, 2)


@ON_EACH
def test_a_label_that_waits_for_its_prediction_is_erased_too(world: World, site: httpx.Client) -> None:
    early, later = "label-before-its-row-1", "label-before-its-row-2"
    sent = [{"id": one, "label": 1} for one in (early, later)]
    assert site.post("/v1/models/m/labels", json=sent).json()["accepted"] == 2
    assert left(world.service, early, later) == [early, later]
    told = site.delete(f"/v1/models/m/predictions/{early}").json()
    assert told == {"predictions": 0, "labels": 1, "quarantined": 0, "references": []}
    disk.rid(world.service, 1)
    assert left(world.service, early, later) == [later]


@ON_EACH
def test_a_model_is_gone_with_everything(world: World, site: httpx.Client) -> None:
    lived(world, site)
    world.configure(owner="Wilhelmina", checks=[])
    world.read(START + 2 * D)
    world.pin(START, START + D)
    world.poster.model = "other"
    world.post(called("other", traffic(START, 2, seed=3)))
    other = f"{PERSON}-other00000"
    analysed(world.service)
    assert left(world.service, f"{PERSON}-a00000", other) == [f"{PERSON}-a00000", other]
    assert site.delete("/v1/models/m").json() == {"deleted": "m", "predictions": 1440, "labels": 1440}
    assert site.get("/v1/models/m").status_code == 404
    assert [one["name"] for one in site.get("/v1/models").json()["items"]] == ["other"]
    assert site.get("/v1/alerts").json()["items"] == []
    disk.rid(world.service, None)
    assert left(world.service, f"{PERSON}-a", other) == [other]
    assert site.delete("/v1/models/m").status_code == 404


def test_the_next_model_is_not_taken_for_the_one_before(world: World, site: httpx.Client) -> None:
    lived(world, site)
    world.read(START + 2 * D)
    assert site.delete("/v1/models/m").status_code == 200
    world.reference([{**one, "features": {"y": one["features"]["x"] * 100}} for one in traffic(T0, 24 * 9, seed=5)])
    world.post([{**one, "features": {"y": one["features"]["x"] * 100}} for one in traffic(START, 48, seed=6)])
    found = world.read(START + 2 * D, check="data_drift", hours=24)
    assert {one["feature"] for one in found} == {"y"}
    assert {one["verdict"] for one in found} == {"ok"}


def test_only_an_admin_erases(world: World, site: httpx.Client) -> None:
    world.post(traffic(START, 2))
    for scope, status in (("ingest", 403), ("read", 403), ("admin", 200)):
        key = create(world.service.database, scope, scope, clock.now())
        headers = {"Authorization": f"Bearer {key}"}
        assert site.delete("/v1/models/m/predictions/p1-0", headers=headers).status_code == status
