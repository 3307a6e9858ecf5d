from __future__ import annotations

import datetime
import io
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest

from monitor.clock import parse
from monitor.errors import BadRequest, TooLarge
from monitor.ingest import conform, ipc, limits
from monitor.ingest.columnar import from_arrow, from_parquet
from monitor.ingest.csv_table import from_csv
from monitor.ingest.raw import Kind, RawBatch
from tests.monitor.posting import LIMIT, NOW

T = "2026-01-01T10:20:00Z"


def stream(table: pa.Table, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def file(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def both(table: pa.Table, kind: Kind = "predictions") -> list[RawBatch]:
    return [from_arrow(stream(table), kind, LIMIT), from_parquet(file(table), kind, LIMIT)]


def test_names_say_what_a_column_is() -> None:
    table = pa.table(
        {
            "prediction_id": ["a"],
            "model_version": ["v"],
            "timestamp": [T],
            "feature.age": [1],
            "bare": [2.5],
            "feature.dotted.name": [True],
            "segment.s": ["x"],
            "metric.q": [1],
            "probability": [0.5],
            "probability.1.0": [0.5],
            "prediction": ["p"],
            "label": ["truth"],
        }
    )
    for raw in both(table):
        assert set(raw.columns) == {
            ("feature", "age"),
            ("feature", "bare"),
            ("feature", "dotted.name"),
            ("segment", "s"),
            ("metric", "q"),
            ("probability", ""),
            ("probability", "1"),
            ("prediction", ""),
        }
        assert set(raw.fields) == {"id", "version", "timestamp"}
        assert raw.warnings == ["columns that mean nothing here are ignored: label"]


def test_structs_are_taken_apart() -> None:
    rows = [{"id": "a", "timestamp": T, "features": {"x": 1, "c": "u"}, "segments": {"s": "t"}}, {"id": "b"}]
    for raw in both(pa.Table.from_pylist(rows)):
        assert set(raw.columns) == {("feature", "x"), ("feature", "c"), ("segment", "s")}
        assert [part.to_pylist() for _, part in raw.columns["feature", "c"].parts()] == [["u", None]]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "+05:00"])
def test_times_of_any_unit_and_zone(unit: str, zone: str | None) -> None:
    moments = pa.array([parse(T), None]).cast(pa.timestamp("us", zone)).cast(pa.timestamp(unit, zone))
    for raw in both(pa.table({"id": [7, 8], "timestamp": moments})):
        good = conform.predictions(raw, NOW)
        assert (good.ids.to_pylist(), good.timestamps.tolist()) == (["7"], [parse(T)])
        assert (good.rejects[0].row, good.rejects[0].id, good.rejects[0].field) == (1, "8", "timestamp")


def test_numbers_are_no_times_and_dates_are() -> None:
    numbers = pa.table({"id": ["a"], "timestamp": [1_767_262_800]})
    dates = pa.table({"id": ["a"], "timestamp": pa.array([datetime.date(2026, 1, 1)])})
    for raw in both(numbers):
        assert conform.predictions(raw, NOW).rejects[0].field == "timestamp"
    for raw in both(dates):
        assert conform.predictions(raw, NOW).timestamps.tolist() == [parse("2026-01-01")]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pa.array([1, None], pa.uint64()), "number", [1.0, None]),
        (pa.array([2**63 - 1, 1]), "number", [float(2**63), 1.0]),
        (pa.array([np.float16(0.5), None], pa.float16()), "number", [0.5, None]),
        (pa.array([Decimal("1.25"), None]), "number", [1.25, None]),
        (pa.array(["u", None], pa.large_string()), "string", ["u", None]),
        (pa.array(["u", None]).dictionary_encode(), "string", ["u", None]),
        (pa.array([datetime.date(2026, 1, 1), None]), "string", ["2026-01-01", None]),
        (pa.array([[1, 2], None]), "vector", [[1.0, 2.0], None]),
        (pa.array([[1, 2], None], pa.list_(pa.int64(), 2)), "vector", [[1.0, 2.0], None]),
        (pa.array([["u"], None]), "other", ['["u"]', None]),
        (pa.array([[True], None]), "other", ["[true]", None]),
        (pa.array([{"a": 1}, None]), "other", ['{"a":1}', None]),
    ],
)
def test_types_of_values(values: pa.Array, kind: str, expected: list[Any]) -> None:
    table = pa.table({"id": ["a", "b"], "timestamp": [T, T], "x": values})
    for raw in both(table):
        assert [(name, part.to_pylist()) for name, part in raw.columns["feature", "x"].parts()] == [(kind, expected)]


def test_a_damaged_stream_is_never_trusted() -> None:
    broken = pa.StringArray.from_buffers(
        2, pa.py_buffer(np.array([0, 9999, 5], np.int32)), pa.py_buffer(b"abcde"), None, 0
    )
    no_utf8 = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe"))
    for array in (broken, no_utf8):
        with pytest.raises(BadRequest):
            from_arrow(stream(pa.table({"id": array})), "predictions", LIMIT)
    whole = stream(pa.table({"id": ["a", "b"], "x": [1.0, 2.0]}), "zstd")
    for place in range(8, len(whole), 3):
        mutated = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        try:
            from_arrow(mutated, "predictions", LIMIT)
        except (BadRequest, TooLarge):
            continue


def test_the_unpacked_size_is_known_beforehand() -> None:
    table = pa.table({"x": np.zeros(100_000), "c": pa.array(["u"] * 100_000).dictionary_encode()})
    plain, packed = stream(table), stream(table, "zstd")
    assert len(packed) < len(plain) / 50
    assert 1_200_000 <= ipc.unpacked_size(packed) <= ipc.unpacked_size(plain) < 1_300_000


def test_labels_with_their_own_time() -> None:
    table = pa.table(
        {"prediction_id": [1], "timestamp": ["2025-01-01"], "label_timestamp": [T], "label": [True], "x": [1]}
    )
    for raw in both(table, "labels"):
        batch = conform.labels(raw, NOW).batch
        assert (batch.ids.to_pylist(), batch.timestamps.tolist()) == (["1"], [parse(T)])
        assert (batch.labels.to_pylist(), batch.kinds.to_pylist()) == (["1"], ["boolean"])
        assert raw.warnings == ["columns that mean nothing here are ignored: timestamp, x"]


def test_references_need_no_id_and_no_time() -> None:
    bare = pa.table({"x": [1.0, 2.0], "label": ["late", None]})
    for raw in both(bare, "references"):
        found = conform.reference(raw, NOW)
        assert (found.timed, found.labels.to_pylist(), len(found.rows.ids)) == (False, ["late", None], 2)
    timed = pa.table({"timestamp": [T, "soon"], "x": [1.0, 2.0]})
    for raw in both(timed, "references"):
        found = conform.reference(raw, NOW)
        assert (found.timed, found.rows.timestamps.tolist()) == (True, [parse(T)])
        assert [reject.row for reject in found.rows.rejects] == [1]


@pytest.mark.parametrize(
    "times",
    [
        pa.array([2**63 - 1]).cast(pa.timestamp("us")),
        pa.array([-(2**63) + 1]).cast(pa.timestamp("s")),
        pa.array([(2**64 + 1_769_860_800_000_000) // 10**6]).cast(pa.timestamp("s")),  # would come round to 2026
        pa.array([2**31 - 1], pa.int32()).cast(pa.date32()),
    ],
)
def test_times_that_python_has_no_date_for_are_rejected_as_the_numbers_that_they_are(times: pa.Array) -> None:
    sent = pa.table({"id": ["a"], "timestamp": times, "x": times})
    found = conform.predictions(from_arrow(stream(sent), "predictions", LIMIT), NOW)
    (rejected,) = found.rejects
    assert (rejected.row, rejected.field) == (0, "timestamp")
    assert str(times.cast(pa.int32() if pa.types.is_date(times.type) else pa.int64())[0].as_py()) in rejected.payload


def test_bytes_are_shown_as_their_text() -> None:
    sent = pa.table({"id": pa.array(["Zoë".encode(), b"\xff1"], pa.binary()), "timestamp": [T, T], "x": [b"a", b"b"]})
    for raw in both(sent):
        first, second = conform.predictions(raw, NOW).rejects
        assert (first.id, second.id) == ('"Zoë"', '"\\\\xff1"')  # JSON of a text: no id can be of bytes
        assert first.payload.startswith('{"id":"Zoë",')


def test_ragged_rows_of_a_csv_are_rejected() -> None:
    body = b'id,timestamp,x,x\r\na,2026-01-01,1,9\r\nb,2026-01-01\r\n"c",2026-01-01,"quoted\nline, comma",\r\n'
    good = conform.predictions(from_csv(body, "predictions"), NOW)
    assert good.warnings[0] == "columns that come twice are read once: x"
    assert (good.ids.to_pylist(), good.positions.tolist()) == (["a", "c"], [0, 2])
    assert [(reject.row, reject.payload) for reject in good.rejects] == [(1, "b,2026-01-01")]
    cells = good.columns["feature", "x"].cells
    assert cells is not None
    assert cells.to_pylist() == ["1", "quoted\nline, comma"]


@pytest.mark.parametrize("columns", [b"id,timestamp,x", b"id"])
def test_a_csv_that_ends_within_quotes_is_refused(columns: bytes) -> None:
    more = b"," * columns.count(b",")
    with pytest.raises(BadRequest, match="row 1 are never closed"):
        from_csv(columns + b"\na" + more + b'\n"b' + more + b"\nc" + more + b"\n", "predictions")
    for inches in (b'5" wide', b'"5"" wide"'):
        read = from_csv(columns + b"\n" + inches + more + b"\nc" + more, "predictions")
        assert read.sent("id").cells.to_pylist() == ['5" wide', "c"]


@pytest.mark.parametrize("form", ["arrow", "parquet", "csv"])
def test_who_allows_larger_bodies_allows_more_values(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CELLS", 100)
    table = pa.table({"id": [f"r{row}" for row in range(60)], **{f"feature.f{one}": [True] * 60 for one in range(4)}})
    sink = io.BytesIO()
    pc_csv.write_csv(table, sink)
    body = {"arrow": stream(table), "parquet": file(table), "csv": sink.getvalue()}[form]
    read = {"arrow": from_arrow, "parquet": from_parquet, "csv": from_csv}[form]
    assert len(read(body, "references", 1 << 40).positions) == 60
    with pytest.raises(TooLarge, match="60 rows of 5 columns; at most 214 values go into one"):
        read(body, "references", 1500)
