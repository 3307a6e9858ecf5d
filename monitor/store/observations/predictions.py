"""Storing predictions: bulk, each id once, the first of an id stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.clock import HOUR
from monitor.store.observations import sqlite
from monitor.store.observations.base import Appended, PredictionBatch, StoredModel
from monitor.store.observations.schema import FIXED, predictions_table

_NO_HOURS = np.empty(0, np.int64)


def append(connection: Any, model: StoredModel, batch: PredictionBatch) -> Appended:
    """Store rows whose id is not known; see ``Observations.append``."""
    length = len(batch.ids)
    if not length:
        return Appended(0, 0, _NO_HOURS)
    table = predictions_table(model)
    names = [*FIXED, *(column.physical for column in batch.stored)]
    columns = _columns(batch)
    with sqlite.cursor(connection) as at:
        before = sqlite.newest_row(at, table)
        accepted = sqlite.insert(at, table, names, columns)
        if accepted == length:
            return _appended(batch, np.ones(length, np.bool_), _NO_HOURS)
        fresh = _fresh(batch.ids, pa.array([row[0] for row in _since(at, table, before)], pa.string()))
        again = np.flatnonzero(~fresh)
        different = _different(at, model, names, [[column[row] for row in again] for column in columns])
    return _appended(batch, fresh, batch.timestamps[again[different]] // HOUR)


def _columns(batch: PredictionBatch) -> list[list[Any]]:
    fixed = (batch.ids, batch.timestamps, batch.versions, batch.latency_ms, batch.errors, batch.odd)
    return [sqlite.bindable(values) for values in (*fixed, *batch.columns)]


def _since(at: Any, table: str, row: int) -> list[tuple[str]]:
    found: list[tuple[str]] = at.execute(f"SELECT id FROM {table} WHERE rowid > ?", (row,)).fetchall()
    return found


def _fresh(ids: pa.Array, inserted: pa.Array) -> NDArray[np.bool_]:
    """Which rows of the batch went in: the first of each inserted id."""
    codes = ids.dictionary_encode().indices.to_numpy()
    first = np.zeros(len(ids), np.bool_)
    first[np.unique(codes, return_index=True)[1]] = True
    fresh: NDArray[np.bool_] = first & pc.is_in(ids, value_set=inserted).to_numpy(zero_copy_only=False)
    return fresh


def _different(at: Any, model: StoredModel, names: list[str], columns: list[list[Any]]) -> NDArray[np.int64]:
    """Which of these resends differ from what is stored, as places among them. Compared by the engine: a column that
    the resend does not bring counts as null."""
    absent = [column.physical for column in model.columns if column.physical not in names]
    sent = ",".join([*(f"s.{name}" for name in names), *("NULL" for _ in absent)])
    kept = ",".join(f"p.{name}" for name in (*names, *absent))
    at.execute("DROP TABLE IF EXISTS temp.resent")
    at.execute(f"CREATE TEMP TABLE resent ({','.join(names)}, place INTEGER)")
    places = list(range(len(columns[0])))
    sqlite.insert(at, "temp.resent", [*names, "place"], [*columns, places])
    at.execute(
        f"SELECT s.place FROM temp.resent s JOIN {predictions_table(model)} p ON p.id = s.id"
        f" WHERE ({sent}) {sqlite.DIFFERS} ({kept}) ORDER BY s.place"
    )
    different = np.array([row[0] for row in at.fetchall()], np.int64)
    at.execute("DROP TABLE temp.resent")
    return different


def _appended(batch: PredictionBatch, fresh: NDArray[np.bool_], conflicting: NDArray[np.int64]) -> Appended:
    times = batch.timestamps[fresh]
    return Appended(
        accepted=len(times),
        duplicates=len(fresh) - len(times),
        hours=np.unique(times // HOUR),
        conflicting_hours=conflicting,
        versions=_versions(batch.versions.filter(pa.array(fresh)), times),
        fresh=fresh,
    )


def _versions(versions: pa.Array, times: NDArray[np.int64]) -> dict[str, tuple[int, int, int]]:
    table = pa.table({"version": pc.fill_null(versions, ""), "time": times})
    grouped = table.group_by("version").aggregate([("time", "count"), ("time", "min"), ("time", "max")])
    rows = zip(*(grouped[name].to_pylist() for name in ("version", "time_count", "time_min", "time_max")), strict=True)
    return {version: (count, first, newest) for version, count, first, newest in rows}
