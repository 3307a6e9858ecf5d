from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import json
import select
import socket
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from monitor.service import Service
from tests.monitor.api.serving import ingest_app, serving
from tests.stores import new_service

T = "2026-01-01T10:20:00Z"
MAX_BODY = 200_000
JSON, NDJSON = "application/json", "application/x-ndjson"
ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"


@pytest.fixture(scope="module")
def url(on_each_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    service = new_service(tmp_path_factory.mktemp("ingest"))
    with serving(ingest_app(replace(service, settings=replace(service.settings, max_body=MAX_BODY)))) as address:
        yield address
    service.database.close()


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    return (f"m{number}" for number in itertools.count())


@pytest.fixture
def http(url: str, names: Iterator[str]) -> Iterator[httpx.Client]:
    """A client of a model that nobody posted to yet."""
    with httpx.Client(base_url=f"{url}/v1/models/{next(names)}", timeout=20) as client:
        yield client


def post(
    http: httpx.Client, body: bytes | object, kind: str = JSON, path: str = "/predictions", **headers: str
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http.post(path, content=content, headers={"Content-Type": kind, **headers})


def record(id_: str) -> dict[str, object]:
    return {"id": id_, "timestamp": T, "features": {"x": 1.5, "c": "u"}, "prediction": "late"}


def arrow(table: pa.Table, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


TABLE = pa.table(
    {"id": ["t1", "t2"], "timestamp": [T, T], "feature.x": [1, 2], "c": ["u", None], "prediction": ["a", "b"]}
)


@pytest.mark.parametrize(
    ("body", "kind", "rows"),
    [
        (json.dumps(record("a")).encode(), JSON, 1),
        (json.dumps([record("a"), record("b")]).encode(), JSON + "; charset=utf-8", 2),
        (json.dumps({"records": [record("a")]}).encode(), JSON, 1),
        (b"\xef\xbb\xbf" + json.dumps(record("a")).encode() + b"\n\n" + json.dumps(record("b")).encode(), NDJSON, 2),
        (arrow(TABLE), ARROW, 2),
        (arrow(TABLE, "zstd"), ARROW, 2),
        (arrow(TABLE, "lz4"), ARROW, 2),
        (parquet(TABLE), PARQUET, 2),
        (b"id,timestamp,x,c\nt1,2026-01-01,1.5,\nt2,2026-01-01,,u\n", "text/csv", 2),
        (b"[]", JSON, 0),
        (b"", NDJSON, 0),
        (arrow(TABLE.slice(0, 0)), ARROW, 0),
        (b"id,timestamp\n", "text/csv", 0),
    ],
)
def test_every_type_of_body(http: httpx.Client, body: bytes, kind: str, rows: int) -> None:
    reply = post(http, body, kind)
    assert (reply.status_code, reply.json()["accepted"]) == (200, rows)
    assert post(http, body, kind).json()["duplicates"] == rows


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_encodings(http: httpx.Client, encoding: str, pack: object) -> None:
    assert callable(pack)
    body = pack(json.dumps(record("a")).encode())
    assert post(http, body, **{"Content-Encoding": encoding}).status_code == 200
    assert post(http, body[:-9], **{"Content-Encoding": encoding}).status_code == 400
    assert post(http, b"plain", **{"Content-Encoding": encoding}).status_code == 400
    bomb = post(http, pack(b" " * 50_000_000), **{"Content-Encoding": encoding})
    assert (bomb.status_code, bomb.json()["error"]["code"]) == (413, "too_large")
    assert post(http, pack(b"[]") + pack(b" \n"), **{"Content-Encoding": encoding}).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", JSON, 400),
        (b"{", JSON, 400),
        (b"5", JSON, 400),
        (b'{"records": 1}', JSON, 400),
        (b"\xff\xfe", JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b'{"id":' + b"[" * 32 + b"]" * 32 + b"}", JSON, 400),
        (b'{"a":' + b"[" * 33 + b"]" * 33 + b"}\n", NDJSON, 400),
        (b"no arrow", ARROW, 400),
        (arrow(TABLE)[:-40], ARROW, 400),
        (b"PAR1 no parquet PAR1", PARQUET, 400),
        (b"", "text/csv", 400),
        (b"\xff\xfe,x\n1,2", "text/csv", 400),
        (b"[]", "text/plain", 415),
        (b"[]", "application/json; charset=latin-1", 415),
        (b" " * (MAX_BODY + 1), JSON, 413),
        (b"{}", JSON, 422),
        (b"broken", NDJSON, 422),
        (b'["a"]', JSON, 422),
    ],
)
def test_bodies_that_are_refused(http: httpx.Client, body: bytes, kind: str, status: int) -> None:
    reply = post(http, body, kind)
    assert reply.status_code == status
    error = reply.json()["error"]
    assert error["code"]
    assert error["message"]


def test_unknown_encoding_is_415(http: httpx.Client) -> None:
    assert post(http, b"[]", **{"Content-Encoding": "br"}).status_code == 415


def test_columns_that_unpack_to_too_much_are_413(http: httpx.Client) -> None:
    ids = pa.array([str(row) for row in range(400)])
    big = pa.DictionaryArray.from_arrays(pa.array([0] * 400, pa.int8()), pa.array(["x" * 10_000]))
    table = pa.table({"id": ids, "timestamp": [T] * 400, "c": big})
    zeros = pa.table({"c": pa.array([0.0] * 1_000_000)})
    assert post(http, arrow(table), ARROW).status_code == 413
    assert post(http, parquet(table), PARQUET).status_code == 413
    assert post(http, arrow(zeros, "zstd"), ARROW).status_code == 413
    wide = pa.table({f"c{number}": pa.array([], pa.float64()) for number in range(5001)})
    assert post(http, ",".join(wide.column_names).encode(), "text/csv").status_code == 413


def test_a_body_announced_too_large_is_refused_unread(http: httpx.Client) -> None:
    address = urlsplit(str(http.base_url))
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(
            b"POST /v1/models/m/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999\r\n\r\n"
        )
        assert b" 413 " in connection.recv(200)


def test_too_much_at_once_is_429(service: Service) -> None:
    app = ingest_app(replace(service, settings=replace(service.settings, max_body=100)))
    head = b"POST /v1/models/m/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n"
    with serving(app) as url, contextlib.ExitStack() as stack:
        address = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
        slow = [stack.enter_context(socket.create_connection(address, timeout=10)) for _ in range(5)]
        for connection in slow:  # four unfinished bodies of nearly the greatest size fill the room
            connection.sendall(head + b"x" * 99)
        ready, _, _ = select.select(slow, [], [], 10)
        answer = ready[0].recv(1000)
    assert b" 429 " in answer
    assert b"retry-after: 1" in answer.lower()


def test_labels_quarantine_and_one_prediction(http: httpx.Client) -> None:
    post(http, [record("a/1"), {"id": "x"}, {"id": "y"}, {"id": "z"}])
    told = post(http, [{"id": "a/1", "label": "late", "timestamp": T}, {"id": "b", "label": 1}], path="/labels").json()
    assert (told["accepted"], told["unmatched"]) == (2, 1)
    found = http.get("/predictions/a%2F1").json()
    assert (found["timestamp"], found["features"]) == (T, {"x": 1.5, "c": "u"})
    assert found["labels"] == [{"label": "late", "timestamp": T, "arrived_at": "2026-06-01T12:00:00Z"}]
    first = http.get("/quarantine", params={"limit": 2}).json()
    rest = http.get("/quarantine", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["id"] for item in (*first["items"], *rest["items"])] == ["z", "y", "x"]
    assert rest["next_cursor"] is None
    assert set(first["items"][0]) == {"kind", "arrived_at", "row", "id", "field", "reason", "payload"}


def test_what_is_not_there_is_404(http: httpx.Client) -> None:
    assert http.get("/predictions/a").status_code == 404
    assert http.get("/quarantine").status_code == 404
    post(http, record("a"))
    assert http.get("/predictions/b").status_code == 404
    assert http.get("/quarantine", params={"limit": "many"}).status_code == 422
