"""What is read into structs made for a body's keys is what is read into dicts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import BadRequest
from monitor.ingest.alike import read_alike
from monitor.ingest.bodies import PIECE, SMALL, from_json, from_lines
from monitor.ingest.records import columns_of, read_json, read_lines
from tests.monitor.ingest.test_pieces import contents

TEXTS = st.sampled_from(["a", "", "}, {", '"},{"', "]", "ü", "\n", "\\", "2026-01-01T10:20:00Z"])
NUMBERS = st.one_of(st.integers(-(10**25), 10**25), st.floats(allow_nan=False, allow_infinity=False), st.just(-0.0))
OF_KIND = {"number": NUMBERS, "text": TEXTS, "flag": st.booleans(), "list": st.lists(st.floats(-9, 9), max_size=3)}
ODD = st.one_of(NUMBERS, TEXTS, st.booleans(), st.none(), st.just([1, "x"]), st.just({"deep": [{}, {}]}))


@st.composite
def records(draw: st.DrawFn) -> list[Any]:
    """Records of the same keys, most of the same kinds of value; a value may be null or missing, and a few are odd."""
    names = st.sampled_from(["x", "y z", "c0", "}, {", "ü", ""])
    groups = {
        "features": draw(st.dictionaries(names, st.sampled_from([*OF_KIND]), max_size=4)),
        "segments": draw(st.dictionaries(names, st.just("text"), max_size=2)),
        "metrics": draw(st.dictionaries(names, st.just("number"), max_size=2)),
    }
    classes = draw(st.one_of(st.none(), st.dictionaries(st.sampled_from(["a", "1", "1.0"]), st.just("number"))))
    rows: list[Any] = []
    for row in range(draw(st.integers(2, 12))):
        one: dict[str, Any] = {
            "id": f"r{row}",
            "timestamp": "2026-01-01T10:20:00Z",
            "prediction": draw(OF_KIND["flag"]),
        }
        for name, keys in groups.items():
            one[name] = {key: draw(OF_KIND[kind]) for key, kind in keys.items() if draw(st.integers(0, 9))}
        one["probability"] = 0.5 if classes is None else {key: draw(st.floats(0, 1)) for key in classes}
        rows.append(one)
    for _ in range(draw(st.integers(0, 2))):
        one = rows[draw(st.integers(0, len(rows) - 1))]
        inner = one.get(draw(st.sampled_from([*groups])))
        where = inner if isinstance(inner, dict) and draw(st.booleans()) else one
        where[draw(st.sampled_from(["x", "id", "timestamp", "prediction", "features"]))] = draw(ODD)
    return rows


@settings(deadline=None, max_examples=150)
@given(records(), st.sampled_from([1, 200, 2000]), st.sampled_from([None, (",", ":"), (" ,\n\t", " : ")]))
def test_bodies_in_pieces_are_the_bodies_whole(sent: list[Any], piece: int, marks: tuple[str, str] | None) -> None:
    body = json.dumps(sent, separators=marks).encode()
    whole = contents(columns_of([read_json(body)]))
    assert contents(from_json(body, piece)) == whole
    assert contents(from_json(b' { "records" : %b } ' % body, piece)) == whole
    lines = "\n\n".join(map(json.dumps, sent)).encode()
    assert contents(from_lines(lines, piece)) == contents(columns_of([read_lines(lines)]))


@settings(deadline=None, max_examples=150)
@given(records(), st.booleans())
def test_columns_that_are_read_at_once_are_those_of_dicts_in_their_order(sent: list[Any], lines: bool) -> None:
    text = "\n".join(map(json.dumps, sent)) if lines else json.dumps(sent)
    body = text.encode()
    found = read_alike(body, body, lines=lines)
    if found is None:
        return
    raw = columns_of([read_lines(body) if lines else read_json(body)])
    assert found[0] == len(raw)
    assert list(found[1][1]) == list(raw.columns)
    assert found[1] == (raw.fields, raw.columns)


def large(rows: int = 2000) -> list[dict[str, Any]]:
    return [
        {"id": f"r{row}", "features": {"x": row / 3, "n": row, "c": "ab"[row % 2], "f": row % 3 == 0, "none": None}}
        for row in range(rows)
    ]


def test_that_is_how_large_bodies_are_read() -> None:
    body = json.dumps(large()).encode()
    assert SMALL < len(body) < PIECE
    assert read_alike(body, json.dumps(large(20)).encode(), lines=False) is not None
    assert read_alike(body, b"[]", lines=False) is None
    raw = from_json(body)
    assert raw.columns == columns_of([read_json(body)]).columns
    assert json.loads(raw.payload(1234)) == json.loads(columns_of([read_json(body)]).payload(1234))


def test_one_that_is_unlike_the_first_is_read_all_the_same() -> None:
    sent = large()
    sent[1700]["features"]["x"] = "text"
    sent[1800]["features"]["new"] = 1
    body = json.dumps(sent).encode()
    assert read_alike(body, json.dumps(large(20)).encode(), lines=False) is None
    assert from_json(body).columns == columns_of([read_json(body)]).columns


@pytest.mark.parametrize(
    "broken", ["[{}, {}", '[{"id": "a"}, {"id": }]', '{"records": [{}, {}]', "[{}, {}]}", "[{}\v, {}]"]
)
def test_what_is_no_json_is_refused_in_pieces_too(broken: str) -> None:
    with pytest.raises(BadRequest):
        from_json(broken.encode(), 1)
