"""A model's tables in ClickHouse: predictions, labels, the ids that are known, and labels that wait for theirs.

All hold ``batch``, the negative of the change under which rows came: of rows with equal keys the first stays, since
its batch is the greatest. Over a cluster each is spread by the hash of the id, so that an id has all it has on one
shard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from monitor.clock import HOUR
from monitor.store.observations.base import Storage, StoredModel
from monitor.store.observations.clickhouse.engine import Engine, quoted, text

WEEK = 168  # hours
TYPES: dict[Storage, str] = {
    "number": "Nullable(Float64)",
    "string": "Nullable(String)",
    "boolean": "Nullable(String)",
    "vector": "Nullable(String)",
}
# Kept over a loss of power too; a token is known again for so many inserts.
_KEPT = "fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000"
_BY_COLUMN = ", vertical_merge_algorithm_min_rows_to_activate = 1"  # one column at a time: a merge of all takes 40 MB
_REVISION = "ts Int64, value String, kind LowCardinality(String), arrived Int64, batch Int64, place UInt32"
_HASHED = "id String, hash UInt64 DEFAULT cityHash64(id)"
_TIMED = "hour Int32, week Int32, id String"


@dataclass(frozen=True)
class Shape:
    """What a kind of table is: columns, order, and whether it is parted by weeks."""

    columns: str
    order: str
    weekly: bool
    granularity: int = 8192


PREDICTIONS, LABELS, IDS, ORPHANS = "p", "l", "i", "o"
SHAPES = {
    PREDICTIONS: Shape(
        f"{_TIMED}, ts Int64, batch Int64, version LowCardinality(Nullable(String)), latency_ms Nullable(Float64),"
        " error Nullable(String), odd Nullable(String)",
        "hour, id",
        weekly=True,
    ),
    LABELS: Shape(f"{_TIMED}, {_REVISION}", "hour, id, ts, value", weekly=True),
    # Asked for thousands of scattered ids at once: small granules read less around each.
    IDS: Shape(f"{_HASHED}, ts Int64, batch Int64", "hash, id", weekly=False, granularity=512),
    ORPHANS: Shape(f"{_HASHED}, {_REVISION}", "hash, id, ts, value", weekly=False, granularity=512),
}


def table(kind: str, model: StoredModel) -> str:
    """Name of a model's table."""
    return f"{kind}_{model.id}"


def each_once(kind: str, model: StoredModel, alias: str = "") -> str:
    """A model's table as rows are read from it: of rows with equal keys, as a second insert of the same leaves them
    until parts are merged, the first alone. Nowhere else is FINAL written."""
    return f"{table(kind, model)}{alias and f' AS {alias}'} FINAL"


def local(engine: Engine, kind: str, model: StoredModel) -> tuple[str, str]:
    """The table that holds the rows of a shard, and the words that make a statement reach all shards."""
    cluster = engine.address.cluster
    if cluster is None:
        return table(kind, model), ""
    everywhere = f" ON CLUSTER {quoted(cluster)}" if engine.address.on_cluster else ""
    return f"{table(kind, model)}_local", everywhere


def existing(engine: Engine, model: StoredModel) -> dict[str, str]:
    """Types of the columns that the model's table of predictions has, by name; empty if there is none."""
    name, _ = local(engine, PREDICTIONS, model)
    found = engine.rows(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = " + text(name),
        pa.schema([("name", pa.string()), ("type", pa.string())]),
    )
    return dict(zip(found["name"].to_pylist(), found["type"].to_pylist(), strict=True))


def ensure(engine: Engine, model: StoredModel) -> None:
    """Make the tables, or add the columns that they lack. Safe to call again, and by several processes."""
    have = existing(engine, model)
    if not have:
        for statement in creation(engine, model):
            engine.run(statement)
    wanted = {column.physical: TYPES[column.storage] for column in model.columns}
    lacking = {name: type_ for name, type_ in wanted.items() if have.get(name) != type_}
    if lacking:
        _put_columns(engine, model, lacking, have)


def creation(engine: Engine, model: StoredModel) -> list[str]:
    """The statements that make a model's tables; those of predictions come last, since they stand for all."""
    statements = []
    for kind in (ORPHANS, IDS, LABELS, PREDICTIONS):
        shape, (name, everywhere) = SHAPES[kind], local(engine, kind, model)
        spread = table(kind, model)
        if name != spread:
            cluster = text(engine.address.cluster or "")
            statements.append(
                f"CREATE TABLE IF NOT EXISTS {spread}{everywhere} ({shape.columns}) ENGINE = Distributed({cluster},"
                f" {text(engine.address.database)}, {name}, cityHash64(id))"
            )
        replicated = "Replicated" if engine.address.replicated else ""
        kept = _KEPT + (_BY_COLUMN if engine.address.embedded else "")
        statements.append(
            f"CREATE TABLE IF NOT EXISTS {name}{everywhere} ({shape.columns})"
            f" ENGINE = {replicated}ReplacingMergeTree(batch){' PARTITION BY week' if shape.weekly else ''}"
            f" ORDER BY ({shape.order}) SETTINGS {kept}, index_granularity = {shape.granularity}"
        )
    return statements


def _put_columns(engine: Engine, model: StoredModel, columns: Mapping[str, str], have: Mapping[str, str]) -> None:
    """A column of another type is one that an unfinished unit of work left: it has no values."""
    actions = ", ".join(
        f"{'MODIFY COLUMN' if name in have else 'ADD COLUMN IF NOT EXISTS'} {name} {type_}"
        for name, type_ in columns.items()
    )
    where, everywhere = local(engine, PREDICTIONS, model)
    for one in dict.fromkeys((where, table(PREDICTIONS, model))):
        engine.run(f"ALTER TABLE {one}{everywhere} {actions}")


def drop_before(engine: Engine, model: StoredModel, hour: int) -> None:
    """Delete what is older than that hour: whole weeks with their partition, the rest marked row by row."""
    for kind, shape in SHAPES.items():
        name, everywhere = local(engine, kind, model)
        spread = table(kind, model)
        old = f"hour < {hour}" if shape.weekly else f"ts < {hour * HOUR}"
        if shape.weekly:
            weeks = engine.rows(
                f"SELECT DISTINCT week FROM {spread} WHERE week < {hour // WEEK}", pa.schema([("week", pa.int32())])
            )
            for week in weeks["week"].to_pylist():
                engine.run(f"ALTER TABLE {name}{everywhere} DROP PARTITION {week}")
        if engine.number(f"SELECT count() FROM {spread} WHERE {old}"):
            delete(engine, kind, model, old)


def delete(engine: Engine, kind: str, model: StoredModel, where: str) -> None:
    """Mark rows as deleted; done when it returns."""
    name, everywhere = local(engine, kind, model)
    engine.run(f"DELETE FROM {name}{everywhere} WHERE {where}")
