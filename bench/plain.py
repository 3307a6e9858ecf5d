"""JSON posts beside a plain endpoint of FastAPI, pydantic and SQLAlchemy's insert(), and beside the least that can be
done (msgspec and the driver alone): rows per second of the server.

    python -m bench.plain [--rows 5000] [--posts 20] [--features 20 200] [--engine sqlite|postgres]

The endpoints take the same bodies, one after the other from one client, and answer when the rows are in a table of
SQLite or PostgreSQL with a unique id, one column a feature, each commit synced. What counts is the time of its
processors that each endpoint's process has used (PostgreSQL's own processes are nobody's), so that a busy machine
changes little; posts to them alternate.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from bench.ingest import database_of
from tests.ports import free_port

START = "2026-01-01T{:02}:{:02}:{:02}Z"
TEXTS = ("red", "green", "blue")
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536")


def names(features: int) -> tuple[list[str], list[str]]:
    """Features that are numbers, and those that are texts."""
    numbers = features * 4 // 5
    return [f"n{place}" for place in range(numbers)], [f"t{place}" for place in range(features - numbers)]


def make_body(rows: int, features: int, post: int) -> bytes:
    """Records with ids of their own."""
    dice = random.Random(post)
    numbers, texts = names(features)
    records = []
    for row in range(rows):
        values: dict[str, Any] = {name: dice.gauss(0, 1) for name in numbers}
        values |= {name: dice.choice(TEXTS) for name in texts}
        moment = START.format(row // 3600 % 24, row // 60 % 60, row % 60)
        ends = {"version": "v1", "prediction": dice.randrange(2), "probability": dice.random()}
        records.append({"id": f"{dice.getrandbits(60):015x}-{row}", "timestamp": moment, "features": values, **ends})
    return json.dumps(records).encode()


def serve_plain(home: str, port: int, url: str | None, features: int) -> None:
    """The endpoint that one would write first."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel
    from sqlalchemy import Column, DateTime, Float, MetaData, String, Table, create_engine, event, insert

    class Record(BaseModel):
        id: str
        timestamp: datetime
        version: str | None = None
        features: dict[str, float | str | None]
        prediction: float | str | None = None
        probability: float | None = None

    numbers, texts = names(features)
    kinds = {"timestamp": DateTime, "version": String, "prediction": Float, "probability": Float}
    kinds |= dict.fromkeys(numbers, Float) | dict.fromkeys(texts, String)
    columns = [Column("id", String, primary_key=True), *(Column(name, kind) for name, kind in kinds.items())]
    table = Table("predictions", MetaData(), *columns)
    engine = create_engine(url.replace("://", "+psycopg://") if url else f"sqlite:///{home}/plain.db")

    if not url:

        @event.listens_for(engine, "connect")
        def configure(connection: Any, _record: Any) -> None:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")

    table.metadata.create_all(engine)
    app = FastAPI()

    def post(records: list[Record]) -> dict[str, int]:
        rows = [{**one.model_dump(exclude={"features"}), **one.features} for one in records]
        with engine.begin() as connection:
            connection.execute(insert(table), rows)
        return {"accepted": len(rows)}

    post.__annotations__["records"] = list[Record]  # the class is of this function, where FastAPI cannot look it up
    app.post("/v1/models/bench/predictions")(post)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def put_sqlite(home: str, columns: Sequence[str]) -> Callable[[list[tuple[Any, ...]]], None]:
    """The driver alone: one durable executemany."""
    import sqlite3

    connection = sqlite3.connect(f"{home}/least.db", check_same_thread=False)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"CREATE TABLE least ({', '.join(columns)})")
    statement = f"INSERT INTO least VALUES ({', '.join('?' * len(columns))})"

    def put(rows: list[tuple[Any, ...]]) -> None:
        with connection:
            connection.executemany(statement, rows)

    return put


def put_postgres(url: str, columns: Sequence[str]) -> Callable[[list[tuple[Any, ...]]], None]:
    """The driver alone: one durable COPY."""
    import psycopg

    connection = psycopg.connect(url)
    connection.execute(f"CREATE TABLE least ({', '.join(columns)})")
    connection.commit()

    def put(rows: list[tuple[Any, ...]]) -> None:
        with connection.cursor() as cursor, cursor.copy("COPY least FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.commit()

    return put


def serve_least(home: str, port: int, url: str | None, features: int) -> None:
    """Nothing but decoding and writing: the same table, no check of anything, each row bound by the driver."""
    import msgspec
    import uvicorn

    numbers, texts = names(features)
    number = "DOUBLE PRECISION" if url else "REAL"
    columns = ["id TEXT PRIMARY KEY", "timestamp TEXT", "version TEXT"]
    columns += [f"{name} {number}" for name in ("prediction", "probability", *numbers)]
    columns += [f"{name} TEXT" for name in texts]
    put = put_postgres(url, columns) if url else put_sqlite(home, columns)
    decoder = msgspec.json.Decoder(list[dict[str, Any]])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        records = decoder.decode(body)
        rows = [
            (one["id"], one["timestamp"], one["version"], one["prediction"], one["probability"], *features.values())
            for one in records
            for features in (one["features"],)
        ]
        put(rows)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps({"accepted": len(rows)}).encode()})

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off")


def serve_ours(home: str, port: int, url: str | None) -> None:
    """The service without its scheduler: the other endpoint counts nothing either."""
    from monitor import memory

    memory.prepare()
    import uvicorn

    from monitor.api.app import create_app
    from monitor.api.front import Front
    from monitor.bootstrap import build
    from monitor.settings import load

    app = Front(create_app(build(load({}, home=home, port=port, database_url=url))))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


@contextmanager
def running(target: Callable[..., None], home: Path, *arguments: Any) -> Iterator[tuple[httpx.Client, Any]]:
    """A client of a server of its own, and its process as psutil sees it."""
    import psutil

    port = free_port()
    service = multiprocessing.get_context("spawn").Process(target=target, args=(str(home), port, *arguments))
    service.start()
    try:
        transport = httpx.HTTPTransport(retries=10)  # with growing waits, until it is up
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300, transport=transport) as http:
            yield http, psutil.Process(service.pid)
    finally:
        service.terminate()
        service.join()


def seconds_of(process: Any, http: httpx.Client, body: bytes, rows: int) -> float:
    """Seconds of the server's processors that one post took."""
    before = process.cpu_times()
    reply = http.post("/v1/models/bench/predictions", content=body, headers={"Content-Type": "application/json"})
    if reply.status_code != 200 or reply.json()["accepted"] != rows:
        raise SystemExit(f"the service answered {reply.status_code}: {reply.text[:300]}")
    after = process.cpu_times()
    return float(after.user + after.system - before.user - before.system)


def measure(rows: int, posts: int, features: int, engine: str) -> None:
    """Print all and our ratios; the first post of each makes the table and does not count."""
    servers: dict[str, tuple[Callable[..., None], tuple[int, ...]]] = {
        "plain": (serve_plain, (features,)),
        "least": (serve_least, (features,)),
        "this service": (serve_ours, ()),
    }
    spent = dict.fromkeys(servers, 0.0)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        running_ones = {}
        for called, (target, arguments) in servers.items():
            home = Path(name, called)
            home.mkdir()
            url = stack.enter_context(database_of(engine))
            running_ones[called] = stack.enter_context(running(target, home, url, *arguments))
        for post in range(posts + 1):
            body = make_body(rows, features, post)
            for called, (http, process) in running_ones.items():
                used = seconds_of(process, http, body, rows)
                spent[called] += used if post else 0
    speeds = {called: posts * rows / used for called, used in spent.items()}
    told = ", ".join(f"{called} {speed:,.0f}" for called, speed in speeds.items())
    ours = speeds["this service"]
    print(
        f"{engine}, {features} features, rows per second of the server's processors: {told};"
        f" {ours / speeds['plain']:.1f} times plain, {100 * ours / speeds['least']:.0f} % of the least",
        flush=True,
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--posts", type=int, default=20)
    parser.add_argument("--features", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    given = parser.parse_args()
    for features in given.features:
        measure(given.rows if features < 100 else given.rows // 5, given.posts, features, given.engine)


if __name__ == "__main__":
    main()
