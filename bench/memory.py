"""Peak resident memory of the service while a reference and a million rows come in (Linux).

    python -m bench.memory [--rows 1000000] [--reference 100000] [--engine sqlite|postgres|chdb] [--one-hour]

Posts of 5,000 rows with 20 features as Arrow, as fast as one client can, with the schedule running: hours are
summarised while rows come in. The kernel's own high-water mark of the service's process is read, anew for each part;
the last one ends when all hours are counted. With ``--one-hour`` all rows are of one hour.
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa

from bench.ingest import FORMATS, START, make_body, make_rows
from bench.serving import ENGINES, serving

POST = 5000
HOUR = 3_600_000_000  # microseconds


def peak(process: int) -> float:
    """The high-water mark, MB; it starts anew."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    Path(f"/proc/{process}/clear_refs").write_text("5", "utf-8")
    return int(found.group(1)) / 1000 if found else float("nan")


def send(http: httpx.Client, method: str, path: str, body: bytes) -> None:
    """One body, answered when it is durable."""
    reply = http.request(method, path, content=body, headers={"Content-Type": FORMATS["Arrow"]})
    if reply.is_error:
        raise SystemExit(f"the service answered {reply.status_code}: {reply.text[:300]}")


def within_an_hour(table: pa.Table, post: int, rows: int) -> pa.Table:
    """The same rows, evenly spread over one hour together with those of the other posts."""
    at = (np.arange(len(table)) + (post - 1) * POST) * (HOUR // rows)
    times = pa.array(START // HOUR * HOUR + at, pa.timestamp("us", "UTC"))
    return table.set_column(table.column_names.index("timestamp"), "timestamp", times)


def wait_until_counted(http: httpx.Client) -> None:
    """No hour waits."""
    while "\nplimsoll_hours_waiting 0" not in http.get("/metrics").text:
        time.sleep(1)


def measure(http: httpx.Client, process: int, rows: int, reference: int, *, one_hour: bool) -> None:
    """Print the peak of each part."""
    print(f"started: {peak(process):.0f} MB")
    send(http, "PUT", "/v1/models/bench/references/first", make_body(make_rows(reference, 0), "Arrow"))
    print(f"a reference of {reference:,} rows: {peak(process):.0f} MB")
    began, highest = time.monotonic(), 0.0
    for post in range(1, rows // POST + 1):
        table = make_rows(POST, post)
        table = within_an_hour(table, post, rows) if one_hour else table
        send(http, "POST", "/v1/models/bench/predictions", make_body(table, "Arrow"))
        if post % 50 == 0:
            highest = max(highest, now := peak(process))
            print(f"  {post * POST:>9,} rows, {time.monotonic() - began:4.0f} s: {now:.0f} MB")
    wait_until_counted(http)
    print(f"{rows:,} rows: {max(highest, peak(process)):.0f} MB")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--reference", type=int, default=100_000)
    parser.add_argument("--engine", choices=ENGINES, default="sqlite")
    parser.add_argument("--one-hour", action="store_true", help="all rows in one hour")
    arguments = parser.parse_args()
    with serving(arguments.engine) as (base, process), httpx.Client(base_url=base, timeout=300) as http:
        measure(http, process, arguments.rows, arguments.reference, one_hour=arguments.one_hour)


if __name__ == "__main__":
    main()
