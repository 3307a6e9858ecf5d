"""Erasure and deletion over a socket: nothing of it is left, in answers or in the bytes of the store's files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor import clock
from monitor.actions.manage_keys import create
from monitor.api.app import create_app
from monitor.service import Service
from tests.monitor.api.serving import serving
from tests.monitor.world import T0, D, World, bare, one, traffic
from tests.stores import is_sqlite

START = T0 + 14 * D
PERSON = "Wilhelmina-Quetzalcoatl"


@pytest.fixture
def site(world: World) -> Iterator[httpx.Client]:
    with serving(create_app(world.service, lambda: world.now)) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def called(prefix: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each with an id and a name of its own."""
    return [
        {**one, "id": f"{prefix}-{i:05}", "features": {**one["features"], "name": f"{PERSON}-{prefix}-{i:05}"}}
        for i, one in enumerate(records)
    ]


def files(service: Service) -> bytes:
    """The bytes of all files of a store that is one."""
    home: Path = service.settings.home
    return b"".join(file.read_bytes() for file in sorted(home.rglob("*")) if file.is_file())


def lived(world: World, site: httpx.Client) -> list[dict[str, Any]]:
    world.reference([{k: v for k, v in one.items() if k != "id"} for one in traffic(T0, 24 * 9)])
    records = called("a", traffic(START, 48, 30, seed=2))
    for part in range(0, len(records), 300):  # pages split and move what is on them
        assert site.post("/v1/models/m/predictions", json=bare(records[part : part + 300])).status_code == 200
    world.label(records, delay=0)
    return records


def test_one_id_is_gone_with_all_that_came_with_it(world: World, site: httpx.Client) -> None:
    records = lived(world, site)
    gone = records[700]["id"]
    rejected = {"id": gone, "timestamp": "tomorrow", "features": {"name": f"{PERSON}-again"}}
    assert site.post("/v1/models/m/predictions", json=[rejected]).status_code == 422
    pinned = world.pin(START, START + D)
    assert not is_sqlite() or gone.encode() in files(world.service)
    told = site.delete(f"/v1/models/m/predictions/{gone}")
    assert told.status_code == 200
    holding = [{"name": "pinned", "version": pinned["version"]}]
    assert told.json() == {"predictions": 1, "labels": 1, "quarantined": 1, "references": holding}
    assert site.get(f"/v1/models/m/predictions/{gone}").status_code == 404
    assert gone.encode() not in files(world.service)
    assert f"{PERSON}-again".encode() not in files(world.service)
    assert not is_sqlite() or records[701]["id"].encode() in files(world.service)
    counts = site.get("/v1/models/m").json()["counts"]
    assert counts == {"predictions": len(records) - 1, "labels": len(records) - 1, "quarantined": 0}
    assert site.get("/v1/models/m/quarantine").json()["items"] == []
    assert site.delete(f"/v1/models/m/predictions/{gone}").status_code == 404


def test_its_hour_is_counted_again(world: World, site: httpx.Client) -> None:
    records = lived(world, site)
    first = one(world.read(START + 2 * D), check="data_drift", feature="x", hours=24)
    for record in records[-3:]:
        assert site.delete(f"/v1/models/m/predictions/{record['id']}").status_code == 200
    again = one(world.read(START + 2 * D), check="data_drift", feature="x", hours=24)
    assert (again["n_current"], again["revision"]) == (first["n_current"] - 3, 2)


def test_a_label_that_waits_for_its_prediction_is_erased_too(world: World, site: httpx.Client) -> None:
    assert site.post("/v1/models/m/labels", json=[{"id": "early", "label": 1}]).json()["accepted"] == 1
    told = site.delete("/v1/models/m/predictions/early").json()
    assert told == {"predictions": 0, "labels": 1, "quarantined": 0, "references": []}
    assert b"early" not in files(world.service)


def test_a_model_is_gone_with_everything(world: World, site: httpx.Client) -> None:
    lived(world, site)
    world.configure(owner="Wilhelmina", checks=[])
    world.read(START + 2 * D)
    world.pin(START, START + D)
    assert site.delete("/v1/models/m").json() == {"deleted": "m", "predictions": 1440, "labels": 1440}
    assert site.get("/v1/models/m").status_code == 404
    assert site.get("/v1/models").json()["items"] == []
    assert site.get("/v1/alerts").json()["items"] == []
    assert PERSON.encode() not in files(world.service)
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
