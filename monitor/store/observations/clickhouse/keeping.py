"""What happens to rows beside posting and reading: they are erased, moved to another store, weighed, and dropped."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.clock import HOUR
from monitor.store.observations.base import Erased, StoredModel
from monitor.store.observations.clickhouse import ids, orphans
from monitor.store.observations.clickhouse.engine import Engine, quoted, text
from monitor.store.observations.clickhouse.orphans import REVISION
from monitor.store.observations.clickhouse.schema import (
    IDS,
    LABELS,
    ORPHANS,
    PREDICTIONS,
    SHAPES,
    each_once,
    local,
    table,
)
from monitor.store.observations.keeping import AT_ONCE
from monitor.store.observations.keeping import LABELS as MOVED


def erase(engine: Engine, model: StoredModel, prediction_id: str) -> Erased:
    """Delete one prediction and every label of that id: the parts that hold them are written anew, the old ones go
    after some minutes. So are parts with rows that were only marked as deleted, as one of that id may be that came
    with another hour."""
    wanted = pa.array([prediction_id], pa.string())
    known = ids.known(engine, model, wanted)
    time = known["ts"][0].as_py() if len(known) else None
    same = ids.unnamed(wanted)
    masked = [  # asked before anything is deleted, as it may be refused
        kind
        for kind in SHAPES
        if engine.number(f"SELECT count() FROM {_parts(engine, model, kind)} AND has_lightweight_delete")
    ]
    version, kept = "", len(orphans.of(engine, model, wanted))
    if time is not None:
        here = f"hour = {time // HOUR} AND {same}"
        rows = engine.rows(
            f"SELECT ifNull(version, '') AS version FROM {each_once(PREDICTIONS, model)} WHERE {here}",
            pa.schema([("version", pa.string())]),
        )
        version = rows["version"][0].as_py() if len(rows) else ""
        kept = engine.number(f"SELECT count() FROM {each_once(LABELS, model)} WHERE {here}")
        for kind in (LABELS, PREDICTIONS):
            _delete(engine, model, kind, here)
    hash_ = ids.hash_of(engine, prediction_id)
    for kind in (ORPHANS, IDS):
        _delete(engine, model, kind, f"hash = {hash_} AND {same}")
    for kind in masked:
        _alter(engine, model, kind, "APPLY DELETED MASK")
    return Erased(time, version, kept)


def _delete(engine: Engine, model: StoredModel, kind: str, where: str) -> None:
    _alter(engine, model, kind, f"DELETE WHERE {where}")


def _alter(engine: Engine, model: StoredModel, kind: str, what: str) -> None:
    name, everywhere = local(engine, kind, model)
    engine.run(f"ALTER TABLE {name}{everywhere} {what}")


def drop_model(engine: Engine, model: StoredModel) -> None:
    """The model's tables are gone."""
    for kind in SHAPES:
        name, everywhere = local(engine, kind, model)
        for one in dict.fromkeys((table(kind, model), name)):
            engine.run(f"DROP TABLE IF EXISTS {one}{everywhere} SYNC")


def labels_of(engine: Engine, model: StoredModel) -> Iterator[pa.Table]:
    """Every revision of every label, in order of arrival."""
    names = ",".join(REVISION.names)
    known = f"SELECT hash, id FROM {table(IDS, model)} WHERE hash IN (SELECT hash FROM {table(ORPHANS, model)})"
    everything = (
        f"SELECT {names} FROM {each_once(LABELS, model)} UNION ALL"
        f" SELECT {names} FROM {each_once(ORPHANS, model)} WHERE (hash, id) NOT IN ({known})"
    )
    start = 0
    while True:
        found = engine.rows(
            f"SELECT {names} FROM ({everything}) ORDER BY batch DESC, place, id LIMIT {AT_ONCE} OFFSET {start}",
            REVISION,
        )
        if not len(found):
            return
        start += len(found)
        yield found.select(MOVED.names)


def restore_labels(engine: Engine, model: StoredModel, rows: pa.Table, number: int) -> None:
    """Labels as ``labels_of`` gave them, behind those that are there."""
    length = len(rows)
    rows = rows.select(MOVED.names).append_column("batch", pa.array(np.full(length, -number, np.int64)))
    rows = rows.append_column("place", pa.array(np.arange(length, dtype=np.uint32))).cast(REVISION)
    times = ids.times(engine, model, rows["id"].combine_chunks())
    met = times.is_valid()
    hours = times.filter(met).to_numpy() // HOUR
    for kind, some in ((LABELS, orphans.with_hours(rows.filter(met), hours)), (ORPHANS, rows.filter(pc.invert(met)))):
        if len(some):
            engine.insert(table(kind, model), some, f"{model.id}.{number}.{kind}")


def size(engine: Engine, model: StoredModel) -> dict[str, int]:
    """Bytes on disk, of all shards."""

    def of(*kinds: str) -> int:
        return engine.number(f"SELECT sum(bytes_on_disk) FROM {_parts(engine, model, *kinds)}")

    return {"predictions": of(PREDICTIONS, IDS), "labels": of(LABELS, ORPHANS)}


def _parts(engine: Engine, model: StoredModel, *kinds: str) -> str:
    """The parts that hold rows of such tables, on all shards."""
    cluster = engine.address.cluster
    parts = "system.parts" if cluster is None else f"cluster({quoted(cluster)}, system.parts)"
    names = ",".join(text(local(engine, kind, model)[0]) for kind in kinds)
    return f"{parts} WHERE active AND database = currentDatabase() AND table IN ({names})"
