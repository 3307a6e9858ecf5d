"""Set a reference: keep its rows, decide types and cuts, and count it on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from detectors.cuts import Binning, CategoricalColumn
from detectors.kinds import infer_kind
from detectors.profile import ReferenceProfile
from monitor import clock
from monitor.actions import counting, slicing
from monitor.actions import models as known_models
from monitor.actions.from_probabilities import says_likeliest
from monitor.actions.meaning import Meaning, meaning_of
from monitor.actions.models import settings_of
from monitor.actions.private import protected
from monitor.actions.recording_apart import ensure_within
from monitor.actions.scores_as_predictions import said_of_scores
from monitor.config.document import NAME
from monitor.config.document import Model as Settings
from monitor.errors import Invalid
from monitor.service import Service
from monitor.store import locks, models, quarantine, references, summaries
from monitor.store.database import Connection
from monitor.store.models import Model
from monitor.store.observations.arriving import ArrivingReference
from monitor.store.observations.base import StoredColumn
from monitor.store.observations.canonical import canonical, canonical_stored
from monitor.store.observations.fit import fit, new_columns
from monitor.store.references import WHOLE, Reference, SegmentProfile

PART = 100_000
RECENT_HOURS = 48
_ZSTD = pa.ipc.IpcWriteOptions(compression="zstd")


def put_reference(service: Service, name: str, reference: str, sent: ArrivingReference, now: int) -> dict[str, Any]:
    """Rows from outside become a new version of the reference; ``{"name", "version", "rows"}`` and what was rejected.

    Raises Invalid when there is no acceptable row.
    """
    models.check_name(name)
    _check_reference_name(reference)
    if len(sent.rows.ids) == 0:
        first = sent.rows.rejects[0] if sent.rows.rejects else None
        why = f": row {first.row}: {first.reason}" if first else ""
        raise Invalid(f"A reference needs rows; this body has none that can be used{why}", field="rows")
    with service.database.write(locks.model(name), locks.posts(name)) as connection:
        model = models.ensure(connection, name, now)
        sent = replace(sent, rows=protected(connection, model, sent.rows))
        made = new_columns(sent.rows, model.columns, models.configured_types(model.settings))
        models.add_columns(connection, model.id, made)
        stored = models.with_columns(model, made)
        ensure_within(service, connection, stored)
        batch, warnings = fit(sent.rows, stored.columns)
        table = _table(batch, sent)
        quarantine.keep(connection, model.id, "references", sent.rows.rejects, now)
        told = _set(service, connection, name, reference, table, sent.timed, pinned=False, now=now)
    warnings = [*sent.rows.warnings, *said_of_scores(replace(model, columns=stored.columns), table), *warnings][:20]
    rejects = sent.rows.rejects
    errors = [{"row": r.row, "id": r.id, "field": r.field, "reason": r.reason} for r in rejects[:100]]
    return {**told, "rejected": len(rejects), "errors": errors, "warnings": warnings}


def pin_reference(service: Service, name: str, reference: str, start: int, end: int, now: int) -> dict[str, Any]:
    """A stretch of the log (to whole hours, outward) becomes a new version of the reference, with the labels known now.

    Raises NotFound for an unknown model, Invalid for an empty stretch.
    """
    _check_reference_name(reference)
    if start >= end:
        raise Invalid("window.start must be before window.end", field="window.start")
    first, last = start // clock.HOUR, -(-end // clock.HOUR)
    with service.database.write(locks.model(name), locks.posts(name)) as connection:
        model = known_models.get(connection, name)
        chunks = list(service.observations.read(connection, model.stored, first, last, model.columns))
        if not chunks:
            raise Invalid("There are no predictions in that window", field="window")
        table = pa.concat_tables(chunks)
        labels = _labels(service, connection, model, table, now)
        table = table.drop_columns(["id"]).append_column("label", labels)
        return _set(service, connection, name, reference, table, timed=True, pinned=True, now=now)


def _check_reference_name(reference: str) -> None:
    if not NAME.fullmatch(reference):
        raise Invalid(
            f"{reference[:100]!r} is no name of a reference: at most 100 letters, digits, spaces, dots, dashes and "
            "underscores, beginning with a letter or digit",
            field="name",
        )


def _table(batch: Any, sent: ArrivingReference) -> pa.Table:
    columns = {
        "hour": pa.array(batch.timestamps // clock.HOUR),
        "timestamp": pa.array(batch.timestamps),
        "version": batch.versions,
        "latency_ms": batch.latency_ms,
        "error": batch.errors,
        "odd": batch.odd,
        "label": sent.labels,
    }
    columns |= {column.physical: array for column, array in zip(batch.stored, batch.columns, strict=True)}
    return pa.table(columns)


def _labels(service: Service, connection: Connection, model: Model, table: pa.Table, now: int) -> pa.Array:
    """The newest label known of each row, null where there is none."""
    hours = sorted(set(table.column("hour").to_pylist()))
    rows = service.observations.scored(connection, model.stored, hours)
    known = np.flatnonzero(rows.known_hour <= now // clock.HOUR)
    latest = dict(zip(rows.ids.take(pa.array(known)).to_pylist(), known.tolist(), strict=True))
    places = [latest.get(prediction_id) for prediction_id in table.column("id").to_pylist()]
    return rows.label.take(pa.array(places, pa.int64()))


def _set(
    service: Service,
    connection: Connection,
    name: str,
    reference: str,
    table: pa.Table,
    timed: bool,
    *,
    pinned: bool,
    now: int,
) -> dict[str, Any]:
    model = known_models.get(connection, name)
    _decide_types(connection, model, table)
    versions = counting.by_version(table)
    times = pc.min_max(table.column("timestamp")).as_py()
    before = references.newest(connection, model.id)
    made = Reference(
        id=0,
        name=reference,
        version=0,
        rows=table.num_rows,
        timed=timed,
        labelled=table.num_rows - table.column("label").null_count,
        model_versions={version: part.num_rows for version, part in versions.items()},
        pinned=pinned,
        start=times["min"] if timed else None,
        end=times["max"] if timed else None,
        created_at=now,
    )
    reference_id = references.add(connection, model.id, made, _parts(table))
    model = known_models.get(connection, name)
    if _brings_news(connection, model, before, made, table):
        make_new_cuts(service, connection, model, now)
    else:
        _count(connection, model, reference_id, table, timed)
    stored = next(one for one in references.newest(connection, model.id) if one.id == reference_id)
    return {"name": reference, "version": stored.version, "rows": stored.rows}


def _parts(table: pa.Table) -> Iterator[bytes]:
    for start in range(0, table.num_rows, PART):
        sink = pa.BufferOutputStream()
        part = table.slice(start, PART)
        with pa.ipc.new_stream(sink, part.schema, options=_ZSTD) as writer:
            writer.write_table(part)
        yield sink.getvalue().to_pybytes()


def rows_of(connection: Connection, reference_id: int) -> Iterator[pa.Table]:
    """A reference's rows as they were sent or pinned, in parts: ``hour``, ``version``, ``label`` and stored columns."""
    for data in references.rows(connection, reference_id):
        yield pa.ipc.open_stream(data).read_all()


def _rows(connection: Connection, reference_id: int) -> pa.Table:
    return pa.concat_tables(list(rows_of(connection, reference_id))).combine_chunks()


def _decide_types(connection: Connection, model: Model, table: pa.Table) -> None:
    """Numeric or categorical is decided when a feature is first in a reference."""
    decided = {
        column.name: infer_kind(_whole(table.column(column.physical).combine_chunks()))
        for column in model.columns
        if column.role == "feature"
        and column.type is None
        and column.physical in table.column_names
        and table.column(column.physical).null_count < table.num_rows
    }
    models.decide_types(connection, model.id, decided)


def _whole(values: pa.Array) -> pa.Array:
    """Numbers as integers where all of them are whole: the store keeps every number as a float."""
    if not pa.types.is_floating(values.type):
        return values
    numbers = values.drop_null().to_numpy()
    with np.errstate(invalid="ignore"):
        whole = bool(np.all(np.isfinite(numbers) & (np.trunc(numbers) == numbers) & (np.abs(numbers) < 2**53)))
    return values.cast(pa.int64()) if whole else values


def _brings_news(
    connection: Connection, model: Model, before: Sequence[Reference], made: Reference, table: pa.Table
) -> bool:
    """Whether new cuts are needed: a first reference, a new model version, or columns that the cuts do not hold."""
    known = {version for reference in before for version in reference.model_versions}
    if not before or model.binning_id is None or not set(made.model_versions) <= known:
        return True
    binning = Binning.from_bytes(references.binning(connection, model.binning_id))
    return slicing.brings_values(binning, model.columns, table) or any(
        table.column(column.physical).null_count < table.num_rows
        for column in model.columns
        if column.physical in table.column_names
        and column.role in ("feature", "prediction", "probability")
        and not _has_cuts(binning, column)
    )


def _has_cuts(binning: Binning, column: StoredColumn) -> bool:
    name = {"feature": f"feature.{column.name}", "prediction": "prediction", "probability": "score"}[column.role]
    held = binning.by_name.get(name)
    if isinstance(held, CategoricalColumn) and held.rare and held.common is None:  # of before that was counted
        return False
    return held is not None and bool(len(getattr(held, "levels", ())))


def is_configured_otherwise(model: Model, binning: Binning) -> bool:
    """Whether the configuration has named another type, task, positive label or other segments since the cuts were
    made."""
    settings, meaning = settings_of(model), known_models.meaning_of_model(model)
    kinds = {f"feature.{column.name}": column.type for column in model.columns if column.role == "feature"}
    retyped = any(kinds.get(column.name) not in (None, counting.kind_of(column)) for column in binning.columns)
    positive = _positive(settings)
    other_class = meaning.task == "binary" and positive not in (None, meaning.positive)
    sliced = [one.name for one in binning.segments] != settings.segments
    return retyped or sliced or settings.task not in (None, meaning.task) or other_class


def make_new_cuts(service: Service, connection: Connection, model: Model, now: int) -> None:
    """New cuts from the newest rows of every reference; all references and all stored hours are counted on them."""
    newest = references.newest(connection, model.id)
    tables = {reference.id: _rows(connection, reference.id) for reference in newest}
    counted_on = cut(service, connection, model, list(tables.values()), now)
    for reference in newest:
        _add_profiles(connection, model, counted_on, reference.id, tables[reference.id], reference.timed)


def cut(
    service: Service, connection: Connection, model: Model, tables: Sequence[pa.Table], now: int
) -> tuple[int, Binning, Meaning]:
    """New cuts for the model from these rows; all stored hours wait to be counted on them."""
    meaning = _meaning(service, connection, model, tables)
    models.settle_meaning(connection, model.id, meaning.task, list(meaning.classes))
    segments = slicing.segment_columns(settings_of(model).segments, model.columns, tables)
    binning = replace(counting.binning_of(model.columns, meaning, tables), segments=segments)
    binning_id = references.add_binning(connection, model.id, binning.to_bytes(), now)
    summaries.mark_all_dirty(connection, model.id)
    return binning_id, binning, meaning


def _count(connection: Connection, model: Model, reference_id: int, table: pa.Table, timed: bool) -> None:
    assert model.binning_id is not None
    binning = Binning.from_bytes(references.binning(connection, model.binning_id))
    meaning = known_models.meaning_of_model(model)
    _add_profiles(connection, model, (model.binning_id, binning, meaning), reference_id, table.combine_chunks(), timed)


def _add_profiles(
    connection: Connection,
    model: Model,
    counted_on: tuple[int, Binning, Meaning],
    reference_id: int,
    table: pa.Table,
    timed: bool,
) -> None:
    binning_id, binning, meaning = counted_on
    parts = counting.by_version(table)
    profiles = {version: _profile(binning, model, meaning, part, timed) for version, part in parts.items()}
    whole = next(iter(profiles.values())) if len(parts) == 1 else _profile(binning, model, meaning, table, timed)
    profiles[WHOLE] = whole
    references.add_profiles(connection, reference_id, binning_id, profiles)
    if binning.segments:
        sliced = _segments(binning, model, meaning, parts if len(parts) == 1 else {**parts, WHOLE: table}, timed)
        references.add_segment_profiles(connection, reference_id, binning_id, sliced)


def _segments(
    binning: Binning, model: Model, meaning: Meaning, parts: Mapping[str, pa.Table], timed: bool
) -> Iterator[SegmentProfile]:
    """Profiles of every segment, of each part by its model version; of the whole too. Pairs and
    vectors are counted over all rows alone."""
    single = replace(binning, pairs=())
    for version, part in parts.items():
        for segment, rows in slicing.by_segment(binning, model.columns, part):
            data = _counted(single, model, meaning, rows, timed).of_single_columns().to_bytes()
            for name in (version,) if len(parts) > 1 else (version, WHOLE):
                yield SegmentProfile(name, segment, rows.num_rows, data)


def _profile(binning: Binning, model: Model, meaning: Meaning, table: pa.Table, timed: bool) -> bytes:
    return _counted(binning, model, meaning, table, timed).to_bytes()


def _counted(binning: Binning, model: Model, meaning: Meaning, table: pa.Table, timed: bool) -> ReferenceProfile:
    return counting.profile_of(binning, model.columns, meaning, table.combine_chunks(), timed)


def _meaning(service: Service, connection: Connection, model: Model, tables: Sequence[pa.Table]) -> Meaning:
    """Task and classes: as configured, else from the references' predictions and labels, else from the newest log."""
    settings = settings_of(model)
    values = [part for table in tables for part in (_predictions(model, table), table.column("label").combine_chunks())]
    if all(part.null_count == len(part) for part in values) and model.newest_prediction is not None:
        last = model.newest_prediction // clock.HOUR + 1
        recent = service.observations.read(connection, model.stored, last - RECENT_HOURS, last, model.columns)
        values = [_predictions(model, table) for table in recent]
    alone = says_likeliest(model.columns)
    if alone:
        names = [column.name for column in model.columns if column.role == "probability" and column.name]
        if len(names) > 1 or all(part.null_count == len(part) for part in values):  # one says little beside labels
            values.append(canonical(pa.array(names, pa.string())))
    meaning = meaning_of(settings.task, _positive(settings), values)
    return replace(meaning, likeliest=alone and meaning.task != "regression")


def _positive(settings: Settings) -> str | None:
    """The configured positive label in canonical form."""
    if settings.positive_label is None:
        return None
    return str(canonical(pa.array([settings.positive_label]))[0].as_py())


def _predictions(model: Model, table: pa.Table) -> pa.Array:
    for column in model.columns:
        if column.role == "prediction" and column.physical in table.column_names:
            return canonical_stored(table.column(column.physical).combine_chunks(), column.storage)
    return pa.nulls(table.num_rows, pa.string())
