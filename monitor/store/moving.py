"""All that the fixed tables hold of a model, table by table, out of one store and into another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    LargeBinary,
    Table,
    insert,
    inspect,
    select,
    update,
)

from monitor.store import models, tables
from monitor.store.tables import metadata

# In the order in which they can be put: what is referred to comes first. Messages are not moved, nor what belongs to
# the house: keys, silences, channels.
GIVEN = (
    "columns",
    "versions",
    "ingest_counts",
    "dirty_hours",
    "binnings",
    "model_references",
    "reference_rows",
    "profiles",
    "segment_profiles",
    "summaries",
    "label_summaries",
    "unusable_outputs",
)
FOUND_OUT = (
    "readings",
    "daily_worst",
    "judged",
    "measured",
    "alert_states",
    "alerts",
    "transitions",
    "trigger_runs",
    "run_claims",
)
MOVED = ("quarantine", *GIVEN, *FOUND_OUT)
ROWS = 5_000  # at a time
_REFERRED = {"reference_id": "model_references", "binning_id": "binnings"}
Numbers = dict[tuple[str, int], int]  # of rows that others refer to: table and number there, number here


def model_row(connection: Connection, model_id: int) -> dict[str, Any]:
    """The model's own row."""
    return dict(connection.execute(select(tables.models).where(tables.models.c.id == model_id)).one()._mapping)


def parts(connection: Connection, name: str, model_id: int, *which: ColumnElement[bool]) -> Iterator[pa.Table]:
    """The model's rows of a table (those ``which``), some thousand at a time; JSON as text."""
    table = metadata.tables[name]
    schema = pa.schema([(column.name, _arrow_type(column)) for column in table.columns])
    order = table.primary_key.columns or table.columns[:4]
    query = select(table).where(_mine(table, model_id), *which).order_by(*order)
    for rows in connection.execute(query.execution_options(yield_per=ROWS)).partitions():
        columns = [list(values) for values in zip(*rows, strict=True)]
        for place, column in enumerate(table.columns):
            if isinstance(column.type, JSON):
                columns[place] = [None if one is None else json.dumps(one) for one in columns[place]]
        yield pa.Table.from_arrays([pa.array(c, t) for c, t in zip(columns, schema.types, strict=True)], schema=schema)


def _mine(table: Table, model_id: int) -> ColumnElement[bool]:
    if "model_id" in table.c:
        return table.c.model_id == model_id
    owner, key = (tables.alerts, "alert_id") if "alert_id" in table.c else (tables.references, "reference_id")
    return table.c[key].in_(select(owner.c.id).where(owner.c.model_id == model_id))


def _arrow_type(column: Column[Any]) -> pa.DataType:
    kinds = ((Boolean, pa.bool_()), (Integer, pa.int64()), (Float, pa.float64()), (LargeBinary, pa.large_binary()))
    return next((found for kind, found in kinds if isinstance(column.type, kind)), pa.string())


def put_model(connection: Connection, name: str, row: dict[str, Any]) -> int:
    """A model's own row under a name, without its cuts; its number here."""
    values = {key: value for key, value in row.items() if key not in ("id", "binning_id")}
    values |= {"name": name, **models.free_number(connection)}
    made = connection.execute(insert(tables.models).values(**values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def put(connection: Connection, name: str, part: pa.Table, model_id: int, numbers: Numbers) -> None:
    """Rows as ``parts`` gave them, under the model's number here; ``numbers`` grow by those of this table."""
    table = metadata.tables[name]
    texts = [column.name for column in table.columns if isinstance(column.type, JSON)]
    rows = part.to_pylist()
    for row in rows:
        row.update({key: json.loads(row[key]) for key in texts if row[key] is not None})
        row.update({key: numbers[owner, row[key]] for key, owner in _REFERRED.items() if key in row})
        if "model_id" in row:
            row["model_id"] = model_id
    if name in _REFERRED.values():
        for row in rows:
            old = row.pop("id")
            made = connection.execute(insert(table).values(**row)).inserted_primary_key
            assert made is not None
            numbers[name, old] = int(made[0])
        return
    counted = inspect(table).primary_key.columns.get("id")
    if counted is not None and isinstance(counted.type, Integer):
        for row in rows:
            del row["id"]
    if rows:
        connection.execute(insert(table), rows)


def set_cuts(connection: Connection, model_id: int, binning_id: int) -> None:
    """The model's cuts are these."""
    connection.execute(update(tables.models).where(tables.models.c.id == model_id).values(binning_id=binning_id))


def known_alerts(connection: Connection, ids: list[str]) -> bool:
    """Whether any alert of these is here already."""
    return (
        connection.execute(select(tables.alerts.c.id).where(tables.alerts.c.id.in_(ids)).limit(1)).first() is not None
    )
