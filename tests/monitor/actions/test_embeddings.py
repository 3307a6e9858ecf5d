"""Vectors as features: every format in, stored, counted, judged, shown, and out again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboards.views import Viewer
from monitor import clock
from monitor.actions import build_page, describe
from monitor.actions.distributions import distributions
from monitor.actions.find_prediction import find_prediction
from monitor.actions.record_predictions import record_predictions
from monitor.cli.import_files import ROWS
from monitor.errors import Invalid
from monitor.ingest import conform
from monitor.ingest.decode import decode
from tests.monitor.world import NOW, T0, D, H, Record, World, matching, one

pytestmark = pytest.mark.one_engine("sqlite")

START = T0 + 14 * D
DIMENSION = 8
LIMIT = 64 * 1024 * 1024


def vectors(start: int, days: int, *, seed: int, shift: float = 0.0, **more: Any) -> list[Record]:
    """Twenty rows an hour of a vector, and a number beside it."""
    rng = np.random.default_rng(seed)
    n = days * 24 * 20
    x = rng.normal(size=(n, DIMENSION)).astype(np.float32)
    x[:, 0] += shift
    return [
        {
            "id": f"{seed}-{i}",
            "timestamp": clock.render(start + i * H // 20),
            "features": {"e": [round(float(v), 4) for v in x[i]], "x": round(float(x[i, 1]), 4)},
            "prediction": int(i % 2),
            **more,
        }
        for i in range(n)
    ]


FOUR: list[Record] = [
    {"id": "a", "timestamp": "2026-01-01T00:00:00Z", "features": {"e": [1, 2.5, -3e-2]}, "prediction": 1},
    {"id": "b", "timestamp": "2026-01-01T00:00:01Z", "features": {"e": [0.1, 0, 7]}, "prediction": 0},
    {"id": "c", "timestamp": "2026-01-01T00:00:02Z", "features": {"e": [1.0, 2.0]}, "prediction": 0},
    {"id": "d", "timestamp": "2026-01-01T00:00:03Z", "features": {"e": None}, "prediction": 0},
]


def table(kind: pa.DataType) -> pa.Table:
    return pa.table(
        {
            "id": [one["id"] for one in FOUR],
            "timestamp": [one["timestamp"] for one in FOUR],
            "feature.e": pa.array([one["features"]["e"] for one in FOUR], kind),
            "prediction": [one["prediction"] for one in FOUR],
        }
    )


def arrow(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def parquet(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink)
    return bytes(sink.getvalue())


def csv() -> bytes:
    lines = (
        f"{one['id']},{one['timestamp']},{json.dumps(one['features']['e']) if one['features']['e'] else ''},"
        f"{one['prediction']}"
        for one in FOUR
    )
    quoted = (line.replace("[", '"[').replace("]", ']"') for line in lines)
    return "\n".join(["id,timestamp,feature.e,prediction", *quoted]).encode()


BODIES = {
    "json": ("application/json", lambda: json.dumps(FOUR).encode()),
    "ndjson": ("application/x-ndjson", lambda: "\n".join(map(json.dumps, FOUR)).encode()),
    "with booleans": ("application/json", lambda: json.dumps([*FOUR, {"odd": True}]).encode()),
    "arrow list": ("application/vnd.apache.arrow.stream", lambda: arrow(table(pa.list_(pa.float64())))),
    "arrow large list": ("application/vnd.apache.arrow.stream", lambda: arrow(table(pa.large_list(pa.float32())))),
    "parquet": ("application/vnd.apache.parquet", lambda: parquet(table(pa.list_(pa.float64())))),
    "csv": ("text/csv", csv),
}


def send(world: World, kind: str, body: bytes) -> dict[str, Any]:
    raw = decode(body, kind, None, "predictions", LIMIT)
    return record_predictions(world.service, world.model, conform.predictions(raw, NOW), NOW)


def stored(world: World, prediction_id: str) -> Any:
    found = find_prediction(world.service, world.model, prediction_id)
    return found["features"]["e"]


@pytest.mark.parametrize("name", BODIES)
def test_every_format_brings_vectors_and_they_come_back_as_sent(world: World, name: str) -> None:
    kind, body = BODIES[name]
    told = send(world, kind, body())
    assert told["accepted"] == 4
    assert stored(world, "a") == [1, 2.5, -0.03]
    assert stored(world, "b") == [0.1, 0, 7]
    assert stored(world, "c") == [1, 2]
    assert stored(world, "d") is None
    assert any("features.e: 1 values are no usable vectors" in one for one in told["warnings"])
    with world.service.database.read() as connection:
        model = world.found(connection)
        (column,) = [one for one in model.columns if one.name == "e"]
        assert (column.storage, column.type, column.dimension) == ("vector", "embedding", 3)
        assert describe.describe(connection, model, NOW)["schema"]["features"]["e"] == {"type": "embedding"}


def test_fixed_size_lists(world: World) -> None:
    rows = pa.table(
        {
            "id": ["a", "b"],
            "timestamp": [FOUR[0]["timestamp"]] * 2,
            "feature.e": pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2)),
            "prediction": [1, 0],
        }
    )
    assert send(world, "application/vnd.apache.arrow.stream", arrow(rows))["accepted"] == 2
    assert stored(world, "a") == [1, 2]
    assert stored(world, "b") is None


@pytest.mark.parametrize(
    "odd", [[1, 2, "x"], [1, 2, True], [1, 2, None], [1, 2, [3]], [], [1, 2, 1e39], "text", 5, {"a": 1}, [1, 2, 3, 4]]
)
def test_anything_else_is_a_mismatch_kept_as_sent(world: World, odd: Any) -> None:
    first = {**FOUR[0], "id": "first"}
    send(world, "application/json", json.dumps([first, {**FOUR[1], "id": "second"}]).encode())
    told = send(world, "application/json", json.dumps([{**FOUR[0], "features": {"e": odd}}, FOUR[1]]).encode())
    assert told["accepted"] == 2
    assert stored(world, "a") == odd
    assert stored(world, "b") == [0.1, 0, 7]


def test_nan_in_a_vector_is_a_mismatch(world: World) -> None:
    send(world, "application/json", json.dumps(FOUR).encode())
    told = send(world, "application/json", json.dumps([{**FOUR[0], "id": "n"}]).replace("2.5", "NaN").encode())
    assert told["accepted"] == 1
    assert any("no usable vectors" in one for one in told["warnings"])


def test_the_type_may_be_configured_and_must_fit(world: World) -> None:
    world.configure(features={"e": {"type": "embedding"}})
    send(world, "application/json", json.dumps(FOUR).encode())
    assert stored(world, "a") == [1, 2.5, -0.03]
    with pytest.raises(Invalid, match="it cannot become categorical"):
        world.configure(features={"e": {"type": "categorical"}})
    world.model = "other"
    send(world, "application/json", json.dumps([{**FOUR[0], "features": {"e": 5}}]).encode())
    with pytest.raises(Invalid, match="it cannot become embedding"):
        world.configure(features={"e": {"type": "embedding"}})


@pytest.fixture
def drifted(world: World) -> World:
    world.reference(vectors(T0, 14, seed=1))
    world.post(vectors(START, 3, seed=2, shift=1.5))
    return world


def test_the_default_check_finds_that_they_moved(drifted: World) -> None:
    run = drifted.run(START + 3 * D)
    (found,) = [r for r in run.readings if r.metric == "mean_embedding" and r.length_hours == 24]
    assert (found.check, found.feature, found.verdict, found.threshold) == ("data_drift", "e", "critical", 0.02)
    assert found.details["summary"].startswith("e: at least ")
    assert found.value is not None
    assert found.value > found.details["effect"] > found.details["effect_lower"] > 0.05
    assert (found.n_reference, found.n_current) == (14 * 480, 480)
    assert found.p_value is not None
    assert found.alpha is not None
    assert found.p_value <= found.alpha
    quality = {r.metric for r in run.readings if r.kind == "data_quality" and r.feature == "e"}
    assert quality == {"missing_share", "type_mismatch_share"}
    assert {alert["rule"] for alert in run.alerts} == {"data_drift"}


def test_no_change_is_quiet_and_reads_the_same_again(world: World) -> None:
    world.reference(vectors(T0, 14, seed=1))
    world.post(vectors(START, 3, seed=2))
    found = one(world.read(START + 3 * D), metric="mean_embedding", hours=24)
    assert found["verdict"] == "ok"
    assert found["p_value"] > 0.9
    assert one(world.read(START + 3 * D), metric="mean_embedding", hours=24) == found


def test_missing_and_mismatched_vectors_are_quality(world: World) -> None:
    world.reference(vectors(T0, 14, seed=1))
    log = vectors(START, 3, seed=2)
    for i, record in enumerate(log):
        if i % 4 == 0:
            record["features"] = {**record["features"], "e": None}
        elif i % 4 == 1:
            record["features"] = {**record["features"], "e": [1.0, 2.0]}
    world.post(log)
    found = world.read(START + 3 * D)
    for metric in ("missing_share", "type_mismatch_share"):
        assert one(found, metric=metric, feature="e", hours=24)["value"] == pytest.approx(0.25)
    details = one(found, metric="type_mismatch_share", feature="e", hours=24)["details"]
    assert details["expected"] == f"vectors of {len(log[2]['features']['e'])} numbers"
    assert one(found, metric="mean_embedding", hours=24)["n_current"] == 240
    assert one(found, metric="mean_embedding", hours=24)["verdict"] == "ok"


def test_a_pinned_reference_and_segments(world: World) -> None:
    def sliced(records: list[Record]) -> list[Record]:
        return [{**record, "segments": {"side": "ab"[i % 2]}} for i, record in enumerate(records)]

    world.configure(segments=["side"])
    world.post(sliced(vectors(T0, 14, seed=1)))
    world.pin(T0, START)
    world.post(sliced(vectors(START, 3, seed=2, shift=1.5)))
    found = world.read(START + 3 * D)
    told = matching(found, metric="mean_embedding", hours=24)
    assert [(r["segment"], r["verdict"]) for r in told] == [(None, "critical")]
    assert matching(found, check="data_drift", segment="side=a", feature="x")


def test_methods_leave_vectors_out_and_the_classifier_does_not(drifted: World) -> None:
    drifted.configure(
        checks=[
            {"name": "own", "kind": "data_drift", "method": "psi", "threshold": {"warning": 0.2}},
            {"name": "all", "kind": "data_drift", "method": "domain_classifier", "threshold": {"warning": 0.6}},
        ]
    )
    found = drifted.read(START + 3 * D)
    assert {r["feature"] for r in matching(found, check="own")} == {"x"}
    told = one(found, check="all")
    assert told["verdict"] == "warning"
    assert next(iter(told["details"]["features"])) == "e"


def test_the_page_shows_how_far_they_moved_and_no_histogram(drifted: World) -> None:
    drifted.run(START + 3 * D)
    page = build_page.build_feature(drifted.service, Viewer(START + 3 * D + H), drifted.model, "e", {})
    assert 'data-for="feature_drift"' in page
    assert 'data-for="distribution"' not in page
    assert 'data-for="categories"' not in page
    assert "mean embedding" in page
    sides = distributions(drifted.service, drifted.model, "e", now=NOW)
    assert sides["type"] == "embedding"
    assert sides["distances"] == {}


def test_importing_parquet(world: World, tmp_path: Any) -> None:
    from monitor.cli.import_files import _load
    from monitor.store.server_time import ServerTime

    rows = vectors(T0, 1, seed=3)
    file = tmp_path / "rows.parquet"
    frame = {"id": [r["id"] for r in rows], "timestamp": [r["timestamp"] for r in rows]}
    pq.write_table(pa.table({**frame, "feature.e": [r["features"]["e"] for r in rows], "prediction": [1] * 480}), file)
    assert ROWS > 480
    here = world.service, ServerTime(world.service.database)
    assert _load(here, world.model, file, "predictions") == "480 accepted, 0 duplicates, 0 rejected"
    assert stored(world, rows[7]["id"]) == pytest.approx(rows[7]["features"]["e"], abs=1e-6)
