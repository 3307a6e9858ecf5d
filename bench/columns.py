"""What the ClickHouse store costs, on the embedded engine, as a share of floors measured in the same run; summarising
on the other stores, too.

    python -m bench.columns ingest [--rows 5000] [--posts 12]
    python -m bench.columns summarise [--rows 1000000] [--features 50] [--engine chdb|sqlite|postgres] [--counts]

Ingest: posts over a real socket to the service in a process of its own, answered when the rows are on disk, beside
inserting the same rows straight into a bare table of the same key, engine and durability. The engine's key is an order
and keeps nothing out, so there is a second floor: rows and their ids, in one table each, after asking which ids are
known. Summarise: rows that are
stored are counted into hourly summaries, beside reading them by the same driver and binning each column with numpy's
searchsorted and bincount.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
import pyarrow as pa

from bench.ingest import (
    FORMATS,
    NUMBERS,
    START,
    TEXTS,
    database_of,
    make_body,
    make_rows,
    post,
    timed,
)
from bench.serving import serving

HOUR = 3_600_000_000
PART = 50_000
KEPT = "fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000"


def bare_client(folder: Path) -> Any:
    """The engine with nothing around it, and a table like the store's own."""
    import clickhouse_connect

    client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    numbers = [f"n{number} Nullable(Float64)" for number in range(NUMBERS + 2)]
    columns = [*numbers, *(f"t{number} Nullable(String)" for number in range(TEXTS))]
    client.command(
        "CREATE TABLE bare (id String, ts Int64, hour Int32, week Int32, version LowCardinality(Nullable(String)),"
        f" {','.join(columns)}) ENGINE = ReplacingMergeTree PARTITION BY week ORDER BY (hour, id) SETTINGS {KEPT}"
    )
    client.command(
        "CREATE TABLE ids (id String, hash UInt64 DEFAULT cityHash64(id), ts Int64) ENGINE = ReplacingMergeTree"
        f" ORDER BY (hash, id) SETTINGS {KEPT}, index_granularity = 512"
    )
    return client


def insert_new(client: Any, rows: pa.Table) -> None:
    """The least that keeps an id once."""
    listed = "\\n".join(rows["id"].to_pylist())
    found = client.raw_query(
        f"SELECT id FROM ids WHERE hash IN (SELECT cityHash64(arrayJoin(splitByString('\\n', '{listed}'))))",
        fmt="ArrowStream",
    )
    if len(found) and pa.ipc.open_stream(found).read_all().num_rows:
        raise SystemExit("an id came twice")
    client.insert_arrow("bare", rows)
    client.insert_arrow("ids", rows.select(["id", "ts"]))


def bare_rows(table: pa.Table) -> pa.Table:
    """The same rows as the table takes them."""
    times = table["timestamp"].cast(pa.int64()).to_numpy()
    hours = (times // HOUR).astype(np.int32)
    numbers = ["prediction", "probability", *(f"feature.n{number}" for number in range(NUMBERS))]
    columns: dict[str, Any] = {
        "id": table["id"],
        "ts": times,
        "hour": hours,
        "week": hours // 168,
        "version": table["version"],
        **{f"n{place}": table[name].cast(pa.float64()) for place, name in enumerate(numbers)},
        **{f"t{number}": table[f"feature.t{number}"] for number in range(TEXTS)},
    }
    return pa.table(columns)


def ingest(rows: int, posts: int, folder: Path, http: httpx.Client) -> None:
    """Median posts beside median bare inserts, round by round; the first two rounds warm up."""
    times: dict[str, list[float]] = {}
    bare = bare_client(folder / "bare")
    for round_ in range(posts + 2):
        noted = times if round_ > 1 else {}
        for place, form in enumerate(("Arrow", "JSON")):
            table = make_rows(rows, round_ * 2 + place)
            body, plain = make_body(table, form), bare_rows(table)
            timed(noted, form, post, http, body, form, rows)
            timed(noted, "bare insert", bare.insert_arrow, "bare", plain)
            other = bare_rows(make_rows(rows, 10_000 + round_ * 2 + place))
            timed(noted, "ids once", insert_new, bare, other)
    bare.close()
    bare_speed, once = (rows / median(times[name]) for name in ("bare insert", "ids once"))
    print(f"{'':12}{'rows/s':>10}{'of bare insert':>16}{'of ids once':>13}")
    for form in ("Arrow", "JSON"):
        speed = rows / median(times[form])
        print(f"{form:12}{speed:>10,.0f}{speed / bare_speed:>15.0%} {speed / once:>12.0%}")
    print(f"{'bare insert':12}{bare_speed:>10,.0f}\n{'ids once':12}{once:>10,.0f}")


def served(arguments: argparse.Namespace, folder: Path) -> None:
    """Serve from empty stores while posts are measured."""
    with serving("chdb") as (base, _), httpx.Client(base_url=base, timeout=120) as http:
        ingest(arguments.rows or 5000, arguments.posts, folder, http)


def wide_rows(count: int, features: int, part: int) -> pa.Table:
    """Numbers and a few missing ones, a second apart."""
    random = np.random.default_rng(part + 1)
    times = START + (np.arange(count) + part * count) * 1_000_000
    columns: dict[str, Any] = {
        "id": [f"{part}-{row}" for row in range(count)],
        "timestamp": pa.array(times, pa.timestamp("us", "UTC")),
        "prediction": random.integers(0, 2, count),
        **{f"feature.n{number}": random.normal(size=count) for number in range(features)},
    }
    return pa.table(columns)


def fill(service: Any, rows: int, features: int) -> None:
    """Post a reference and the rows, without the network."""
    from monitor.actions.prepare_reference import put_reference
    from monitor.actions.record_predictions import record_predictions
    from monitor.ingest import conform
    from monitor.ingest.decode import decode

    def read(part: int, count: int, kind: str) -> Any:
        body = make_body(wide_rows(count, features, part), "Arrow")
        return decode(body, FORMATS["Arrow"], None, kind, 1 << 30)

    now = START + 10**13
    put_reference(service, "bench", "first", conform.reference(read(-1, PART, "references"), now), now)
    for part in range(rows // PART):
        record_predictions(service, "bench", conform.predictions(read(part, PART, "predictions"), now), now)


def bin_alone(service: Any, features: int) -> None:
    """Read all rows as the service does, and bin each column with numpy."""
    from monitor.actions.models import get

    with service.database.read() as connection:
        model = get(connection, "bench")
        cuts = np.sort(np.random.default_rng(0).normal(size=79))
        for table in service.observations.read(connection, model.stored, 0, 1 << 24, model.columns):
            hours = table["hour"].to_numpy() - table["hour"][0].as_py()
            for column in model.columns[:features]:
                values = table[column.physical].to_numpy()
                np.bincount(hours * (len(cuts) + 1) + np.searchsorted(cuts, values))


def summarise(rows: int, features: int, folder: Path, *, engine: str, counts: bool) -> None:
    """All hours at once, beside reading and binning alone; the better of two each."""
    from monitor.bootstrap import build
    from monitor.settings import load

    with contextlib.ExitStack() as until:
        url = f"chdb://{folder / 'observations'}{'?counts=1' if counts else ''}" if engine == "chdb" else None
        database = until.enter_context(database_of("sqlite" if engine == "chdb" else engine))
        service = build(load({}, home=folder / "home", observations_url=url, database_url=database))
        until.callback(service.close)
        fill(service, rows, features)
        speeds = summarised(service, rows, features)
    here, alone = speeds["summarise"], speeds["read and bin"]
    print(f"{engine}: summarise {here:,.0f} rows/s, read and bin alone {alone:,.0f} rows/s: {here / alone:.0%}")


def summarised(service: Any, rows: int, features: int) -> dict[str, float]:
    """Rows a second of both."""
    from monitor.actions.summarise_hours import summarise_waiting
    from monitor.store import models, summaries

    times: dict[str, list[float]] = {}
    for _ in range(2):
        with service.database.write() as connection:
            model = models.find(connection, "bench")
            assert model is not None
            first, last = START // HOUR, (START + rows * 1_000_000) // HOUR + 1
            models.mark_dirty(connection, model.id, range(first, last), model.change, labels_only=False)
        timed(times, "summarise", summarise_waiting, service, START + 10**13)
        timed(times, "read and bin", bin_alone, service, features)
    with service.database.read() as connection:
        counted = sum(count for _, _, count in summaries.predicted(connection, model.id, 0, 1 << 24))
    if counted != rows:
        raise SystemExit(f"{counted} rows were counted, not {rows}")
    return {name: rows / min(seconds) for name, seconds in times.items()}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("ingest", "summarise"))
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--posts", type=int, default=12)
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--engine", choices=("chdb", "sqlite", "postgres"), default="chdb", help="to summarise on")
    parser.add_argument("--counts", action="store_true", help="summarise in the engine")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.what == "ingest":
            served(arguments, Path(folder))
        else:
            rows, features = arguments.rows or 1_000_000, arguments.features
            summarise(rows, features, Path(folder), engine=arguments.engine, counts=arguments.counts)


if __name__ == "__main__":
    main()
