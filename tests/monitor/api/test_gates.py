"""Gates: the verdict as a field and as a status, and a version beside another in the same hours."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from monitor.actions.compare_versions import NOTHING_COUNTED
from monitor.api.app import create_app
from monitor.service import Service
from tests.monitor.api.serving import serving
from tests.monitor.world import T0, D, H, Record, World, traffic

START = T0 + 14 * D
AS_OF = START + D


def split(shift: float = 0.0, right: float = 0.9, errors: float = 0.0, slow: float = 1.0) -> list[Record]:
    """A day at 240 rows an hour: version s all day, version c a tenth of the rows, in the afternoon only, when x is
    higher for both; ``shift`` and the rest are c's own."""
    found = []
    for hour in range(24):
        noon = 2.0 if hour >= 12 else 0.0
        rng = np.random.default_rng(hour)
        for version, rows in (("s", 216), ("c", 24)) if hour >= 12 else (("s", 240),):
            mine = version == "c"
            part = traffic(START + hour * H, 1, rows, seed=100 * hour + mine, shift=noon + shift * mine,
                           right=right if mine else 0.9, version=version, prefix=version)  # fmt: skip
            for one in part:
                one["latency_ms"] = float(rng.lognormal(3, 0.3)) * (slow if mine else 1.0)
                if mine and rng.random() < errors:
                    one["error"] = "timed out"
            found += part
    return found


def asked(world: World, path: str, **query: Any) -> httpx.Response:
    with serving(create_app(world.service, lambda: world.now)) as url:
        way = "GET" if path.endswith("health") else "POST"
        return httpx.request(way, f"{url}{path}", params=query, timeout=60)


def beside(world: World, records: list[Record]) -> dict[str, Any]:
    world.now = AS_OF + 12 * H
    world.reference(traffic(T0, 24 * 9, 60, version="s"))
    world.post(records)
    world.label(records, delay=0)
    told = asked(world, "/v1/models/m/health", version="c", against="s", as_of="2026-01-20T00:00:00Z")
    assert told.status_code == 200
    return dict(told.json())


@pytest.mark.one_engine
def test_a_version_that_does_as_well_is_healthy_although_its_hours_are_others(world: World) -> None:
    """The afternoon is compared with the afternoon: against the whole day, x would differ by a standard deviation."""
    found = beside(world, split())
    assert (found["status"], found["reasons"], found["version"], found["against"]) == ("healthy", [], "c", "s")
    assert found["window"] == {"start": "2026-01-19T00:00:00Z", "end": "2026-01-20T00:00:00Z"}
    assert found["rows"]["version_in_same_hours"] == found["rows"]["version"] == 12 * 24
    assert 2500 < found["rows"]["against_effective"] <= 12 * 216
    judged = {(one["kind"], one["metric"], one["feature"]): one["verdict"] for one in found["readings"]}
    assert judged["data_drift", "ks", "x"] == judged["serving", "latency_p95", None] == "ok"
    assert judged["performance", "accuracy", None] == "ok"


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("own", "status", "metric", "words"),
    [
        ({"shift": 1.5}, "unhealthy", "ks", "x: "),
        ({"right": 0.6}, "unhealthy", "roc_auc", "points lower than version s"),
        ({"errors": 0.15}, "unhealthy", "error_share", "more errors than version s"),
        ({"slow": 2.5}, "degraded", "latency_p95", "p95 latency is 2."),
    ],
)
def test_what_the_version_itself_does_is_told(
    world: World, own: dict[str, float], status: str, metric: str, words: str
) -> None:
    found = beside(world, split(**own))
    assert found["status"] == status, found["reasons"]
    worst = found["readings"][0]
    assert worst["metric"] == metric
    assert words in found["reasons"][0]
    assert worst["effect_lower"] > worst["threshold"]


def test_the_status_speaks_to_flagger(world: World) -> None:
    beside(world, split(right=0.6))
    path = "/v1/gates/flagger/m"
    stopped = asked(world, path, version="c", against="s", as_of="2026-01-20T00:00:00Z")
    assert stopped.status_code == 409
    assert stopped.json()["error"]["code"] == "no_go"
    assert stopped.json()["error"]["message"].startswith("m version c beside version s is unhealthy: ")
    assert "accuracy is 31 points lower than version s" in stopped.json()["error"]["message"]
    assert "\n" not in stopped.text
    went = asked(world, path, version="s", against="c", as_of="2026-01-20T00:00:00Z", window="24h")
    assert (went.status_code, went.json()["status"]) == (200, "healthy")
    assert asked(world, path, version="zz", against="s").status_code == 503
    assert asked(world, path, at_least_windows=9999).json()["error"]["message"].endswith("too_few_windows")
    assert asked(world, "/v1/gates/flagger/nobody").status_code == 404
    for wrong in ({"agianst": "s"}, {"window": "0h"}, {"window": "30m"}):
        assert asked(world, path, **wrong).status_code == 422


def test_what_nobody_can_tell_yet_says_why(world: World) -> None:
    world.now = AS_OF
    world.post([*traffic(START, 1, version="s", prefix="s"), *traffic(START, 1, seed=2, version="c", prefix="c")])
    query = {"version": "c", "against": "s", "as_of": "2026-01-19T00:59:00Z"}
    first = asked(world, "/v1/models/m/health", **query).json()
    assert (first["status"], first["reasons"]) == ("unknown", [NOTHING_COUNTED])
    other = asked(world, "/v1/models/m/health", **{**query, "version": "zz"}).json()
    assert other["reasons"] == ["no rows of version 'zz' are known"]


def test_flaggers_own_body_may_ask(world: World) -> None:
    beside(world, split(right=0.6))
    metadata = {"version": "c", "against": "s", "as_of": "2026-01-20T00:00:00Z", "other": "is not ours"}
    body = {"name": "m", "namespace": "prod", "phase": "Progressing", "checksum": "85d557f47b", "metadata": metadata}
    with serving(create_app(world.service, lambda: world.now)) as url:
        assert httpx.post(f"{url}/v1/gates/flagger/m", json=body).status_code == 409
        for wrong in (b"{", b"[1]", b"3", b'{"metadata": 5}'):
            assert httpx.post(f"{url}/v1/gates/flagger/m", content=wrong).status_code == 422


def test_without_another_version_the_gate_is_the_health(world: World) -> None:
    world.reference(traffic(T0, 24 * 9))
    assert asked(world, "/v1/gates/flagger/m").status_code == 503
    world.post(traffic(START, 24 * 2, seed=2))
    world.now = START + 2 * D
    world.run(world.now)
    assert asked(world, "/v1/gates/flagger/m").status_code == 200
    world.post(traffic(START + 2 * D, 24, seed=3, shift=4.0))
    world.now += D
    world.run(world.now)
    assert asked(world, "/v1/gates/flagger/m").status_code == 409


def test_a_body_that_is_too_deep_is_a_mistake(service: Service) -> None:
    with serving(create_app(service, lambda: AS_OF)) as url:
        told = httpx.post(f"{url}/v1/gates/flagger/m", content=b"[" * 60_000, timeout=60)
    assert (told.status_code, told.json()["error"]["code"]) == (422, "invalid")
