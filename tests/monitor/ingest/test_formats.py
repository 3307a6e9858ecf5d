"""However rows are posted, the store holds the same."""

from __future__ import annotations

import io
import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import HOUR, parse
from tests.monitor.posting import Poster
from tests.stores import new_service

FORMATS = ("json", "ndjson", "arrow", "parquet", "csv")
TYPES = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
}
START = "2026-01-01T00:00:00Z"

row = st.fixed_dictionaries(
    {
        "hour": st.integers(0, 30),
        "x": st.one_of(st.none(), st.floats(width=32, allow_nan=False)),
        "n": st.one_of(st.none(), st.integers(-(2**60), 2**60)),
        "c": st.one_of(st.none(), st.sampled_from(["a b", 'q"u', "ü", "1x", "a\nb"])),
        "b": st.one_of(st.none(), st.booleans()),
        "prediction": st.sampled_from(["early", "late"]),
        "p": st.floats(0, 1),
        "version": st.one_of(st.none(), st.sampled_from(["v1", "v2"])),
    }
)


def records(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": f"r{number}",
            "timestamp": f"2026-01-{1 + one['hour'] // 24:02}T{one['hour'] % 24:02}:00:00Z",
            "version": one["version"],
            "features": {name: one[name] for name in ("x", "n", "c", "b")},
            "prediction": one["prediction"],
            "probability": {"late": one["p"]},
            "segments": {"s": one["prediction"]},
        }
        for number, one in enumerate(rows)
    ]


def body(given: list[dict[str, Any]], kind: str) -> bytes:
    if kind == "json":
        return json.dumps(given).encode()
    if kind == "ndjson":
        return "\n".join(map(json.dumps, given)).encode()
    table = _table(given)
    sink = io.BytesIO()
    if kind == "arrow":
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    elif kind == "parquet":
        pq.write_table(table, sink)
    else:
        pc_csv.write_csv(table, sink)
    return sink.getvalue()


def _table(given: list[dict[str, Any]]) -> pa.Table:
    columns = {
        "prediction_id": [one["id"] for one in given],
        "timestamp": [one["timestamp"] for one in given],
        "model_version": pa.array([one["version"] for one in given], pa.string()),
        "feature.x": pa.array([one["features"]["x"] for one in given], pa.float64()),
        "n": pa.array([one["features"]["n"] for one in given], pa.int64()),
        "c": pa.array([one["features"]["c"] for one in given], pa.string()),
        "feature.b": pa.array([one["features"]["b"] for one in given], pa.bool_()),
        "prediction": [one["prediction"] for one in given],
        "probability.late": [one["probability"]["late"] for one in given],
        "segment.s": [one["segments"]["s"] for one in given],
    }
    return pa.table(columns)


@pytest.fixture(scope="module")
def posters(engine_of_rows: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Poster]]:
    """A new model of one service each time, on each engine."""
    service = new_service(tmp_path_factory.mktemp("formats"))
    yield (Poster(service, f"m{number}") for number in itertools.count())
    service.close()


def stored(poster: Poster, bodies: list[tuple[bytes, str]]) -> tuple[list[dict[str, Any]], dict[int, bool]]:
    """Everything the store knows of a model after these bodies."""
    for content, kind in bodies:
        told = poster.predictions(content, TYPES[kind])
        assert told["rejected"] == 0
    first = parse(START) // HOUR
    observations = poster.service.observations
    with poster.service.database.read() as connection:
        model = poster.found(connection)
        tables = list(observations.read(connection, model.stored, first, first + 31, model.columns))
        ids = [id_ for table in tables for id_ in table["id"].to_pylist()]
        rows = [observations.get(connection, model.stored, id_) for id_ in ids]
    dirty = poster.dirty()
    for one in rows:
        assert one is not None
        one["features"] = {name: value for name, value in one["features"].items() if value is not None}
    return [one for one in rows if one is not None], dirty


@pytest.mark.parametrize("kind", FORMATS[1:])
@given(rows=st.lists(row, min_size=1, max_size=12))
@settings(max_examples=6, deadline=None)
def test_formats_are_equal(posters: Iterator[Poster], kind: str, rows: list[dict[str, Any]]) -> None:
    given_ = records(rows)
    as_json = stored(next(posters), [(body(given_, "json"), "json")])
    assert stored(next(posters), [(body(given_, kind), kind)]) == as_json


@given(rows=st.lists(row, min_size=2, max_size=12), seed=st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_order_and_splitting_do_not_matter(posters: Iterator[Poster], rows: list[dict[str, Any]], seed: int) -> None:
    given_ = records(rows)
    mixed = random.Random(seed)
    shuffled = mixed.sample(given_, len(given_))
    cut = mixed.randrange(1, len(given_))
    parts = [(body(some, kind), kind) for some in (shuffled[:cut], shuffled[cut:]) for kind in [mixed.choice(FORMATS)]]
    assert stored(next(posters), parts) == stored(next(posters), [(body(given_, "json"), "json")])
