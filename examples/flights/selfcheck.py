"""January to March against itself: whatever alerts here is a false alarm, at most one a month is promised.

Run it with ``python -m examples.flights.selfcheck`` once the demo has made its data.
"""

from __future__ import annotations

import shutil

import pandas as pd
import pyarrow as pa
from rich.console import Console
from rich.progress import Progress

from examples.flights.prepare import KEPT, prepare_first
from monitor import clock
from monitor.actions import apply_config
from monitor.actions.prepare_reference import put_reference
from monitor.actions.record_labels import record_labels
from monitor.actions.record_predictions import record_predictions
from monitor.actions.replay import replay
from monitor.bootstrap import build
from monitor.config.reading import from_object
from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.service import Service
from monitor.settings import load

STORE = KEPT / "selfcheck"
MODEL = "flight-delays"
ARROW = "application/vnd.apache.arrow.stream"
START, END = "2013-01-08T10:00:00Z", "2013-04-01T04:00:00Z"
out = Console(highlight=False)


def main() -> None:
    """Post the reference as if it were the log, run the schedule over it, and print what alerted."""
    logs = prepare_first(lambda words: out.print(f"{words} ..."))
    shutil.rmtree(STORE, ignore_errors=True)
    service = build(load({}, home=STORE))
    now = clock.now()
    model = {"task": "binary", "positive_label": "late", "features": {"hour": {"type": "categorical"}}}
    apply_config.apply(service.database, from_object({"models": {MODEL: model}}), now)
    rows = pd.read_parquet(logs.reference_v1)
    _put(service, rows, now)
    for start in range(0, len(rows), 20_000):
        part = rows.iloc[start : start + 20_000].drop(columns="label")
        raw = decode(_arrow(part), ARROW, None, "predictions", 1 << 30)
        record_predictions(service, MODEL, conform.predictions(raw, now), now)
    raw = decode(_arrow(pd.read_parquet(logs.labels_v1)), ARROW, None, "labels", 1 << 30)
    record_labels(service, MODEL, conform.labels(raw, now), now)
    with Progress(console=out, transient=True) as bars:
        bar = bars.add_task("January to March against itself")
        done = replay(
            service,
            MODEL,
            clock.parse(START),
            clock.parse(END),
            now=clock.now,
            progress=lambda at, total, _as_of: bars.update(bar, completed=at, total=total),
        )
    out.print(f"{done.runs} runs, {done.readings} readings, {len(done.alerts)} alerts in 83 days")
    for alert in sorted(done.alerts.values(), key=lambda one: one["started_at"]):
        ended = alert["resolved_at"] or "open"
        out.print(
            f"  {alert['rule']} {alert['severity']} {alert['fired_at']} .. {ended}: {alert['summary']}", markup=False
        )


def _put(service: Service, rows: pd.DataFrame, now: int) -> None:
    raw = decode(_arrow(rows), ARROW, None, "references", 1 << 30)
    put_reference(service, MODEL, "jan-mar", conform.reference(raw, now), now)


def _arrow(rows: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


if __name__ == "__main__":
    main()
