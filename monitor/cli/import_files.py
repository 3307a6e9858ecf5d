"""import: bulk load of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet
import typer
from rich.progress import track

from monitor import clock
from monitor.actions.prepare_reference import put_reference
from monitor.actions.record_labels import record_labels
from monitor.actions.record_predictions import record_predictions
from monitor.cli.base import DatabaseUrl, Home, app, err, out, service_from
from monitor.cli.remote import call, service_url
from monitor.errors import Invalid
from monitor.ingest import conform
from monitor.ingest.decode import decode
from monitor.service import Service

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

Body = tuple[str, bytes]


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="Parquet, Arrow stream, CSV, NDJSON or JSON.")],
    model: Annotated[str, typer.Option(help="The model.")],
    labels: Annotated[bool, typer.Option("--labels", help="The files hold labels.")] = False,
    reference: Annotated[str | None, typer.Option(help="The files are a reference of this name.")] = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Load files: through the service at PLIMSOLL_URL if set, else into the store of the settings."""
    if labels and reference is not None:
        raise Invalid("Give --labels or --reference, not both", field="labels")
    for file in files:
        if file.suffix.lower() not in TYPES:
            raise Invalid(f"{file}: its ending must be one of {', '.join(TYPES)}")
        if not file.is_file():
            raise Invalid(f"{file}: there is no such file")
    service = None if service_url() is not None else service_from(home=home, database_url=database_url)
    if reference is not None:
        for file in files:
            body = TYPES[file.suffix.lower()], file.read_bytes()
            told = _reference(service, model, reference, body)
            out.print(f"{file}: reference {told['name']} version {told['version']}, {told['rows']} rows")
        return
    for file in files:
        out.print(f"{file}: {_load(service, model, file, 'labels' if labels else 'predictions')}", highlight=False)


def _load(service: Service | None, model: str, file: Path, kind: str) -> str:
    total = {"accepted": 0, "duplicates": 0, "rejected": 0}
    first: str | None = None
    for body in track(list(_bodies(file)), description=file.name, console=err, transient=True):
        told = _post(service, model, kind, body)
        for name in total:
            total[name] += told[name]
        if first is None and told["errors"]:
            first = told["errors"][0]["reason"]
    words = ", ".join(f"{count} {name}" for name, count in total.items())
    return words if first is None else f"{words} (the first because {first})"


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
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return TYPES[".arrow"], sink.getvalue().to_pybytes()


def _lines(file: Path, *, repeat_head: bool) -> Iterator[bytes]:
    """Whole lines, about ``BYTES`` at a time; a quoted line break stays in one part only below that size."""
    with file.open("rb") as source:
        head = source.readline() if repeat_head else b""
        while lines := source.readlines(BYTES):
            yield head + b"".join(lines)


def _post(service: Service | None, model: str, kind: str, body: Body) -> Any:
    if service is None:
        return call("POST", f"/v1/models/{model}/{kind}", content=body[1], headers={"Content-Type": body[0]})
    now = clock.now()
    raw = decode(body[1], body[0], None, "labels" if kind == "labels" else "predictions", service.settings.max_body)
    if kind == "labels":
        return record_labels(service, model, conform.labels(raw, now), now)
    return record_predictions(service, model, conform.predictions(raw, now), now)


def _reference(service: Service | None, model: str, name: str, body: Body) -> Any:
    if service is None:
        path = f"/v1/models/{model}/references/{name}"
        return call("PUT", path, content=body[1], headers={"Content-Type": body[0]})
    now = clock.now()
    limit = max(service.settings.max_body, len(body[1]))
    raw = decode(body[1], body[0], None, "references", limit)
    return put_reference(service, model, name, conform.reference(raw, now), now)
