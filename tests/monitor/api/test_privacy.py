"""Private features over a socket, in every body and every way a row can go wrong: no raw value is in any file, be it of
SQLite, of PostgreSQL's server or of ClickHouse's engine."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from monitor import clock
from monitor.api.app import create_app
from monitor.api.posting import SMALL
from monitor.service import Service
from tests import disk
from tests.monitor.api.serving import serving
from tests.monitor.world import T0, D, World, one
from tests.stores import is_sqlite

START = T0 + 14 * D
SALARY = 71234.5
PUBLIC = "Huehuecoyotl"  # sent along, and found wherever rows are: what is looked through is what is written
SECRETS = (b"Quetzalcoatl", b"Xochiquetzal", b"71234.5", struct.pack(">d", SALARY), struct.pack("<d", SALARY))
FEATURES = {
    "name": {"privacy": "hash"},
    "note": {"privacy": "drop"},
    "salary": {"privacy": "summary_only"},
    "age": {"privacy": "summary_only", "bins": [18, 30, 45, 65]},
    "town": {"privacy": "summary_only", "bins": ["Rome", "Oslo"]},
}


@pytest.fixture
def site(world: World) -> Iterator[httpx.Client]:
    with serving(create_app(world.service, lambda: world.now)) as url, httpx.Client(base_url=url, timeout=60) as client:
        document = {"models": {"m": {"task": "binary", "features": FEATURES}}}
        assert client.put("/v1/config", json=document).status_code == 200
        yield client


def people(n: int, start: int, seed: int, prefix: str = "r") -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {
            "id": f"{prefix}{i}",
            "timestamp": clock.render(start + i * 10 * clock.MINUTE),
            "features": {
                "name": f"Quetzalcoatl-{rng.integers(3)}",
                "note": f"Xochiquetzal lives here, {i}",
                "salary": SALARY + i % 2,
                "age": int(rng.integers(10, 90)),
                "town": ["Rome", "Oslo", "Quetzalcoatlville"][i % 3],
                "plain": float(i % 5),
            },
            "prediction": i % 2,
        }
        for i in range(n)
    ]


def with_public(records: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """With a feature more that nobody hides."""
    return [{**one, "features": {**one["features"], "public": f"{PUBLIC}-{prefix}"}} for one in records]


def flat(records: list[dict[str, Any]]) -> pa.Table:
    rows = [{**{k: v for k, v in r.items() if k != "features"}, **r["features"]} for r in records]
    return pa.Table.from_pylist(rows)


def bodies(records: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """The same kind of rows in all five bodies, ids apart."""
    made = [[{**one, "id": f"{kind}-{one['id']}"} for one in records] for kind in range(5)]
    yield "application/json", json.dumps(made[0]).encode()
    yield "application/x-ndjson", b"\n".join(json.dumps(one).encode() for one in made[1])
    parquet, arrow, csv = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pq.write_table(flat(made[2]), parquet)
    yield "application/vnd.apache.parquet", parquet.getvalue()
    with pa.ipc.new_stream(arrow, flat(made[3]).schema) as writer:
        writer.write_table(flat(made[3]))
    yield "application/vnd.apache.arrow.stream", arrow.getvalue()
    pyarrow.csv.write_csv(flat(made[4]), csv)
    yield "text/csv", csv.getvalue()


def no_groups(odd: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Columns called as the group of named features is, which are no structs that could be taken apart."""
    envelope = {"id": ["text"], "timestamp": [odd["timestamp"]], "prediction": [1], "public": [f"{PUBLIC}-odd"]}
    texts = pa.table({**envelope, "features": [json.dumps(odd["features"])]})
    pairs = pa.array([[("name", "Quetzalcoatl")]], pa.map_(pa.string(), pa.string()))
    arrow, csv = io.BytesIO(), io.BytesIO()
    with pa.ipc.new_stream(arrow, pa.table({**envelope, "id": ["map"], "features": pairs}).schema) as writer:
        writer.write_table(pa.table({**envelope, "id": ["map"], "features": pairs}))
    yield "application/vnd.apache.arrow.stream", arrow.getvalue()
    pyarrow.csv.write_csv(texts, csv)
    yield "text/csv", csv.getvalue()


def post(site: httpx.Client, kind: str, body: bytes, path: str = "predictions") -> Any:
    answer = site.request(
        "PUT" if path.startswith("ref") else "POST",
        f"/v1/models/m/{path}",
        content=body,
        headers={"Content-Type": kind},
    )
    assert answer.status_code in (200, 201, 422), answer.text
    return answer.json()


@pytest.mark.parametrize("service", ["shared", "chdb"], indirect=True)
def test_no_raw_value_reaches_the_disk(world: World, site: httpx.Client) -> None:
    for kind, body in bodies(with_public(people(30, START, 1), "row")):
        assert post(site, kind, body)["accepted"] == 30
        assert post(site, kind, body.replace(b"2026-", b"late-"))["rejected"] == 30  # no readable time: quarantine
    (odd,) = with_public(people(1, START, 2, "odd"), "odd")
    strange = {"name": ["Quetzalcoatl"], "salary": "Quetzalcoatl", "age": {"a": "Quetzalcoatl"}, "town": True}
    for place, features in enumerate([strange, "Quetzalcoatl", {"name": 71234.5, "salary": "71234.5"}]):
        post(site, "application/json", json.dumps({**odd, "id": f"odd{place}", "features": features}).encode())
    for kind, body in no_groups(odd):
        assert post(site, kind, body)["accepted"] == 1
    post(site, "application/x-ndjson", b'{"id": "x", "features": {"name": "Quetzalcoatl", \n["Quetzalcoatl"]\n')
    post(
        site, "application/json", json.dumps([{**odd, "id": None}, {**odd, "timestamp": "x"}, "Quetzalcoatl"]).encode()
    )
    post(site, "application/json", json.dumps([{**odd, "label": None}]).encode(), "labels")
    reference = [{**one, "label": 1} for one in with_public(people(400, T0, 3, "ref"), "ref")]
    assert post(site, "application/json", json.dumps(reference).encode(), "references/base")["rows"] == 400
    late = [{**one, "timestamp": "late"} for one in reference]
    post(site, "application/json", json.dumps([*late[:2], *reference]).encode(), "references/base")
    world.run(START + D)
    check_disk(world.service)
    rejected = site.get("/v1/models/m/quarantine?limit=1000").json()["items"]
    assert len(rejected) > 150
    assert any('"plain"' in one["payload"] for one in rejected)


def check_disk(service: Service) -> None:
    """No secret is in any file; what is public is in those of the rows and of the log before them, of rejected rows
    and of references, which are stored packed."""
    row, odd, reference = (f"{PUBLIC}-{kind}".encode() for kind in ("row", "odd", "ref"))
    found = disk.holding(service, *SECRETS, row, odd, reference, b"Oslo")
    assert {secret: found[secret] for secret in SECRETS if found[secret]} == {}
    here = {"plimsoll.db-wal"} if is_sqlite() else {"base", "pg_wal", "rows"}
    apart = {"store"} if service.settings.observations_url.startswith("chdb:") else here
    assert found[row] >= apart
    assert found[b"Oslo"] >= apart
    assert found[odd] >= here
    assert "reference_rows.data" in found[reference]


def test_what_is_stored_instead(world: World, site: httpx.Client) -> None:
    records = people(60, START, 1)
    post(site, "application/json", json.dumps(records).encode())
    shown = [site.get(f"/v1/models/m/predictions/r{i}").json()["features"] for i in range(60)]
    names = {(sent["features"]["name"], told["name"]) for sent, told in zip(records, shown, strict=True)}
    assert len(names) == 3
    assert all(len(hidden) == 32 and int(hidden, 16) for _, hidden in names)
    assert not any("note" in told for told in shown)
    assert {told["salary"] for told in shown} == {"50000 to 100000"}
    assert {told["town"] for told in shown} == {"Rome", "Oslo", "other"}
    for sent, told in zip(records, shown, strict=True):
        age = sent["features"]["age"]
        bins = [("up to 18", 18), ("18 to 30", 30), ("30 to 45", 45), ("45 to 65", 65), ("above 65", 999)]
        assert told["age"] == next(name for name, end in bins if age <= end)


def test_warnings_say_what_became_of_private_values(site: httpx.Client) -> None:
    records = people(400, START, 1)
    post(site, "application/json", json.dumps(records).encode())
    strange = {**records[0], "features": {**records[0]["features"], "name": 71234.5, "plain": "odd"}}
    whole = {**records[0], "features": "Quetzalcoatl"}
    for size, kind in ((1, "small"), (400, "large")):  # stored in rounds, and by themselves
        several = [{**one, "id": f"{kind}{place}"} for place, one in enumerate(records[:size])]
        assert (len(json.dumps(several)) > SMALL) == (kind == "large")
        told = post(site, "application/json", json.dumps([*several, {**strange, "id": f"{kind}-strange"}]).encode())
        mismatch = "features.plain: 1 values are no usable numbers; they are kept as sent and count as mismatches"
        assert told["warnings"] == [mismatch]
        told = post(site, "application/json", json.dumps([*several, {**whole, "id": f"{kind}-whole"}]).encode())
        assert told["warnings"] == ["features: 1 values are unusable; not kept, since the model has private features"]
        shown = site.get(f"/v1/models/m/predictions/{kind}-whole").json()["features"]
        assert shown == "(not kept: the model has private features)"


def test_one_value_looks_the_same_in_every_body_and_in_the_reference(world: World, site: httpx.Client) -> None:
    records = people(1, START, 1)
    for kind, body in bodies(records):
        post(site, kind, body)
    shown = [site.get(f"/v1/models/m/predictions/{place}-r0").json()["features"] for place in range(5)]
    assert all(one == shown[0] for one in shown)


def test_drift_of_what_is_stored_is_measured(world: World, site: httpx.Client) -> None:
    post(site, "application/json", json.dumps(people(1400, T0, 3)).encode(), "references/base")
    quiet, moved = people(144, START, 5, "q"), people(144, START + D, 6, "m")
    for record in moved:
        record["features"] |= {"name": "Quetzalcoatl-9", "age": 20}
    for records in (quiet, moved):
        post(site, "application/json", json.dumps(records).encode())
    before = world.read(START + D, check="data_drift", hours=24)
    after = world.read(START + 2 * D, check="data_drift", hours=24)
    for feature in ("name", "age"):
        assert one(before, feature=feature)["verdict"] == "ok"
        assert one(after, feature=feature)["verdict"] == "critical"
    assert {r["feature"] for r in after} == {"name", "age", "salary", "town", "plain"}


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ({"privacy": "hash", "type": "numeric"}, "leave type out"),
        ({"privacy": "hash", "bins": [1]}, "bins are for privacy summary_only"),
        ({"privacy": "summary_only", "bins": [3, 1]}, "in increasing order"),
        ({"privacy": "summary_only", "bins": []}, "at least one"),
        ({"privacy": "hide"}, "privacy"),
    ],
)
def test_mistakes_are_named(site: httpx.Client, feature: dict[str, Any], words: str) -> None:
    answer = site.put("/v1/config", json={"models": {"m": {"features": {"x": feature}}}})
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"] + str(answer.json()["error"].get("field"))


def test_a_stored_number_cannot_be_hidden_afterwards(site: httpx.Client) -> None:
    post(site, "application/json", json.dumps(people(3, START, 1)).encode())
    document = {"models": {"m": {"features": {**FEATURES, "plain": {"privacy": "hash"}}}}}
    answer = site.put("/v1/config", json=document)
    assert answer.status_code == 422
    assert "send it under another name" in answer.json()["error"]["message"]
