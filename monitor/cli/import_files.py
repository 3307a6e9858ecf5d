"""import: bulk load of files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import typer
from rich.progress import track

from monitor.actions.move_model import import_model
from monitor.actions.prepare_reference import put_reference
from monitor.actions.record_labels import record_labels
from monitor.actions.record_predictions import record_predictions
from monitor.cli.base import DatabaseUrl, Home, app, err, out, service_from
from monitor.cli.remote import call, service_url
from monitor.errors import Invalid
from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.service import Service
from monitor.store.server_time import ServerTime

TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".arrow": "application/vnd.apache.arrow.stream",
    ".csv": "text/csv",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".json": "application/json",
}
ROWS = 20_000
BYTES = 8 * 1024 * 1024
MOST_HERE = 1 << 40

Body = tuple[str, bytes]
Here = tuple[Service, ServerTime]  # without PLIMSOLL_URL: the store, and its clock


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="Parquet, Arrow, CSV, NDJSON or JSON; or what export wrote.")],
    model: Annotated[str, typer.Option(help="The model.")],
    labels: Annotated[bool, typer.Option("--labels", help="The files hold labels.")] = False,
    reference: Annotated[str | None, typer.Option(help="The files are a reference of this name.")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Load files: through the service at PLIMSOLL_URL if set, else into the store of the settings."""
    if len(files) == 1 and files[0].is_dir():
        if labels or reference is not None or service_url():
            raise Invalid("A folder is a whole model: without --labels, --reference and PLIMSOLL_URL, into the store")
        with service_from(home=home, database_url=database_url) as service:
            rows = import_model(service, model, files[0], ServerTime(service.database)())
        words = f"{files[0]}: {rows['predictions']:,} predictions, {rows['labels']:,} labels"
        out.print(words, highlight=False, markup=False)
        return
    if labels and reference is not None:
        raise Invalid("Give --labels or --reference, not both", field="labels")
    for file in files:
        if file.suffix.lower() not in TYPES:
            raise Invalid(f"{file}: its ending must be one of {', '.join(TYPES)}")
        if not file.is_file():
            raise Invalid(f"{file}: there is no such file")
    with contextlib.nullcontext() if service_url() else service_from(home=home, database_url=database_url) as service:
        here = None if service is None else (service, ServerTime(service.database))
        if reference is not None:
            told = _reference(here, model, reference, _together(files))
            words = f"reference {told['name']} version {told['version']}, {told['rows']} rows"
            out.print(words, highlight=False, markup=False)
            return
        for file in files:
            words = _load(here, model, file, "labels" if labels else "predictions")
            out.print(f"{file}: {words}", highlight=False, markup=False)


def _load(here: Here | None, model: str, file: Path, kind: str) -> str:
    total = dict.fromkeys(["accepted", "duplicates", "rejected", *(["unmatched"] if kind == "labels" else [])], 0)
    first: str | None = None
    for body in track(list(_bodies(file)), description=file.name, console=err, transient=True):
        told = _post(here, model, kind, body)
        for name in total:
            total[name] += told[name]
        if first is None and told["errors"]:
            first = told["errors"][0]["reason"]
    words = ", ".join(f"{count} {name}" for name, count in total.items())
    if total["rejected"] and not total["accepted"] + total["duplicates"]:
        raise Invalid(f"{file}: no row can be used; the first because {first}")
    return words if first is None else f"{words} (the first because {first})"


def _together(files: list[Path]) -> Body:
    """One body of several files: a reference is set at once."""
    kinds = {TYPES[file.suffix.lower()] for file in files}
    if len(files) == 1:
        return kinds.pop(), files[0].read_bytes()
    if len(kinds) > 1:
        raise Invalid("Several files of one reference must be of one kind")
    kind = kinds.pop()
    if kind == TYPES[".ndjson"]:
        return kind, b"\n".join(file.read_bytes() for file in files)
    if kind == TYPES[".json"]:
        raise Invalid("Several files of one reference cannot be JSON; write them as NDJSON or Parquet")
    try:
        tables = [_TABLES[kind](file) for file in files]
        return TYPES[".arrow"], _arrow(pa.concat_tables(tables, promote_options="permissive"))
    except pa.ArrowException as error:
        raise Invalid(f"The files cannot be read together: {error}") from error


def _arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


_TABLES: dict[str, Callable[[Path], pa.Table]] = {
    TYPES[".parquet"]: pyarrow.parquet.read_table,
    TYPES[".csv"]: pyarrow.csv.read_csv,
    TYPES[".arrow"]: lambda file: pa.ipc.open_stream(file.read_bytes()).read_all(),
}


def _bodies(file: Path) -> Iterator[Body]:
    """The file in bodies of a moderate size."""
    kind = TYPES[file.suffix.lower()]
    if file.suffix.lower() == ".parquet":
        try:
            source = pyarrow.parquet.ParquetFile(file)
            yield from (_stream(batch) for batch in source.iter_batches(ROWS))
        except pa.ArrowException as error:
            raise Invalid(f"{file}: cannot be read as Parquet: {error}") from error
    elif kind in ("text/csv", "application/x-ndjson"):
        yield from ((kind, part) for part in _lines(file, repeat_head=kind == "text/csv"))
    else:
        yield kind, file.read_bytes()


def _stream(batch: pa.RecordBatch) -> Body:
    return TYPES[".arrow"], _arrow(pa.Table.from_batches([batch]))


def _lines(file: Path, *, repeat_head: bool) -> Iterator[bytes]:
    """Whole lines, about ``BYTES`` at a time; a quoted line break stays in one part only below that size."""
    with file.open("rb") as source:
        head = source.readline() if repeat_head else b""
        while lines := source.readlines(BYTES):
            yield head + b"".join(lines)


def _post(here: Here | None, model: str, kind: str, body: Body) -> Any:
    if here is None:
        return call("POST", f"/v1/models/{model}/{kind}", content=body[1], headers={"Content-Type": body[0]})
    service, now = here[0], here[1]()
    raw = decode(body[1], body[0], None, "labels" if kind == "labels" else "predictions", service.settings.max_body)
    if kind == "labels":
        return record_labels(service, model, conform.labels(raw, now), now)
    return record_predictions(service, model, conform.predictions(raw, now), now)


def _reference(here: Here | None, model: str, name: str, body: Body) -> Any:
    if here is None:
        path = f"/v1/models/{model}/references/{name}"
        return call("PUT", path, content=body[1], headers={"Content-Type": body[0]})
    service, now = here[0], here[1]()
    raw = decode(body[1], body[0], None, "references", MOST_HERE)  # this machine's own file: only its memory limits it
    return put_reference(service, model, name, conform.reference(raw, now), now)
