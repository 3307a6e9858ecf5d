"""Models, their settings, health, distributions, readings and runs over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from monitor import clock
from monitor.service import Service
from monitor.store import heartbeats, schema
from tests import stores
from tests.monitor.api.calling import Api
from tests.monitor.world import T0, D, H, World, at, matching, traffic
from tests.stores import new_service

START = T0 + 14 * D


def new(service: Service) -> World:
    made = World(service, now=START + 3 * D + 30 * 60 * 1_000_000)
    made.reference(traffic(T0, 24 * 9, version="1"))
    made.post(traffic(START, 72, seed=2, version="1"))
    return made


@pytest.fixture
def world(service: Service) -> World:
    return new(service)


@pytest.fixture
def api(world: World) -> Api:
    return Api(world.service, world.now)


@pytest.fixture(scope="module")
def still(on_each_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One world for calls that change nothing."""
    service = new_service(tmp_path_factory.mktemp("still"))
    yield Api(service, new(service).now)
    service.database.close()


def test_a_model_as_it_is_shown(api: Api, world: World) -> None:
    world.label(traffic(START, 72, seed=2))
    shown = api.get("/v1/models/m")
    assert shown["name"] == "m"
    assert (shown["task"], shown["owner"], shown["versions"]) == ("binary", None, ["1"])
    assert shown["schema"]["features"] == {"x": {"type": "numeric"}, "kind": {"type": "categorical"}}
    assert shown["counts"] == {"predictions": 432, "labels": 432, "quarantined": 0}
    assert shown["newest_prediction"] == "2026-01-21T23:50:07Z"
    assert shown["newest_label"] == "2026-01-22T02:50:07Z"
    assert [(one["name"], one["version"], one["rows"]) for one in shown["references"]] == [("base", 1, 1296)]
    assert (shown["false_alarms_per_month"], shown["tolerance"]) == (1.0, 0.02)
    assert shown["health"]["status"] == "unknown"
    listed = api.get("/v1/models")
    alone = ("ledger", "sights", "odd_hours")  # of one model
    assert listed == {"items": [{name: shown[name] for name in shown if name not in alone}], "next_cursor": None}
    assert set(alone) <= set(shown)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_model_that_is_only_configured_is_shown(api: Api, task: str) -> None:
    assert api.call("PUT", "/v1/config", json={"models": {"planned": {"task": task}}}).status_code == 200
    shown = api.get("/v1/models/planned")
    assert (shown["task"], shown["positive_label"], shown["health"]["reasons"]) == (task, None, ["no_reference"])
    assert [one["name"] for one in api.get("/v1/models")["items"]] == ["m", "planned"]


def test_pages_of_models(api: Api, world: World) -> None:
    for name in "abc":
        World(world.service, name).post(traffic(START, 1))
    first = api.get("/v1/models", limit="2")
    assert [one["name"] for one in first["items"]] == ["a", "b"]
    second = api.get("/v1/models", limit="2", cursor=first["next_cursor"])
    assert ([one["name"] for one in second["items"]], second["next_cursor"]) == (["c", "m"], None)


def test_settings_are_patched_by_the_names_shown(api: Api) -> None:
    change = {"owner": "me", "tolerance": 0.05, "schema": {"features": {"x": {"type": "categorical"}}}}
    answer = api.call("PATCH", "/v1/models/m", json=change)
    assert answer.status_code == 200
    assert (answer.json()["owner"], answer.json()["tolerance"]) == ("me", 0.05)
    assert api.get("/v1/models/m")["schema"]["features"]["x"] == {"type": "categorical"}
    api.call("PATCH", "/v1/models/m", json={"false_alarms_per_month": 2})
    assert api.get("/v1/models/m")["owner"] == "me"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "n"}, "name"),
        ({"counts": {}}, "counts"),
        ({"colour": 1}, "colour"),
        ({"tolerance": 3}, "tolerance"),
        ({"tolerance": None}, "tolerance"),
        ({"schema": 1}, "schema"),
        ({"schema": {"features": 1}}, "schema.features"),
        ({"schema": {"features": {"kind": {"type": "numeric"}}}}, "features.kind.type"),
        ({"rules": [{"name": "r", "check": "serving", "notify": ["nobody"]}]}, "rules.0.notify.0"),
        ({"checks": [{"name": "r", "kind": "serving", "method": "ks"}]}, "checks.0.method"),
    ],
)
def test_a_patch_that_is_refused_changes_nothing(still: Api, change: dict[str, Any], field: str) -> None:
    before = still.get("/v1/models/m")
    answer = still.call("PATCH", "/v1/models/m", json={"owner": "new", **change})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field
    assert still.get("/v1/models/m") == before


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v1/models/none", None, 404, "not_found"),
        ("GET", "/v1/models/none/health", None, 404, "not_found"),
        ("GET", "/v1/models/none/readings", None, 404, "not_found"),
        ("GET", "/v1/models/none/distributions/x", None, 404, "not_found"),
        ("POST", "/v1/models/none/runs", {}, 404, "not_found"),
        ("PATCH", "/v1/models/none", {}, 404, "not_found"),
        ("GET", "/v1/models/m/distributions/none", None, 404, "not_found"),
        ("GET", "/v1/nowhere", None, 404, "not_found"),
        ("DELETE", "/v1/models", None, 405, "method_not_allowed"),
        ("GET", "/v1/models?limit=0", None, 422, "invalid"),
        ("GET", "/v1/models/m/readings?cursor=x", None, 422, "invalid"),
        ("GET", "/v1/models/m/readings?start=monday", None, 422, "invalid"),
        ("GET", "/v1/models/m/readings?colour=red", None, 422, "invalid"),
        ("GET", "/v1/models/m/readings?verdict=bogus", None, 422, "invalid"),
        ("GET", "/v1/models/m/readings?kind=bogus", None, 422, "invalid"),
        ("GET", "/v1/models/m/health?as_of=2030-01-01", None, 422, "invalid"),
        ("POST", "/v1/models/m/runs", {"as_of": "2030-01-01T00:00:00Z"}, 422, "invalid"),
        ("POST", "/v1/models/m/runs", {"as_of": "x"}, 422, "invalid"),
        ("POST", "/v1/models/m/runs", {"as_of": "0001-01-01T00:00:00Z"}, 422, "invalid"),
        ("POST", "/v1/models/m/runs", {"as_of": "0001-01-01T00:00:00+14:00"}, 422, "invalid"),
        ("POST", "/v1/models/m/runs", {"as_of": 5}, 422, "invalid"),
        ("POST", "/v1/models/m/runs", {"checks": "all"}, 422, "invalid"),
        ("POST", "/v1/models/m/runs", {"deliver": 1}, 422, "invalid"),
        ("POST", "/v1/models/m/runs", {"when": 1}, 422, "invalid"),
        ("POST", "/v1/models/m/runs", [], 422, "invalid"),
        ("PUT", "/v1/config", {"models": {"m": {"task": "no"}}}, 422, "invalid"),
        ("PUT", "/v1/config", "x", 422, "invalid"),
        ("PUT", "/v1/models/m/references/r", {"window": {"start": "2026-01-19"}}, 422, "invalid"),
        ("PUT", "/v1/models/m/references/r", {"window": 1}, 422, "invalid"),
    ],
)
def test_errors_have_their_form(still: Api, method: str, path: str, body: Any, status: int, code: str) -> None:
    answer = still.call(method, path, **({} if body is None else {"json": body}))
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]


def test_bodies_are_bounded_and_must_be_json(still: Api) -> None:
    assert still.call("PUT", "/v1/config", content=b" " * 2_000_000).status_code == 413
    answer = still.call("PUT", "/v1/config", content=b"{")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_json")
    assert still.call("PUT", "/v1/config", content=b"[" * 100_000).status_code == 400


def test_a_reference_that_is_too_large_is_not_to_be_split(still: Api) -> None:
    """A second part would replace the first. Its columns are too many for any part, too."""
    path, line = "/v1/models/m/references/r", {"Content-Type": "application/x-ndjson"}
    for body in (b"{}\n" * 1_000_001, b" " * ((64 << 20) + 1)):
        answer = still.call("PUT", path, content=body, headers=line)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
        message = answer.json()["error"]["message"]
        assert "plimsoll import --model MODEL --reference NAME FILE" in message
        assert "Split" not in message
    wide = ",".join(f"c{place}" for place in range(5_001)).encode()
    answer = still.call("PUT", path, content=wide, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, "import" in answer.json()["error"]["message"]) == (413, False)
    rows = still.call("POST", "/v1/models/m/predictions", content=b"{}\n" * 1_000_001, headers=line)
    assert rows.json()["error"]["message"].endswith("Split it.")


def test_a_run_answers_with_readings_and_alerts(api: Api) -> None:
    answer = api.call("POST", "/v1/models/m/runs", json={"as_of": clock.render(START + 3 * D), "deliver": False})
    assert answer.status_code == 200
    run = answer.json()
    assert (run["as_of"], run["alerts"]) == ("2026-01-22T00:00:00Z", [])
    (reading,) = matching(run["readings"], check="data_drift", feature="x", hours=24)
    named = """check kind metric feature segment version window as_of revision value lower upper p_value threshold
        alpha verdict reason n_reference n_current mde reference details"""
    assert set(reading) >= set(named.split())
    assert reading["window"] == {"start": "2026-01-21T00:00:00Z", "end": "2026-01-22T00:00:00Z"}
    assert {"effect", "effect_lower", "effect_upper", "critical", "summary"} <= set(reading["details"])
    only = api.call("POST", "/v1/models/m/runs", json={"checks": ["serving"]}).json()
    assert {one["check"] for one in only["readings"]} == {"serving"}


def test_the_default_as_of_is_now_or_the_newest_data(api: Api) -> None:
    assert api.call("POST", "/v1/models/m/runs").json()["as_of"] == clock.render(api.now)
    api.now += 30 * D
    assert api.call("POST", "/v1/models/m/runs", json={}).json()["as_of"] == "2026-01-22T00:00:00Z"


def test_readings_are_filtered_and_paged(api: Api) -> None:
    for hours in (68, 72):
        api.call("POST", "/v1/models/m/runs", json={"as_of": clock.render(START + hours * H)})
    everything = api.get("/v1/models/m/readings", limit="1000")["items"]
    found, cursor = [], ""
    while cursor is not None:
        page = api.get("/v1/models/m/readings", limit="7", cursor=cursor)
        found += page["items"]
        cursor = page["next_cursor"]
    assert found == everything
    for name, value in (
        ("check", "data_drift"),
        ("kind", "serving"),
        ("feature", "x"),
        ("metric", "ks"),
        ("verdict", "ok"),
    ):
        narrowed = api.get("/v1/models/m/readings", limit="1000", **{name: value})["items"]
        assert narrowed == [one for one in everything if one[name] == value]
        assert narrowed
    versions = api.get("/v1/models/m/readings", limit="1000", version="1")["items"]
    assert {one["kind"] for one in versions} == {"performance"}
    late = api.get("/v1/models/m/readings", limit="1000", start=clock.render(START + 72 * H))["items"]
    assert {one["window"]["end"] for one in late} == {clock.render(START + 72 * H)}


def test_the_distribution_of_a_feature_is_a_count_of_its_rows(still: Api) -> None:
    records = [one for one in traffic(START, 72, seed=2) if at(one["timestamp"]) >= START + 2 * D]
    x = np.array([one["features"]["x"] for one in records])
    found = still.get("/v1/models/m/distributions/x")
    assert found["window"] == {"start": "2026-01-21T00:00:00Z", "end": "2026-01-22T00:00:00Z"}
    counted = np.bincount(np.searchsorted(found["edges"], x), minlength=len(found["edges"]) + 1)
    assert found["counts"]["current"] == counted.tolist()
    assert sum(found["counts"]["reference"]) == 1296
    assert {"psi", "jensen_shannon", "wasserstein", "energy", "ks"} <= set(found["distances"])
    assert "t_test" not in found["distances"]  # only where somebody names it
    kind = still.get("/v1/models/m/distributions/kind", start="2026-01-19", end="2026-01-22", version="1")
    every = [one["features"]["kind"] for one in traffic(START, 72, seed=2)]
    assert dict(zip(kind["categories"], kind["counts"]["current"], strict=True)) == {c: every.count(c) for c in "abc"}
    nobody = still.get("/v1/models/m/distributions/kind", version="9")
    assert sum(nobody["counts"]["current"]) == 0
    assert still.call("GET", "/v1/models/m/distributions/x?start=2026-01-22&end=2026-01-21").status_code == 422


def test_readyz(api: Api, world: World) -> None:
    with world.service.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert "plimsoll migrate" in api.call("GET", "/readyz").json()["problems"][0]
    with world.service.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{schema.newest()}'")
    assert api.call("GET", "/readyz").status_code == 503  # no scheduler was ever seen
    with world.service.database.write() as connection:
        for name in ("delivery", "runs"):
            heartbeats.beat(connection, name, world.now)
    assert api.get("/readyz") == {"status": "ok", "problems": []}
    api.now += 121 * clock.SECOND
    late = api.call("GET", "/readyz")
    assert (late.status_code, "scheduler" in late.json()["problems"][0]) == (503, True)
    stores.take_away(world.service)
    gone = api.call("GET", "/readyz")
    assert (gone.status_code, "store" in gone.json()["problems"][0]) == (503, True)
    answer = api.call("GET", "/v1/models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert api.call("GET", "/livez").status_code == 200


SAMPLE = re.compile(
    r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*",?)*)\})? (\S+)$'
)


def parse(text: str) -> dict[tuple[str, str], float]:
    """A strict reading of Prometheus' text format: HELP and TYPE before samples, each series once, no gaps."""
    assert text.endswith("\n")
    found: dict[tuple[str, str], float] = {}
    current, ended = "", set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            ended.add(current)
            current = line.split(" ")[2]
            assert current not in ended
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == current
            assert line.split(" ")[3] in ("counter", "gauge")
        else:
            match = SAMPLE.match(line)
            assert match, line
            assert match[1] == current
            key = (match[1], match[2] or "")
            assert key not in found
            found[key] = float(match[3])
    return found


def test_metrics_are_prometheus_text(api: Api, world: World) -> None:
    World(world.service, "m").poster.predictions(
        [{"id": "odd", "timestamp": "2026-01-21T12:00:00Z", "features": {'we"ird\\ \n name': 1.0}, "prediction": 1}],
        now=world.now,
    )
    world.reference([{**one, "features": {'we"ird\\ \n name': 1.5}} for one in traffic(T0, 48, version="9")], "odd")
    api.call("POST", "/v1/models/m/runs", json={})
    answer = api.call("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = parse(answer.text)
    assert found[("plimsoll_predictions_total", 'model="m"')] == 433
    assert sum(value for (name, _), value in found.items() if name == "plimsoll_model_health") == 1
    assert any(name == "plimsoll_reading" and 'feature="we\\"ird\\\\ \\n name"' in labels for name, labels in found)


def test_openapi_and_config(api: Api) -> None:
    described = api.get("/openapi.json")
    assert "/v1/models/{model}/runs" in described["paths"]
    document = {"models": {"m": {"owner": "me"}}, "channels": {"c": {"type": "webhook", "url": "https://a.example"}}}
    with api.service.alone():  # what takes minutes is worked out one at a time
        busy = api.call("PUT", "/v1/config?plan=alerts", json=document)
        assert (busy.status_code, busy.json()["error"]["code"]) == (429, "overloaded")
        assert busy.headers["retry-after"] == "10"
    free = api.call("PUT", "/v1/config?plan=alerts", json={"channels": document["channels"]})
    assert free.json()["alerts"] == {}
    planned = api.call("PUT", "/v1/config?plan=true", json=document).json()
    assert planned["version"] is None
    for slip in ("plan=alert", "plan=bogus", "pln=true"):
        assert api.call("PUT", f"/v1/config?{slip}", json=document).status_code == 422
    applied = api.call("PUT", "/v1/config", json=document).json()
    assert (applied["version"], applied["changes"]) == (1, planned["changes"])
    assert api.call("PUT", "/v1/config", json=document).json()["version"] == 1


def test_references_over_http(api: Api) -> None:
    window = {"window": {"start": "2026-01-19T00:00:00Z", "end": "2026-01-20T00:00:00Z"}}
    answer = api.call("PUT", "/v1/models/m/references/week", json=window)
    assert (answer.status_code, answer.json()) == (201, {"name": "week", "version": 1, "rows": 144})
    rows = b"x,kind,prediction,label\n1.5,a,1,1\n2.5,b,0,1\n"
    for version in (1, 2):
        answer = api.call("PUT", "/v1/models/m/references/csv", headers={"Content-Type": "text/csv"}, content=rows)
        assert (answer.status_code, answer.json()["version"], answer.json()["rows"]) == (201, version, 2)
    answer = api.call("PUT", "/v1/models/m/references/csv", headers={"Content-Type": "text/csv"}, content=b"x\n")
    assert answer.status_code == 422


def test_health_of_a_version_that_never_was(api: Api) -> None:
    found = api.get("/v1/models/m/health", version="zz")
    assert (found["status"], found["reasons"]) == ("unknown", ["unknown_version"])
    assert "unknown_version" not in api.get("/v1/models/m/health", version="1")["reasons"]
