"""Whether a model with 100 million rows kept is as quick as one with a million.

    python -m bench.kept [--rows 1000000] [--engine sqlite|postgres]

Two models of 20 features get the same reference and the same rows of 30 days, posted as Arrow. The summaries of the
second are then made those of a hundred times as many rows (whose own rows were deleted, as ``retention`` does), since
posting 100 million would take an hour. Timed in turns: a run of every check at the month's end, the runs of its last
week, and the model's page over 30 days.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
from rich.progress import track
from sqlalchemy import select, update

from bench.ingest import FORMATS, database_of, make_body
from dashboards.views import Viewer
from detectors.cuts import Binning
from detectors.hour_bytes import decode, encode
from monitor import clock
from monitor.actions.build_page import build_model
from monitor.actions.prepare_reference import put_reference
from monitor.actions.record_predictions import record_predictions
from monitor.actions.replay import replay
from monitor.actions.run_checks import run_checks
from monitor.bootstrap import build
from monitor.ingest import conform
from monitor.ingest.decode import decode as decode_body
from monitor.service import Service
from monitor.settings import load
from monitor.store import references, tables

H, D = clock.HOUR, clock.DAY
START = clock.parse("2026-01-05T00:00:00Z")
DAYS, TIMES, BODY = 30, 100, 50_000
END = START + (14 + DAYS) * D


def rows_of(start: int, days: int, count: int, seed: int, features: int = 20) -> pa.Table:
    """Rows spread evenly over days."""
    random = np.random.default_rng(seed)
    at = start + np.arange(count) * (days * D // count)
    columns = {
        "id": [f"{seed}-{row}" for row in range(count)],
        "timestamp": pa.array(at, pa.timestamp("us", "UTC")),
        "prediction": random.integers(0, 2, count),
        "probability": random.random(count),
    }
    columns |= {f"feature.n{place}": random.normal(size=count) for place in range(features * 4 // 5)}
    columns |= {f"feature.t{place}": random.choice(["red", "green", "blue"], count) for place in range(features // 5)}
    return pa.table(columns)


def fill(service: Service, model: str, rows: int) -> None:
    """A reference of two weeks, then a month."""
    reference = _raw(rows_of(START, 14, 100_000, seed=1))
    put_reference(service, model, "base", conform.reference(reference, END), END)
    table = rows_of(START + 14 * D, DAYS, rows, seed=2)
    for first in track(range(0, rows, BODY), f"rows of {model}"):
        record_predictions(service, model, conform.predictions(_raw(table.slice(first, BODY)), END), END)
    run_checks(service, model, END, now=END)


def _raw(table: pa.Table):  # type: ignore[no-untyped-def]
    return decode_body(make_body(table, "Arrow"), FORMATS["Arrow"], None, "predictions", 1 << 30)


def multiply(service: Service, model: str) -> None:
    """Every summary counts a hundred times as many rows; the rows themselves are gone."""
    t, m = tables.summaries, tables.models
    with service.database.write() as connection:
        row = connection.execute(select(m).where(m.c.name == model)).one()
        binning = Binning.from_bytes(references.binning(connection, row.binning_id))
        for one in connection.execute(select(t).where(t.c.model_id == row.id)).all():
            counts, moments, extremes, products, embedded = decode(binning, one.data)
            data = encode(counts * TIMES, moments * TIMES, extremes, products * TIMES, embedded * TIMES)
            here = (
                t.c.model_id == row.id,
                t.c.hour == one.hour,
                t.c.version == one.version,
                t.c.segment == one.segment,
            )
            connection.execute(update(t).where(*here).values(data=data, rows=one.rows * TIMES))
        connection.execute(update(m).where(m.c.id == row.id).values(n_predictions=row.n_predictions * TIMES))


def measure(service: Service, turns: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of each, by what and model."""
    found: dict[str, dict[str, list[float]]] = {}

    def timed(what: str, model: str, action: Callable[[], object]) -> None:
        began = time.perf_counter()
        action()
        found.setdefault(what, {}).setdefault(model, []).append(time.perf_counter() - began)

    for turn in range(turns + 1):
        for model in ("million", "hundred"):
            timed("a run", model, lambda model=model: run_checks(service, model, END, now=END))  # type: ignore[misc]
            timed("a week", model, lambda model=model: replay(service, model, END - 7 * D, END, now=lambda: END))  # type: ignore[misc]
            timed("page", model, lambda model=model: build_model(service, Viewer(END), model, {"range": "30d"}))  # type: ignore[misc]
        if not turn:
            found.clear()
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, database_of(given.engine) as url:
        service = build(load({}, home=Path(home), database_url=url))
        for model in ("million", "hundred"):
            fill(service, model, given.rows)
        multiply(service, "hundred")
        for what, by_model in measure(service, given.turns).items():
            few, many = (median(by_model[model]) for model in ("million", "hundred"))
            print(f"{what:8}{few:8.3f} s{many:8.3f} s{many / few:8.2f} times")
        service.close()


if __name__ == "__main__":
    main()
