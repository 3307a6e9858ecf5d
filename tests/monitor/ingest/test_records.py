from __future__ import annotations

import json
import math

import pytest

from monitor.errors import BadRequest, TooLarge
from monitor.ingest import conform
from monitor.ingest.bodies import from_json, from_lines
from tests.monitor.posting import NOW


def test_the_quick_and_the_careful_way_agree() -> None:
    records = [
        {"id": "a", "features": {"x": 1, "c": "u"}, "prediction": 0.5, "probability": 0.5},
        {"id": "b", "features": {"c": "v", "y": None}, "prediction": 1, "probability": {"late": 1}},
    ]
    quick = from_json(json.dumps(records).encode())
    careful = from_json(json.dumps([{**one, "unknown": 1} for one in records]).encode())
    assert quick.fields == careful.fields
    assert quick.columns == careful.columns
    assert careful.warnings == ["unknown keys are ignored: unknown"]


def test_kinds_are_kept_apart() -> None:
    column = from_json(b'[{"features":{"x":1}},{"features":{"x":true}},{"features":{"x":"1"}}]').columns["feature", "x"]
    assert (column.number is not None, column.boolean is not None, column.string is not None) == (True, True, True)
    mixed = from_json(b'[{"features":{"x":1.5}},{"features":{"x":true}}]').columns["feature", "x"]
    assert mixed.number is not None
    assert mixed.number.to_pylist() == [1.5, None]


def test_numbers_beyond_json() -> None:
    text = b'[{"features":{"x":NaN}},{"features":{"x":-Infinity}},{"features":{"x":1e999}},{"features":{"x":%s}}]'
    column = from_json(text % (b"9" * 400)).columns["feature", "x"]
    assert column.number is not None
    values = column.number.to_pylist()
    assert math.isnan(values[0])
    assert values[1:] == [-math.inf, math.inf, math.inf]


def test_half_surrogates_become_replacement_characters() -> None:
    sent = from_json(rb'{"id":"\ud800x","features":{"\udfff":1}}')
    assert sent.sent("id").string is not None
    assert "\ud800" not in str(sent.sent("id").string)
    assert ("feature", "\ufffd") in sent.columns


def test_ids_that_half_surrogates_would_make_one_are_rejected() -> None:
    rows = b",".join(
        rb'{"id":"%b","timestamp":"2026-01-31"}' % one for one in (rb"q\ud800", rb"q\ud801", rb"\ud83d\ude00")
    )
    found = conform.predictions(from_json(b"[%b]" % rows), NOW)
    assert found.ids.to_pylist() == ["\U0001f600"]
    assert [(one.row, one.field) for one in found.rejects] == [(0, "id"), (1, "id")]


def test_lines_that_cannot_be_read_are_rejected_rows() -> None:
    raw = from_lines(b'{"id":"a"}\n\n{"id":\n\xff\n[1]\n{"id":"b"}')
    assert raw.positions.tolist() == [0, 4]
    assert [(reject.row, reject.reason) for reject in raw.rejects] == [
        (1, "the line is no JSON"),
        (2, "the line is no JSON"),
        (3, "a record must be an object"),
    ]
    assert raw.rejects[0].payload == '{"id":'


def test_depth_is_bounded_at_32() -> None:
    at_32 = b'{"id":' + b"[" * 31 + b"]" * 31 + b"}"
    assert len(from_json(at_32)) == 1
    with pytest.raises(BadRequest) as caught:
        from_json(b"[" + at_32 + b"]")
    assert caught.value.code == "too_deep"


def test_sparse_columns_cannot_multiply() -> None:
    rows = [{"id": "a", "features": {f"f{number}": 1}} for number in range(5001)]
    with pytest.raises(TooLarge):
        from_json(json.dumps(rows).encode())
