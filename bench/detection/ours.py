"""Plimsoll end to end on one stream: files imported into a fresh store, the schedule replayed, readings read back.

    python -m bench.detection.ours JOB.json      (run by bench.detection.tools)

Nothing is configured: default checks, default rule, default budget; only columns to slice by are named where a scenario
has them, as there is no other way to say so. A flag is a reading with the verdict warning or critical, named by its
feature, or by what it is about: segment, correlation, probability (prediction drift), performance, volume, or else its
metric. The time of a flag is the hour of the run that saw it: the schedule looks every hour.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import select

from bench.detection.peers.common import Job, cpu, say
from monitor import clock
from monitor.cli.base import service_from
from monitor.store import tables

MODEL = "stream"
NAMED = {"prediction_drift": "probability", "serving": "volume", "performance": "performance"}


def plimsoll(home: Path, *command: str) -> None:
    """The command line, as a user would; its CPU time is a child's."""
    call = [sys.executable, "-m", "monitor", *command, "--home", str(home)]
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL)


def load(home: Path, job: Job) -> None:
    """Columns to slice by, reference, predictions and labels."""
    folder = Path(job.folder)
    with tempfile.TemporaryDirectory(dir=home) as room:
        if job.segments:
            told = Path(room) / "plimsoll.yaml"
            told.write_text(json.dumps({"models": {MODEL: {"segments": job.segments}}}), "utf-8")
            plimsoll(home, "apply", str(told))
        for name, command in (("reference", ("--reference", "first")), ("monitored", ()), ("labels", ("--labels",))):
            frame = pd.read_parquet(folder / f"{name}.parquet")
            if len(frame):
                file = Path(room) / f"{name}.parquet"
                frame.rename(columns={"region": "segment.region"}).to_parquet(file)
                plimsoll(home, "import", str(file), *command, "--model", MODEL)


def name_of(reading: Mapping[str, Any]) -> str:
    """What a reading is about, in the words of the scenarios."""
    if reading["segment"]:
        return "segment"
    if reading["metric"] == "correlation":
        return "correlation"
    return str(reading["feature"] or NAMED.get(reading["kind"], reading["metric"]))


def flags(home: Path) -> tuple[dict[int, set[str]], list[dict[str, object]]]:
    """Names flagged at each moment (microseconds), and the alerts that fired."""
    found: dict[int, set[str]] = defaultdict(set)
    with service_from(home=home) as service, service.database.read() as connection:
        judged = tables.readings.c.verdict.in_(["warning", "critical"])
        for row in connection.execute(select(tables.readings).where(judged)).mappings():
            found[row["as_of"]].add(name_of(row))
        fired = connection.execute(select(tables.alerts).where(tables.alerts.c.fired_at.is_not(None))).mappings()
        alerts = [{name: row[name] for name in ("rule", "severity", "fired_at", "resolved_at")} for row in fired]
    return found, alerts


def main(file: str) -> None:
    """Judge one stream; JSON lines as the peers' scripts write them."""
    job = Job(file)
    start = clock.parse(f"{job.start}Z")
    end = start + max(job.runs) * clock.HOUR
    began = cpu()
    with tempfile.TemporaryDirectory(dir=job.folder) as room:
        home = Path(room)
        load(home, job)
        loading = cpu() - began
        plimsoll(home, "replay", "--model", MODEL, "--from", clock.render(start), "--to", clock.render(end))
        used = cpu() - began
        found, alerts = flags(home)
        size = sum(part.stat().st_size for part in home.rglob("*") if part.is_file())
    by_hour: dict[int, set[str]] = defaultdict(set)
    for moment, names in found.items():
        by_hour[(moment - start) // clock.HOUR] |= names
    for hour in range(max(job.runs)):
        say({"at": hour, "flags": sorted(by_hour[hour])})
    told = [{**one, "at": (one["fired_at"] - start) // clock.HOUR} for one in alerts]  # type: ignore[operator]
    say({"fit_cpu": loading, "cpu": used, "bytes": size, "alerts": told})


if __name__ == "__main__":
    main(sys.argv[1])
