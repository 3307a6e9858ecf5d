"""A whole model out of a store into a folder, and from there into another: its readings are the same to the bit.

The folder holds ``model.json``, ``tables/NAME.parquet`` for what is known of it, and its rows and labels in parts:
``predictions-00000.parquet``, ``labels-00000.parquet``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monitor.actions import models as known_models
from monitor.actions.recording_apart import NO_TIMES, turn
from monitor.errors import Conflict, Invalid
from monitor.service import Service
from monitor.store import installation, locks, models, moving, schema
from monitor.store.database import Connection
from monitor.store.models import Model
from monitor.store.observations.base import PredictionBatch

FORMAT = 1
MANIFEST = "model.json"
HOURS = (0, 10_000_000)  # all of them


def export_model(service: Service, name: str, folder: Path) -> dict[str, int]:
    """Write a model into a folder that is empty or not there yet, as it is at one moment; how many rows of each kind.

    Raises NotFound for an unknown model, Conflict for a folder with something in it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty; an export needs a folder of its own")
    folder.joinpath("tables").mkdir(parents=True, exist_ok=True)
    with service.database.read() as connection:
        model = known_models.get(connection, name)
        rows = {
            table: _write(
                [folder / "tables" / f"{table}.parquet"], moving.parts(connection, table, model.id), whole=True
            )
            for table in moving.MOVED
        }
        chunks = service.observations.read(connection, model.stored, *HOURS, model.columns)
        rows["predictions"] = _write(_numbered(folder, "predictions"), chunks)
        rows["labels"] = _write(_numbered(folder, "labels"), service.observations.labels_of(connection, model.stored))
        told = {
            "format": FORMAT,
            "schema": schema.newest(),
            "model": moving.model_row(connection, model.id),
            "rows": rows,
        }
    # The last file: a folder without it is no export.
    (folder / MANIFEST).write_text(json.dumps(told, indent=1, ensure_ascii=False), "utf-8")
    return rows


def _table(folder: Path, name: str) -> Path:
    return folder / "tables" / f"{name}.parquet"


def _numbered(folder: Path, kind: str) -> Iterator[Path]:
    return (folder / f"{kind}-{place:05}.parquet" for place in range(100_000))


def _write(files: Iterable[Path], parts: Iterable[pa.Table], *, whole: bool = False) -> int:
    """Each part as a file of its own, or all of them in one; how many rows."""
    rows, paths, writer = 0, iter(files), None
    for part in parts:
        rows += len(part)
        if writer is None or not whole:
            if writer is not None:
                writer.close()
            writer = pq.ParquetWriter(next(paths), part.schema, compression="zstd")
        writer.write_table(part)
    if writer is not None:
        writer.close()
    return rows


def import_model(service: Service, name: str, folder: Path, now: int) -> dict[str, int]:
    """Put what ``export_model`` wrote into this store under a name that is free; how many rows of each kind.

    Raises Invalid for a folder that is no export or from another schema, Conflict where the name is taken or the model
    is here under another one. Then nothing is stored; in a store of predictions that commits by itself, part of it may
    be, and the model is to be deleted.
    """
    told = _manifest(folder)
    models.check_name(name)
    with service.database.write(locks.HOUSE, locks.model(name), locks.posts(name)) as connection:
        if models.find(connection, name) is not None:
            raise Conflict(f"There is a model {name!r} already; import under another name, or delete it first")
        model_id = moving.put_model(connection, name, told["model"])
        numbers: moving.Numbers = {}
        for table in moving.MOVED:
            for part in _read(_table(folder, table)):
                if table == "alerts" and moving.known_alerts(connection, part["id"].to_pylist()):
                    raise Conflict("The model's alerts are in this store already: it is here under another name")
                moving.put(connection, table, part, model_id, numbers)
        binning_id = told["model"]["binning_id"]
        if binning_id is not None:
            moving.set_cuts(connection, model_id, numbers["binnings", binning_id])
        model = known_models.get(connection, name)
        installation.note_deletion(connection)  # numbers may be those of a model that was deleted
        _put_rows(service, connection, model, folder, told["rows"], now)
    return dict(told["rows"])


def _manifest(folder: Path) -> Any:
    try:
        told = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Invalid(f"{folder} holds no export: {MANIFEST} cannot be read ({error})") from error
    if told.get("format") != FORMAT or told.get("schema") != schema.newest():
        raise Invalid(
            f"{folder} was exported by another version (schema {told.get('schema')}; this one has {schema.newest()}); "
            "bring both stores to one version and export again"
        )
    return told


def _put_rows(
    service: Service, connection: Connection, model: Model, folder: Path, rows: dict[str, int], now: int
) -> None:
    service.observations.ensure_model(connection, model.stored)
    put = dict.fromkeys(("predictions", "labels"), 0)
    with turn(service, connection, model, NO_TIMES, now) as mine, mine.outside():
        number = mine.number
        for file in sorted(folder.glob("predictions-*.parquet")):
            for part in _read(file):
                batch = batch_of(model, part)
                put["predictions"] += service.observations.append(connection, model.stored, batch, number).accepted
                number += 1
        for file in sorted(folder.glob("labels-*.parquet")):
            for part in _read(file):
                service.observations.restore_labels(connection, model.stored, part, number)
                put["labels"] += len(part)
                number += 1
    for kind, count in put.items():
        if count != rows[kind]:
            raise Invalid(f"{folder} is not whole: {count} of {rows[kind]} {kind}")


def batch_of(model: Model, part: pa.Table) -> PredictionBatch:
    """Rows as a store gives them, to be appended to another."""
    stored = tuple(column for column in model.columns if column.physical in part.column_names)
    fixed = {name: part[name].combine_chunks() for name in part.column_names}
    return PredictionBatch(
        ids=fixed["id"],
        timestamps=fixed["timestamp"].to_numpy(),
        versions=fixed["version"],
        latency_ms=fixed["latency_ms"],
        errors=fixed["error"],
        stored=stored,
        columns=tuple(fixed[column.physical] for column in stored),
        odd=fixed["odd"],
        positions=fixed["timestamp"].to_numpy(),
    )


def _read(file: Path) -> Iterator[pa.Table]:
    """A file's rows in parts; none where there is no file."""
    if file.exists():
        try:
            with pq.ParquetFile(file) as source:
                for batch in source.iter_batches(moving.ROWS):
                    yield pa.Table.from_batches([batch])
        except pa.ArrowException as error:
            raise Invalid(f"{file} cannot be read: {error}") from error
