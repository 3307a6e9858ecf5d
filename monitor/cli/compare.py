"""compare: two files, no service."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import typer
from rich.markup import escape
from rich.table import Table

from alerting.absence import CANNOT_TELL
from alerting.bounds import bounds_for
from alerting.judge import judge
from alerting.reading import Reading, to_json
from alerting.seen import would_be_seen
from alerting.sentence import sentence
from detectors.measurement import Measurement
from detectors.registry import TWO_SAMPLE
from detectors.two_frames import compare_frames
from monitor.cli.base import app, fits, out
from monitor.errors import Invalid

AUTO = "auto"
READERS = {".parquet": pyarrow.parquet.read_table, ".csv": pyarrow.csv.read_csv}


@app.command()
def compare(
    ref: Annotated[Path, typer.Argument(help="Reference: Parquet or CSV.")],
    current: Annotated[Path, typer.Argument(help="What is compared with it.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    method: Annotated[str | None, typer.Option(help=f"{AUTO}, or of {', '.join(TWO_SAMPLE)}; some of them.")] = None,
) -> None:
    """Has the second file drifted from the first? Exit 0: no, 1: yes, 2: it cannot be read, or nothing be told."""
    methods = None if method in (None, AUTO) else [name.strip() for name in str(method).split(",") if name.strip()]
    if methods == []:
        raise Invalid("No method is named; leave --method out for the usual tests", field="method")
    for name in methods or []:
        if name not in TWO_SAMPLE:
            raise Invalid(f"There is no method {name!r}; there are {', '.join(TWO_SAMPLE)}", field="method")
    tables = _read(ref), _read(current)
    shared = [name for name in tables[0].column_names if name in tables[1].column_names]
    if not shared:
        raise Invalid(f"{ref} and {current} have no column in common")
    try:
        measured = compare_frames(tables[0].select(shared), tables[1].select(shared), methods=methods)
    except (ValueError, pa.ArrowException) as error:
        raise Invalid(str(error)) from error
    readings = [_reading(one, methods is not None) for one in measured]
    unseen = set(shared) - {reading.feature for reading in readings} if methods is None else set()
    left_out = sorted({*_only_in(tables), *unseen})
    untold = [reading.feature or reading.metric for reading in readings if reading.verdict == CANNOT_TELL]
    drift = any(reading.verdict in ("warning", "critical") for reading in readings)
    if as_json:
        found = [_to_json(reading) for reading in readings]
        print(json.dumps({"drift": drift, "measurements": found, "left_out": left_out}))
    else:
        _show(readings, drift, left_out, untold)
    if len(untold) == len(readings):
        why = readings[0].summary if readings else "no column that both files have can be compared so"
        raise Invalid(f"Nothing can be told of {current}: {why}")
    raise typer.Exit(1 if drift else 0)


def _read(file: Path) -> pa.Table:
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise Invalid(f"{file}: neither .parquet nor .csv")
    try:
        table = reader(file)
    except FileNotFoundError as error:
        raise Invalid(f"{file}: there is no such file") from error
    except (OSError, pa.ArrowException) as error:
        raise Invalid(f"{file}: cannot be read as {file.suffix[1:]}: {error}") from error
    if table.num_rows == 0:
        raise Invalid(f"{file}: there are no rows in it")
    return table


def _reading(measured: Measurement, by_method: bool) -> Reading:
    """A measurement as a reading without a window; the verdict by p-value for methods, by the bound for auto."""
    threshold: Mapping[str, Any] | None = None
    if by_method:
        threshold = {"p_value": measured.alpha} if measured.p_value is not None else None
    bounds = None if by_method and threshold is None else bounds_for("data_drift", measured.metric, threshold=threshold)
    verdict = judge(measured, bounds)
    details = {
        **measured.details,
        "effect": measured.effect,
        "effect_lower": measured.effect_lower,
        "effect_upper": measured.effect_upper,
        "critical": verdict.critical,
    }
    reading = Reading(
        check="compare",
        kind="data_drift",
        metric=measured.metric,
        feature=measured.feature,
        segment=None,
        version=None,
        start=0,
        end=0,
        as_of=0,
        revision=1,
        value=measured.value,
        lower=measured.lower,
        upper=measured.upper,
        p_value=measured.p_value,
        threshold=verdict.threshold,
        alpha=measured.alpha,
        verdict=verdict.verdict,
        reason=verdict.reason,
        n_reference=measured.n_reference,
        n_current=measured.n_current,
        mde=measured.mde,
        reference_name=None,
        reference_version=None,
        details=details,
    )
    return Reading(**{**_fields(reading), "details": {**details, "summary": sentence(reading)}})


def _to_json(reading: Reading) -> dict[str, Any]:
    """As everywhere, but two files have no window and no moment."""
    return {**to_json(reading), "window": {"start": None, "end": None}, "as_of": None}


def _fields(reading: Reading) -> dict[str, Any]:
    return {name: getattr(reading, name) for name in Reading.__dataclass_fields__}


def _only_in(tables: tuple[pa.Table, pa.Table]) -> list[str]:
    first, second = (set(table.column_names) for table in tables)
    return sorted(first ^ second)


def _show(readings: list[Reading], drift: bool, left_out: list[str], untold: list[str]) -> None:
    _print_each(readings)
    if left_out:
        out.print(
            f"Left out, as one of the files has nothing of it that could be compared: {', '.join(left_out)}",
            highlight=False,
            markup=False,
        )
    if untold:
        out.print(f"Nothing can be told of {', '.join(untold)}", highlight=False, markup=False)
    if len(untold) < len(readings):
        out.print("Drift." if drift else "No drift." if not untold else "No drift in the others.")


def _print_each(readings: list[Reading]) -> None:
    """As a table, or a line each where that has no room for the sentences."""
    table = Table("column", "metric", "value", "p", "verdict", "would be seen", "in words")
    lines = []
    for one in readings:
        value, p_value = _number(one.value), _number(one.p_value)
        seen = would_be_seen(one.kind, one.metric, one.mde) or ""
        verdict = one.verdict or "shown"
        table.add_row(
            escape(one.feature or ""), one.metric, value, p_value, one.verdict or "", seen, escape(one.summary)
        )
        more = [f"{one.metric} {value}" if value else one.metric]
        more += [f"p {p_value}"] if p_value else []
        more += [f"{seen} would be seen"] if seen else []
        lines.append(f"{verdict:<11}  {one.summary} [{', '.join(more)}]")
    if fits(out, table):
        out.print(table)
    else:
        for line in lines:
            out.print(line, highlight=False, markup=False)


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.4g}"
