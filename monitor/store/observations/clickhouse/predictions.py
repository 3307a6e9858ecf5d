"""Storing predictions: each id once, the first of an id stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.clock import HOUR
from monitor.store.observations.base import Appended, PredictionBatch, StoredModel, arrow_type
from monitor.store.observations.clickhouse import ids, orphans
from monitor.store.observations.clickhouse.engine import Engine
from monitor.store.observations.clickhouse.schema import IDS, PREDICTIONS, WEEK, table
from monitor.store.observations.predictions import _appended
from monitor.store.observations.schema import FIXED

_NO_HOURS = np.empty(0, np.int64)


def append(engine: Engine, model: StoredModel, batch: PredictionBatch, change: int) -> Appended:
    """Store rows whose id is not known; see ``Observations.append``."""
    if not len(batch.ids):
        return Appended(0, 0, _NO_HOURS)
    known = ids.known(engine, model, batch.ids)
    fresh = _fresh(batch.ids, known["id"].combine_chunks())
    if fresh.any():
        _insert(engine, model, _rows(batch, change), fresh, change)
    again = np.flatnonzero(~fresh)
    if not len(again):
        return _appended(batch, fresh, _NO_HOURS)
    hours = np.unique(np.concatenate([known["ts"].to_numpy(), batch.timestamps[fresh]]) // HOUR)
    different = _different(engine, model, batch, again, hours)
    return _appended(batch, fresh, batch.timestamps[different] // HOUR)


def _fresh(sent: pa.Array, known: pa.Array) -> NDArray[np.bool_]:
    fresh = np.zeros(len(sent), np.bool_)
    fresh[ids.firsts(sent)] = True
    if len(known):
        fresh &= ~pc.is_in(sent, value_set=known).to_numpy(zero_copy_only=False)
    return fresh


def _rows(batch: PredictionBatch, change: int) -> pa.Table:
    hours = batch.timestamps // HOUR
    columns: dict[str, Any] = {
        "id": batch.ids,
        "ts": pa.array(batch.timestamps),
        "hour": pa.array(hours.astype(np.int32)),
        "week": pa.array((hours // WEEK).astype(np.int32)),
        "batch": pa.array(np.full(len(hours), -change, np.int64)),
        "version": batch.versions,
        "latency_ms": batch.latency_ms,
        "error": batch.errors,
        "odd": batch.odd,
    }
    columns |= {column.physical: values for column, values in zip(batch.stored, batch.columns, strict=True)}
    return pa.table(columns)


def _insert(engine: Engine, model: StoredModel, rows: pa.Table, fresh: NDArray[np.bool_], change: int) -> None:
    """Rows before their ids: an id that is known has its row. What ends between the two is put right by ``repair``."""
    if not fresh.all():
        rows = rows.filter(pa.array(fresh))
    engine.insert(table(PREDICTIONS, model), rows, f"{model.id}.{change}.rows")
    engine.insert(table(IDS, model), rows.select(["id", "ts", "batch"]), f"{model.id}.{change}.ids")
    orphans.adopt(engine, model, rows["id"].combine_chunks(), rows["ts"].to_numpy(), change)


def repair(engine: Engine, model: StoredModel, change: int, hours: NDArray[np.int64]) -> None:
    """Finish what an ``append`` under that change to those hours may have begun: its rows get their ids and labels."""
    where = f"hour IN ({','.join(map(str, hours.tolist()))}) AND batch = {-change}"
    schema = pa.schema([("id", pa.string()), ("ts", pa.int64()), ("batch", pa.int64())])
    found = engine.rows(f"SELECT id, ts, batch FROM {table(PREDICTIONS, model)} FINAL WHERE {where}", schema)
    if not len(found):
        return
    known = ids.known(engine, model, found["id"].combine_chunks())
    lacking = found.filter(pc.invert(pc.is_in(found["id"], value_set=known["id"].combine_chunks())))
    if len(lacking):
        engine.insert(table(IDS, model), lacking, f"{model.id}.{change}.mended.{len(lacking)}")
    orphans.adopt(engine, model, found["id"].combine_chunks(), found["ts"].to_numpy(), change)


def _different(
    engine: Engine, model: StoredModel, batch: PredictionBatch, again: NDArray[np.int64], hours: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Which of these rows differ from what is stored. A column that a resend does not bring counts as null."""
    fixed = (pa.string(), pa.int64(), pa.string(), pa.float64(), pa.string(), pa.string())
    schema = pa.schema(
        [
            *zip(FIXED, fixed, strict=True),
            *((column.physical, arrow_type(column)) for column in model.columns),
        ]
    )
    places = pa.array(again)
    sent = _rows(batch, 0).take(places)
    among = f"hour IN ({','.join(map(str, hours.tolist()))})"
    stored = pa.concat_tables(
        engine.rows(
            f"SELECT {','.join(schema.names)} FROM {table(PREDICTIONS, model)} FINAL"
            f" WHERE {among} AND {ids.of_ids(some)}",
            schema,
        )
        for some in ids.parts(sent["id"].combine_chunks())
    )
    kept = stored.take(pc.index_in(sent["id"], value_set=stored["id"].combine_chunks()))
    differs = np.zeros(len(again), np.bool_)
    for name, type_ in zip(schema.names, schema.types, strict=True):
        values = sent[name].cast(type_) if name in sent.column_names else pa.nulls(len(again), type_)
        same = pc.fill_null(pc.equal(values, kept[name]), False)
        both_null = pc.and_(pc.is_null(values), pc.is_null(kept[name]))
        differs |= ~np.asarray(pc.or_(same, both_null))
    return again[differs]
