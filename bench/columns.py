"""What the ClickHouse store costs, on the embedded engine, as a share of floors measured in the same run.

    python -m bench.columns ingest [--rows 5000] [--posts 12]
    python -m bench.columns summarise [--rows 1000000] [--features 50]

Ingest: posts over a real socket to the service in a process of its own, answered when the rows are on disk, beside
inserting the same rows straight into a bare table of the same key, engine and durability. Summarise: rows that are
stored are counted into hourly summaries, beside reading them by the same driver and binning each column with numpy's
searchsorted and bincount.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
import pyarrow as pa

from bench.ingest import NUMBERS, TEXTS, make_body, make_rows, post, timed, wait_until_up

HOUR = 3_600_000_000
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
    return client


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
    bare.close()
    floor = rows / median(times["bare insert"])
    print(f"{'':12}{'rows/s':>10}{'of bare insert':>16}")
    for form in ("Arrow", "JSON"):
        print(f"{form:12}{rows / median(times[form]):>10,.0f}{rows / median(times[form]) / floor:>15.0%}")
    print(f"{'bare insert':12}{floor:>10,.0f}")


def served(arguments: argparse.Namespace, folder: Path) -> None:
    """Serve from empty stores while posts are measured."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "monitor", "serve", "--home", str(folder / "home"), "--port", str(port)]
    command += ["--observations-url", f"chdb://{folder / 'observations'}"]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
            wait_until_up(http)
            ingest(arguments.rows or 5000, arguments.posts, folder, http)
    finally:
        service.terminate()
        service.wait()


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("ingest", "summarise"))
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--posts", type=int, default=12)
    parser.add_argument("--features", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.what == "ingest":
            served(arguments, Path(folder))
        else:
            raise SystemExit("later")


if __name__ == "__main__":
    main()
