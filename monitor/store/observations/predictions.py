"""Storing predictions: bulk, each id once, the first of an id stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.clock import HOUR
from monitor.store.observations.base import Appended, PredictionBatch, StoredModel
from monitor.store.observations.dialect import Dialect
from monitor.store.observations.schema import FIXED, predictions_table

_NO_HOURS = np.empty(0, np.int64)


def append(connection: Any, dialect: Dialect, model: StoredModel, batch: PredictionBatch) -> Appended:
    """Store rows whose id is not known; see ``Observations.append``."""
    if not len(batch.ids):
        return Appended(0, 0, _NO_HOURS)
    names = [*FIXED, *(column.physical for column in batch.stored)]
    with dialect.cursor(connection) as at:
        fresh = dialect.insert_new(at, model, names, batch)
        if fresh.all():
            return appended_of(batch, fresh, _NO_HOURS)
        again = np.flatnonzero(~fresh)
        different = _different(at, dialect, model, names, batch, again)
    return appended_of(batch, fresh, batch.timestamps[again[different]] // HOUR)


def _different(
    at: Any, dialect: Dialect, model: StoredModel, names: list[str], batch: PredictionBatch, again: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Which of these resends differ from what is stored, as places among them. Compared by the engine: a column that
    the resend does not bring counts as null."""
    places = pa.array(again)
    resent = [values[again] if isinstance(values, np.ndarray) else values.take(places) for values in batch.arrays()]
    staged = dialect.stage(at, "resent", list(zip(names, resent, strict=True)))
    absent = [column.physical for column in model.columns if column.physical not in names]
    same = [*(f"s.{name} {dialect.same} p.{name}" for name in names), *(f"p.{name} IS NULL" for name in absent)]
    table, known = predictions_table(model), dialect.known(model)
    place = "" if known == table else f"JOIN {known} i ON i.id = s.id"
    at.execute(
        f"SELECT s.place FROM {staged} s {place} JOIN {table} p ON p.id = s.id{' AND p.ts = i.ts' if place else ''}"
        f" WHERE NOT ({' AND '.join(same)}) ORDER BY s.place"
    )
    return np.array([row[0] for row in at.fetchall()], np.int64)


def appended_of(batch: PredictionBatch, fresh: NDArray[np.bool_], conflicting: NDArray[np.int64]) -> Appended:
    """What became of a batch: which rows went in, and the hours of resends that differ."""
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
