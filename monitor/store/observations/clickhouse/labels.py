"""Storing labels: every revision is kept, in order of arrival."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.clock import HOUR
from monitor.store.observations.base import Appended, LabelBatch, StoredModel
from monitor.store.observations.clickhouse import ids, orphans
from monitor.store.observations.clickhouse.engine import Engine
from monitor.store.observations.clickhouse.orphans import REVISION
from monitor.store.observations.clickhouse.schema import LABELS, ORPHANS, each_once, table

_NO_HOURS = np.empty(0, np.int64)
_NEWEST_FIRST = [("ts", "descending"), ("batch", "ascending"), ("place", "descending")]


def append(engine: Engine, model: StoredModel, batch: LabelBatch, arrived: int, number: int) -> Appended:
    """Keep labels; see ``Observations.append_labels``."""
    length = len(batch.ids)
    if not length:
        return Appended(0, 0, _NO_HOURS)
    known = ids.known(engine, model, batch.ids)
    places = pc.index_in(batch.ids, value_set=known["id"].combine_chunks())
    times = known["ts"].combine_chunks().take(places)
    matched = times.is_valid().to_numpy(zero_copy_only=False)
    hours = pc.fill_null(times, 0).to_numpy() // HOUR
    waiting = orphans.of(engine, model, batch.ids.filter(pa.array(~matched)))
    earlier = pa.concat_tables([_of(engine, model, known), waiting])
    new = _new(batch, earlier)
    rows = _rows(batch, arrived, number)
    for kind, mine in ((LABELS, new & matched), (ORPHANS, new & ~matched)):
        if mine.any():
            some = rows.filter(pa.array(mine))
            some = orphans.with_hours(some, hours[mine]) if kind == LABELS else some
            engine.insert(table(kind, model), some, f"{model.id}.{number}.{kind}")
    accepted = int(new.sum())
    touched = np.unique(hours[new & matched])
    return Appended(accepted, length - accepted, touched, unmatched=int((~matched).sum()), fresh=new, matched=matched)


def _of(engine: Engine, model: StoredModel, known: pa.Table) -> pa.Table:
    """All revisions of these predictions."""
    if not len(known):
        return REVISION.empty_table()
    hours = np.unique(known["ts"].to_numpy() // HOUR)
    among = f"hour IN ({','.join(map(str, hours.tolist()))})"
    return pa.concat_tables(
        engine.rows(
            f"SELECT {','.join(REVISION.names)} FROM {each_once(LABELS, model)} WHERE {among} AND {ids.of_ids(some)}",
            REVISION,
        )
        for some in ids.parts(known["id"].combine_chunks())
    )


def _rows(batch: LabelBatch, arrived: int, number: int) -> pa.Table:
    length = len(batch.ids)
    columns = [
        batch.ids,
        pa.array(batch.timestamps),
        batch.labels,
        batch.kinds,
        pa.array(np.full(length, arrived, np.int64)),
        pa.array(np.full(length, -number, np.int64)),
        pa.array(np.arange(length, dtype=np.uint32)),
    ]
    return pa.table(columns, REVISION)


def _new(batch: LabelBatch, earlier: pa.Table) -> NDArray[np.bool_]:
    """Which labels are kept: a revision that is known (same id, time and value) is not, nor is one without a time of
    its own that repeats the newest value known before this body."""
    newest = ids.first_of_each(earlier.sort_by(_NEWEST_FIRST))
    standing = newest["value"].combine_chunks().take(pc.index_in(batch.ids, value_set=newest["id"].combine_chunks()))
    repeats = pc.fill_null(pc.equal(batch.labels, standing), False).to_numpy(zero_copy_only=False)
    kept: NDArray[np.bool_] = ~(repeats & batch.defaulted)
    keys = [
        pa.concat_arrays([earlier["id"].combine_chunks(), batch.ids.filter(pa.array(kept))]),
        pa.concat_arrays([earlier["value"].combine_chunks(), batch.labels.filter(pa.array(kept))]),
    ]
    codes = [one.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64) for one in keys]
    times = np.concatenate([earlier["ts"].to_numpy(), batch.timestamps[kept]])
    first = np.unique(np.stack([*codes, times], axis=1), axis=0, return_index=True)[1] - len(earlier)
    new = np.zeros(len(kept), np.bool_)
    new[np.flatnonzero(kept)[first[first >= 0]]] = True
    return new
