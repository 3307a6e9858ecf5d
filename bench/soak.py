"""Half an hour of mixed load: does memory or latency creep?

    python -m bench.soak [--minutes 30] [--engine postgres|sqlite|chdb]

Clients post single records, batches of rows of the last hour as Arrow, and labels; others open the model's page and ask
for runs. The same traffic of the two hours before is stored first, so that hours are as large at the beginning as at
the end: a run counts hours anew to which rows came late. The service runs in a process of its own with its scheduler.
Printed for each tenth of the time: its resident memory and the latency of each kind of request; then the last third
beside the first after warming up.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import httpx
import numpy as np
import psutil
import pyarrow as pa
from rich.progress import track

from bench.ingest import FORMATS, make_body
from bench.kept import rows_of
from bench.serving import ENGINES, serving
from monitor import clock

PARTS = 10
BEFORE = 2  # hours of traffic
RATE = 90  # rows a second that the clients post together, of which
LABELLED = 40  # get a label
BODY = 18_000  # rows
H, D = clock.HOUR, clock.DAY
Ask = Callable[[int], httpx.Request]
JSON, ARROW = {"Content-Type": "application/json"}, {"Content-Type": FORMATS["Arrow"]}


@dataclass
class Seen:
    """Seconds of each request by kind, with when it was answered; answers that were none."""

    begun: float
    times: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)


def client(
    seen: Seen, base: str, kind: str, every: float, stop: threading.Event, ask: Callable[[int], httpx.Request]
) -> None:
    """One kind of request, at a steady pace."""
    with httpx.Client(base_url=base, timeout=60) as http:
        number = 0
        while not stop.wait(every):
            began = time.perf_counter()
            answer = http.send(ask(number))
            took = time.perf_counter() - began
            seen.times.setdefault(kind, []).append((time.monotonic() - seen.begun, took))
            if answer.status_code >= 300:
                seen.errors.append(f"{kind}: {answer.status_code} {answer.text[:100]}")
            number += 1


def requests(base: str) -> dict[str, tuple[float, Ask]]:
    """What is asked, and how many seconds apart."""
    model = f"{base}/v1/models/soak"

    def single(number: int) -> httpx.Request:
        values = np.random.default_rng(number).normal(size=16).round(4).tolist()
        features = {f"n{place}": value for place, value in enumerate(values)}
        record = {"id": f"one-{number}", "timestamp": clock.render(clock.now()), "features": features, "prediction": 1}
        return httpx.Request("POST", f"{model}/predictions", json=record)

    def rows(number: int) -> httpx.Request:
        table = rows_of(clock.now() - H, 1, 500, seed=100 + number).slice(0, 20)
        return httpx.Request("POST", f"{model}/predictions", content=make_body(table, "Arrow"), headers=ARROW)

    def labels(number: int) -> httpx.Request:
        body = [{"id": f"{100 + number}-{row}", "label": 1} for row in range(20)]
        return httpx.Request("POST", f"{model}/labels", content=json.dumps(body), headers=JSON)

    def page(_number: int) -> httpx.Request:
        return httpx.Request("GET", f"{base}/models/soak")

    def run(_number: int) -> httpx.Request:
        return httpx.Request("POST", f"{model}/runs", json={})

    return {
        "single": (0.02, single),
        "rows": (0.5, rows),
        "labels": (0.5, labels),
        "page": (2.0, page),
        "run": (10.0, run),
    }


def fill(http: httpx.Client) -> None:
    """A reference, and the traffic of the hours before."""
    body = make_body(rows_of(clock.now() - 15 * D, 14, 50_000, seed=1), "Arrow")
    http.put("/v1/models/soak/references/base", content=body, headers=ARROW).raise_for_status()
    start, step = clock.now() - BEFORE * H, clock.SECOND // RATE
    for number in track(range(BEFORE * 3600 * RATE // BODY), "hours before"):
        table = rows_of(0, 1, BODY, seed=10**9 + number)
        at = pa.array(start + (number * BODY + np.arange(BODY)) * step, pa.timestamp("us", "UTC"))
        body = make_body(table.set_column(1, "timestamp", at), "Arrow")
        http.post("/v1/models/soak/predictions", content=body, headers=ARROW).raise_for_status()
        ids = table["id"].slice(0, BODY * LABELLED // RATE)
        body = make_body(pa.table({"id": ids, "label": np.ones(len(ids), np.int64)}), "Arrow")
        http.post("/v1/models/soak/labels", content=body, headers=ARROW).raise_for_status()


def play(base: str, pid: int, minutes: float) -> Seen:
    """The load, on what was before."""
    with httpx.Client(base_url=base, timeout=120) as http:
        fill(http)
    seen, stop = Seen(time.monotonic()), threading.Event()
    threads = [
        threading.Thread(target=client, args=(seen, base, kind, every, stop, ask))
        for kind, (every, ask) in requests(base).items()
    ]
    for thread in threads:
        thread.start()
    process = psutil.Process(pid)
    while (passed := time.monotonic() - seen.begun) < minutes * 60:
        seen.memory.append((passed, process.memory_info().rss))
        time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join()
    return seen


def report(seen: Seen, minutes: float) -> None:
    """Print the table."""
    kinds = list(seen.times)
    print(f"{'min':>5}{'MB':>6}" + "".join(f"{kind + ' p50':>12}{'p99':>7}" for kind in kinds) + "   (ms)")
    for part in range(PARTS):
        start, end = (minutes * 60 * share / PARTS for share in (part, part + 1))
        line = f"{end / 60:>5.1f}{_memory(seen, start, end):>6.0f}"
        for kind in kinds:
            took = _between(seen.times[kind], start, end)
            line += f"{np.percentile(took, 50):>12.1f}{np.percentile(took, 99):>7.0f}" if took else f"{'':>19}"
        print(line)
    thirds = [(minutes * 60 * start, minutes * 60 * end) for start, end in ((0.1, 0.4), (0.7, 1.0))]
    early, late = (_memory(seen, *third) for third in thirds)
    slower = [
        f"{kind} {median(_between(seen.times[kind], *thirds[1])) / median(_between(seen.times[kind], *thirds[0])):.2f}"
        for kind in kinds
    ]
    print(f"memory {late / early:.2f} times; latency of the median {', '.join(slower)}")
    print(f"{sum(map(len, seen.times.values()))} requests, {len(seen.errors)} not answered as wanted {seen.errors[:3]}")


def _between(times: list[tuple[float, float]], start: float, end: float) -> list[float]:
    return [took * 1000 for at, took in times if start <= at < end]


def _memory(seen: Seen, start: float, end: float) -> float:
    return max((size for at, size in seen.memory if start <= at < end), default=0) / 1e6


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--engine", choices=ENGINES, default="postgres")
    given = parser.parse_args()
    with serving(given.engine) as (base, process):
        report(play(base, process, given.minutes), given.minutes)


if __name__ == "__main__":
    main()
