"""How fast rows come in, as a share of floors measured in the same run.

    python -m bench.ingest [--rows 5000] [--posts 12] [--features 20] [--engine sqlite|postgres]

Posts of 20 features with unique ids go over a real socket to the service in a process of its own; an answer means
that the rows are on disk. Floors: decoding the same bodies alone, and inserting the same rows straight into a bare
table of the same engine with the same unique key and the same durability, from tuples made beforehand (PostgreSQL: by
COPY). Rounds of all are
interleaved, so that a busy machine slows them alike, and the median post of each counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import uvicorn

from tests.ports import free_port
from tests.postgres import Databases, server

FORMATS = {
    "JSON": "application/json",
    "NDJSON": "application/x-ndjson",
    "Arrow": "application/vnd.apache.arrow.stream",
    "Parquet": "application/vnd.apache.parquet",
}
NUMBERS, TEXTS = 16, 4
START = 1_700_000_000_000_000
LIMIT = 1 << 28


def make_rows(count: int, post: int) -> pa.Table:
    """Rows of one post: random ids, a second apart."""
    random = np.random.default_rng(post)
    columns: dict[str, Any] = {
        "id": [f"{random.integers(1 << 60):015x}-{post}-{row}" for row in range(count)],
        "timestamp": pa.array(START + (np.arange(count) + post * count) * 1_000_000, pa.timestamp("us", "UTC")),
        "version": ["v1"] * count,
        "prediction": random.integers(0, 2, count),
        "probability": random.random(count),
    }
    columns |= {f"feature.n{number}": random.normal(size=count) for number in range(NUMBERS)}
    columns |= {f"feature.t{number}": random.choice(["red", "green", "blue"], count) for number in range(TEXTS)}
    return pa.table(columns)


def make_body(table: pa.Table, form: str) -> bytes:
    """The same rows in one of the formats."""
    if form == "JSON":
        return json.dumps(_records(table)).encode()
    if form == "NDJSON":
        return "\n".join(map(json.dumps, _records(table))).encode()
    sink = BytesIO()
    if form == "Parquet":
        pq.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def _records(table: pa.Table) -> list[dict[str, Any]]:
    return [
        {
            **{name: row[name] for name in ("id", "version", "prediction", "probability")},
            "timestamp": row["timestamp"].isoformat(),
            "features": {name[8:]: value for name, value in row.items() if name.startswith("feature.")},
        }
        for row in table.to_pylist()
    ]


def serve(home: str, port: int, url: str | None) -> None:
    """The service, on an empty store."""
    from monitor.api.app import create_app
    from monitor.api.front import Front
    from monitor.bootstrap import build
    from monitor.settings import load

    app = create_app(build(load({}, home=home, port=port, database_url=url)))
    uvicorn.run(Front(app), host="127.0.0.1", port=port, log_level="warning")


def bare_table(path: Path) -> sqlite3.Connection:
    """A table like the store's own, with nothing around it."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    numbers = ",".join(f"n{number} REAL" for number in range(NUMBERS + 2))
    texts = ",".join(f"t{number} TEXT" for number in range(TEXTS))
    connection.execute(f"CREATE TABLE bare (id TEXT NOT NULL UNIQUE, ts BIGINT, version TEXT, {numbers}, {texts})")
    return connection


def bare_postgres(url: str) -> psycopg.Connection[Any]:
    """The like on a server."""
    connection = psycopg.connect(url)
    numbers = ",".join(f"n{number} DOUBLE PRECISION" for number in range(NUMBERS + 2))
    texts = ",".join(f't{number} TEXT COLLATE "C"' for number in range(TEXTS))
    key = 'id TEXT COLLATE "C" NOT NULL UNIQUE'
    connection.execute(f"CREATE TABLE bare ({key}, ts BIGINT, version TEXT, {numbers}, {texts})")
    connection.commit()
    return connection


def copy_in(connection: psycopg.Connection[Any], rows: list[tuple[Any, ...]]) -> None:
    """One durable COPY."""
    with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    connection.commit()


def insert(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    """One durable bulk insert."""
    connection.execute("BEGIN IMMEDIATE")
    marks = ",".join("?" * len(rows[0]))
    connection.executemany(f"INSERT OR IGNORE INTO bare VALUES ({marks})", rows)
    connection.execute("COMMIT")


def tuples(table: pa.Table) -> list[tuple[Any, ...]]:
    """Rows as the driver takes them."""
    plain = table.set_column(1, "timestamp", table["timestamp"].cast(pa.int64()))
    return list(zip(*(column.to_pylist() for column in plain.columns), strict=True))


def decode_alone(body: bytes, form: str) -> None:
    """Read a body into columns, no more."""
    from monitor.ingest.decode import decode

    decode(body, FORMATS[form], None, "predictions", LIMIT)


def post(http: httpx.Client, body: bytes, form: str, rows: int) -> None:
    """One post, answered when it is durable."""
    reply = http.post("/v1/models/bench/predictions", content=body, headers={"Content-Type": FORMATS[form]})
    if reply.status_code != 200 or reply.json()["accepted"] != rows:
        raise SystemExit(f"the service answered {reply.status_code}: {reply.text[:300]}")


def timed(times: dict[str, list[float]], name: str, action: Callable[..., None], *arguments: Any) -> None:
    """Note how long an action took."""
    start = time.perf_counter()
    action(*arguments)
    times.setdefault(name, []).append(time.perf_counter() - start)


def measure(rows: int, posts: int, home: Path, url: str | None, http: httpx.Client) -> dict[str, list[float]]:
    """Seconds of each post and each floor, round by round; the first round warms up and does not count."""
    times: dict[str, list[float]] = {}
    bare: Any = bare_table(home / "bare.db") if url is None else bare_postgres(url)
    put: Callable[..., None] = insert if url is None else copy_in
    for round_ in range(posts + 1):
        noted = times if round_ else {}
        # In another order each round: what one post leaves behind (a log to be written back) is not always the same
        # format's to bear.
        for place, form in sorted(enumerate(FORMATS), key=lambda one: (one[0] + round_) % len(FORMATS)):
            table = make_rows(rows, round_ * len(FORMATS) + place)
            body, plain = make_body(table, form), tuples(table)
            timed(noted, f"{form} decode", decode_alone, body, form)
            timed(noted, form, post, http, body, form, rows)
            timed(noted, "bare insert", put, bare, plain)
    bare.close()
    return times


def wait_until_up(http: httpx.Client) -> None:
    """Wait for the service to answer."""
    for _ in range(200):
        try:
            http.get("/livez")
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("the service did not start")


def report(times: dict[str, list[float]], rows: int) -> None:
    """Print the table."""
    floor = rows / median(times["bare insert"])
    print(f"{'':10}{'rows/s':>10}{'of bare insert':>16}{'decode alone':>14}{'of decode':>11}")
    for form in FORMATS:
        speed, decoding = rows / median(times[form]), rows / median(times[f"{form} decode"])
        print(f"{form:10}{speed:>10,.0f}{speed / floor:>15.0%} {decoding:>13,.0f} {speed / decoding:>10.0%}")
    print(f"{'bare insert':10}{floor:>9,.0f}")


@contextlib.contextmanager
def database_of(engine: str) -> Iterator[str | None]:
    """A new database that keeps what it acknowledged; None for a file of SQLite."""
    if engine == "sqlite":
        yield None
        return
    with (
        server("fsync=on", "full_page_writes=on", "shared_buffers=256MB") as address,
        contextlib.closing(Databases(address)) as databases,
    ):
        yield databases.migrated()


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--posts", type=int, default=12)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    arguments = parser.parse_args()
    global NUMBERS, TEXTS
    NUMBERS, TEXTS = arguments.features * 4 // 5, arguments.features // 5
    port = free_port()
    with tempfile.TemporaryDirectory() as home, database_of(arguments.engine) as url:
        service = multiprocessing.get_context("spawn").Process(target=serve, args=(home, port, url), daemon=True)
        service.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
                wait_until_up(http)
                report(measure(arguments.rows, arguments.posts, Path(home), url, http), arguments.rows)
        finally:
            service.terminate()
            service.join()


if __name__ == "__main__":
    main()
