"""Storing predictions: each id once, the first of an id stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.clock import HOUR
from monitor.store.observations.base import PARTS, Appended, PredictionBatch, StoredModel, arrow_type
from monitor.store.observations.clickhouse import ids, orphans
from monitor.store.observations.clickhouse.engine import Engine
from monitor.store.observations.clickhouse.schema import IDS, PREDICTIONS, WEEK, delete, each_once, table
from monitor.store.observations.predictions import appended_of
from monitor.store.observations.schema import FIXED

_NO_HOURS = np.empty(0, np.int64)


def append(engine: Engine, model: StoredModel, batch: PredictionBatch, number: int) -> Appended:
    """Store rows whose id is not known; see ``Observations.append``.

    They go in while their ids are looked up, which takes nearly as long: nearly always all are new. A row of a known id
    has the key of the row there, which hides it, unless it has another hour: then it is deleted again. What ends half
    way is put right by ``repair``.
    """
    if not len(batch.ids):
        return Appended(0, 0, _NO_HOURS)
    fresh = np.zeros(len(batch.ids), np.bool_)
    fresh[ids.firsts(batch.ids)] = True
    rows = rows_of(batch, number)
    rows = rows if fresh.all() else rows.filter(pa.array(fresh))
    known, waiting, _, _ = engine.together(
        lambda: ids.known(engine, model, batch.ids, number),
        lambda: orphans.there_are(engine, model),
        lambda: engine.insert(table(PREDICTIONS, model), rows, f"{model.id}.{number}.rows"),
        lambda: engine.insert(table(IDS, model), rows.select(ids.KNOWN.names), f"{model.id}.{number}.ids"),
    )
    if len(known):
        _take_back(engine, model, rows, known)
        fresh &= ~pc.is_in(batch.ids, value_set=known["id"].combine_chunks()).to_numpy(zero_copy_only=False)
    if waiting:
        some = pa.array(fresh)
        orphans.adopt(engine, model, batch.ids.filter(some), batch.timestamps[fresh], f"{model.id}.{number}.adopted")
    return appended_of(batch, fresh, _conflicting(engine, model, batch, fresh, known))


def _conflicting(
    engine: Engine, model: StoredModel, batch: PredictionBatch, fresh: NDArray[np.bool_], known: pa.Table
) -> NDArray[np.int64]:
    again = np.flatnonzero(~fresh)
    if not len(again):
        return _NO_HOURS
    hours = np.unique(np.concatenate([known["ts"].to_numpy(), batch.timestamps[fresh]]) // HOUR)
    return batch.timestamps[_different(engine, model, batch, again, hours)] // HOUR


def rows_of(batch: PredictionBatch, number: int) -> pa.Table:
    """A batch as the table of predictions takes it."""
    hours = batch.timestamps // HOUR
    columns: dict[str, Any] = {
        "id": batch.ids,
        "ts": pa.array(batch.timestamps),
        "hour": pa.array(hours.astype(np.int32)),
        "week": pa.array((hours // WEEK).astype(np.int32)),
        "batch": pa.array(np.full(len(hours), -number, np.int64)),
        "version": batch.versions,
        "latency_ms": batch.latency_ms,
        "error": batch.errors,
        "odd": batch.odd,
    }
    columns |= {column.physical: values for column, values in zip(batch.stored, batch.columns, strict=True)}
    return pa.table(columns)


def _take_back(engine: Engine, model: StoredModel, rows: pa.Table, known: pa.Table) -> None:
    """Delete those of the rows whose id has another hour since before."""
    at = pc.index_in(rows["id"], value_set=known["id"].combine_chunks())
    there, since = (known[name].combine_chunks().take(at) for name in ("ts", "batch"))
    earlier = pc.and_(pc.greater(since, rows["batch"]), pc.not_equal(pc.divide(there, HOUR), rows["hour"]))
    wrong = rows.filter(pc.fill_null(earlier, False))
    for batch in pc.unique(wrong["batch"]).to_pylist():
        mine = wrong.filter(pc.equal(wrong["batch"], batch))
        among = f"{_of_hours(np.unique(mine['hour'].to_numpy()))} AND batch = {batch}"
        for some in ids.parts(mine["id"].combine_chunks()):
            delete(engine, PREDICTIONS, model, f"{among} AND {ids.unnamed(some)}")


def repair(engine: Engine, model: StoredModel, change: int, hours: NDArray[np.int64]) -> None:
    """Finish what appends for that change to those hours (none: any) may have begun: each row has its id and its
    labels, each id its row, and of a known id there is nothing else."""
    among = of_change(change)
    schema = pa.schema([("id", pa.string()), ("ts", pa.int64()), ("hour", pa.int32()), ("batch", pa.int64())])
    where = f"{_of_hours(hours)} AND {among}" if len(hours) else among
    rows = engine.rows(f"SELECT id, ts, hour, batch FROM {table(PREDICTIONS, model)} WHERE {where}", schema)
    rows = rows.sort_by([("batch", "descending")])
    noted = engine.rows(f"SELECT id, ts, batch FROM {table(IDS, model)} WHERE {among}", ids.KNOWN)
    for some in ids.parts(_without(noted, rows)["id"].combine_chunks()):
        delete(engine, IDS, model, f"{among} AND {ids.unnamed(some)}")
    lacking = _without(rows, noted).select(ids.KNOWN.names)
    if len(lacking):
        engine.insert(table(IDS, model), lacking, f"{model.id}.{change}.mended")
    if len(rows):
        known = ids.known(engine, model, rows["id"].combine_chunks())
        _take_back(engine, model, rows, known)
        mine = known.filter(pc.less_equal(known["batch"], -change * PARTS))
        token = f"{model.id}.{change}.mended.adopted"
        orphans.adopt(engine, model, mine["id"].combine_chunks(), mine["ts"].to_numpy(), token)


def of_change(change: int) -> str:
    """A condition that rows meet which came by appends for that change."""
    return f"batch <= {-change * PARTS} AND batch > {-(change + 1) * PARTS}"


def _without(rows: pa.Table, others: pa.Table) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows["id"], value_set=others["id"].combine_chunks())))


def _of_hours(hours: NDArray[Any]) -> str:
    return f"hour IN ({','.join(map(str, hours.tolist()))})"


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
    sent = rows_of(batch, 0).take(places)
    stored = pa.concat_tables(
        engine.rows(
            f"SELECT {','.join(schema.names)} FROM {each_once(PREDICTIONS, model)}"
            f" WHERE {_of_hours(hours)} AND {ids.of_ids(some)}",
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
