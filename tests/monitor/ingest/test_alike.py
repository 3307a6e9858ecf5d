"""What is read into structs made for a body's keys is what is read into dicts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import BadRequest
from monitor.ingest.alike import MOST_KEYS, read_alike
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
    names = st.sampled_from(["x", "y z", "c0", "}, {", "ü", "", *draw(st.sampled_from([[], ['5"', "a\\b", "\n"]]))])
    flag = draw(st.sampled_from([OF_KIND["flag"], NUMBERS]))
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
            "prediction": draw(flag),
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


def met(piece: bytes, sample: bytes, *, lines: bool = False) -> Any:
    """The columns of a piece whose shape was met before: what comes once has no struct."""
    read_alike(piece, sample, lines=lines)
    return read_alike(piece, sample, lines=lines)


@settings(deadline=None, max_examples=150)
@given(records(), st.booleans())
def test_columns_that_are_read_at_once_are_those_of_dicts_in_their_order(sent: list[Any], lines: bool) -> None:
    text = "\n".join(map(json.dumps, sent)) if lines else json.dumps(sent)
    body = text.encode()
    found = met(body, body, lines=lines)
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


FIRST = json.dumps(large(20)).encode()


def test_that_is_how_large_bodies_are_read() -> None:
    body = json.dumps(large()).encode()
    assert SMALL < len(body) < PIECE
    assert met(body, FIRST) is not None
    assert met(body, b"[]") is None
    raw = from_json(body)
    assert raw.columns == columns_of([read_json(body)]).columns
    assert json.loads(raw.payload(1234)) == json.loads(columns_of([read_json(body)]).payload(1234))


def test_one_that_is_unlike_the_first_is_read_all_the_same() -> None:
    sent = large()
    sent[1700]["features"]["x"] = "text"
    sent[1800]["features"]["new"] = 1
    body = json.dumps(sent).encode()
    assert met(body, FIRST) is None
    assert from_json(body).columns == columns_of([read_json(body)]).columns


@pytest.mark.parametrize(
    "sent",
    [
        [{"features": {f"f{key}": 1 for key in range(400)}}] + [{"features": {}}] * 5000,
        [{"features": {f"f{key}": 1 for key in range(MOST_KEYS + 1)}}] * 20,
        [{"features": {"a" * 20_000: 1}}] * 20,
        [{"features": {'5"': 1}}] * 5000,
    ],
    ids=["empty rows", "many keys", "a long key", "a quoted key"],
)
def test_what_would_take_much_room_or_no_struct_can_have_is_read_as_before(sent: list[Any]) -> None:
    body, first = json.dumps(sent).encode(), json.dumps(sent[:5]).encode()
    assert met(body, first) is None
    assert from_json(body).columns == columns_of([read_json(body)]).columns


def test_a_shape_that_is_met_once_has_no_struct() -> None:
    body = json.dumps([{"features": {"once upon a time": 1}}] * 9).encode()
    assert read_alike(body, body, lines=False) is None
    assert read_alike(body, body, lines=False) is not None


@pytest.mark.parametrize("rows", [3, 5000])
def test_a_text_that_is_no_utf8_is_an_error_of_the_sender(rows: int) -> None:
    good = json.dumps([{"id": f"r{row}", "prediction": "late"} for row in range(rows)]).encode()
    bad = good.replace(b"late", b"l\xffte", 1)
    with pytest.raises(BadRequest):
        from_json(bad)
    lines = from_lines(bad[1:-1].replace(b"}, {", b"}\n{"))
    assert (len(lines), [one.row for one in lines.rejects]) == (rows - 1, [0])


@pytest.mark.parametrize("rows", [1, 5000])
def test_depth_is_counted_from_the_outside_of_a_body(rows: int) -> None:
    deep = '{"features": {"x": ' + "[" * 29 + "]" * 29 + "}}"
    inner = ", ".join([deep] * rows)
    assert len(from_json(f"[{inner}]".encode())) == rows
    with pytest.raises(BadRequest) as caught:
        from_json(f'{{"records": [{inner}]}}'.encode())
    assert caught.value.code == "too_deep"


@pytest.mark.parametrize(
    "broken",
    ["[{}, {}", '[{"id": "a"}, {"id": }]', '{"records": [{}, {}]', "[{}, {}]}", "[{}\v, {}]", "\ufeff\ufeff[{}, {}]"],
)
def test_what_is_no_json_is_refused_in_pieces_too(broken: str) -> None:
    with pytest.raises(BadRequest):
        from_json(broken.encode(), 1)
