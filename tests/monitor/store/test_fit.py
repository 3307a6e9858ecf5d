from __future__ import annotations

import json
from typing import Any

import pytest

from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.store.observations.base import PredictionBatch, StoredColumn
from monitor.store.observations.fit import fit, new_columns
from monitor.store.observations.odd import odd_codes
from tests.monitor.posting import LIMIT, NOW


def fitted(known: tuple[StoredColumn, ...], *values: Any, key: str = "prediction") -> PredictionBatch:
    rows = [{"id": str(row), "timestamp": "2026-01-01", key: value} for row, value in enumerate(values)]
    raw = decode(json.dumps(rows).encode(), "application/json", None, "predictions", LIMIT)
    return fit(conform.predictions(raw, NOW), known)[0]


@pytest.mark.parametrize(
    ("storage", "values", "held", "odd"),
    [
        ("number", [1, "1.5", True, "x", [1]], [1.0, 1.5, 1.0, None, None], [3, 4]),
        ("string", ["a", 1.0, 0.5, False, {"a": 1}], ["a", "1", "0.5", "0", None], [4]),
        ("boolean", [True, 0, "1", 2, "yes"], ["true", "false", "true", None, None], [3, 4]),
    ],
)
def test_predictions_convert_where_their_canonical_form_allows(
    storage: Any, values: list[Any], held: list[Any], odd: list[int]
) -> None:
    batch = fitted((StoredColumn("prediction", "", 0, storage),), *values)
    assert batch.columns[0].to_pylist() == held
    assert odd_codes(batch.odd, "c0")[0].tolist() == odd


def test_segments_are_texts() -> None:
    values = [{"s": "a"}, {"s": 5}, {"s": True}, {"s": None}, {"s": float("nan")}]
    batch = fitted((StoredColumn("segment", "s", 0, "string"),), *values, key="segments")
    assert batch.columns[0].to_pylist() == ["a", "5", "true", None, None]
    assert odd_codes(batch.odd, "c0")[1].tolist() == [2]


def test_probabilities_outside_0_and_1_are_mismatches() -> None:
    batch = fitted((StoredColumn("probability", "", 0, "number"),), 0, 1, 1.01, -0.01, "0.5", key="probability")
    assert batch.columns[0].to_pylist() == [0, 1, None, None, None]
    assert odd_codes(batch.odd, "c0")[0].tolist() == [2, 3, 4]


def test_a_column_is_of_the_type_of_most_values() -> None:
    body = b"id,timestamp,x,b,c,empty\n1,2026-01-01,1,True,u,\n2,2026-01-01,2.5,false,1,\n3,2026-01-01,x,,v,\n"
    arriving = conform.predictions(decode(body, "text/csv", None, "predictions", LIMIT), NOW)
    columns = new_columns(arriving, (), {})
    assert {column.name: column.storage for column in columns} == {"x": "number", "b": "boolean", "c": "string"}
    batch, _ = fit(arriving, columns)
    held = dict(zip((column.name for column in columns), (array.to_pylist() for array in batch.columns), strict=True))
    assert held == {"x": [1, 2.5, None], "b": ["true", "false", None], "c": ["u", "1", "v"]}


def test_what_is_warned_of_are_mismatches_and_not_nan() -> None:
    known = (StoredColumn("feature", "x", 0, "number"),)
    values = [float("nan"), 1.5, "x", float("inf"), [1]]
    rows = [{"id": str(row), "timestamp": "2026-01-01", "features": {"x": value}} for row, value in enumerate(values)]
    raw = decode(json.dumps(rows).encode(), "application/json", None, "predictions", LIMIT)
    batch, warnings = fit(conform.predictions(raw, NOW), known)
    assert odd_codes(batch.odd, "c0")[1].tolist() == [2, 1, 1]
    (warning,) = warnings
    assert warning.startswith("features.x: 2 values are no usable numbers")
    nan_only = decode(json.dumps(rows[:2]).encode(), "application/json", None, "predictions", LIMIT)
    assert not [text for text in fit(conform.predictions(nan_only, NOW), known)[1] if "mismatch" in text]


def test_rows_with_a_long_name_each_go_in_few_parts_and_those_with_many_in_more() -> None:
    def parts(names: int, rows: int) -> list[int]:
        sent = [
            {
                "id": str(row),
                "timestamp": "2026-01-01",
                "features": {f"{(row + place) % names}{'x' * 6400}": 1 for place in range(names // rows or names)},
            }
            for row in range(rows)
        ]
        raw = decode(json.dumps(sent).encode(), "application/json", None, "predictions", LIMIT)
        return [len(part.ids) for part in conform.predictions(raw, NOW).parts(1000)]

    assert parts(20, 20) == [8, 8, 4]  # 6 and 20 columns and a name that weighs 100, in each row
    assert parts(10, 12) == [1] * 12
