"""How much of the fixed tables a model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, LargeBinary, Select, Table, Text, cast, func, select

from monitor.store import tables
from monitor.store.tables import metadata

WEIGHED = 1000  # rows whose bytes are counted
_PLAIN = 96  # bytes of a row beside its texts and blobs, with its place in indexes, about


@dataclass(frozen=True)
class Weight:
    """Rows of a kind, and about how many bytes they take."""

    rows: int
    bytes: int


_TOLD_AGAIN = {"daily_worst"}  # their rows are of others, and do not count
_OF_REFERENCE = {"reference_rows", "profiles", "segment_profiles"}
PARTS = {
    "summaries": ("summaries", "label_summaries", "unusable_outputs"),
    "references": ("reference_rows", "profiles", "segment_profiles"),
    "readings": ("readings", "daily_worst"),
    "quarantine": ("quarantine",),
}


def weights(connection: Connection, model_id: int) -> dict[str, Weight]:
    """By part: what ``WEIGHED`` rows of each of its tables weigh on average, times the rows there are."""
    return {name: _together(connection, model_id, names) for name, names in PARTS.items()}


def _together(connection: Connection, model_id: int, names: tuple[str, ...]) -> Weight:
    found = [_of(connection, metadata.tables[name], model_id) for name in names]
    rows = sum(one.rows for one, name in zip(found, names, strict=True) if name not in _TOLD_AGAIN)
    return Weight(rows, sum(one.bytes for one in found))


def _of(connection: Connection, table: Table, model_id: int) -> Weight:
    rows = int(connection.execute(_mine(select(func.count()).select_from(table), table, model_id)).scalar_one())
    long = [
        func.coalesce(func.length(column if isinstance(column.type, LargeBinary) else cast(column, Text)), 0)
        for column in table.columns
        if isinstance(column.type, LargeBinary | Text) or column.type.python_type in (dict, list)
    ]
    some = _mine(select(sum(long[1:], long[0]).label("bytes")).select_from(table), table, model_id)
    mean = connection.execute(select(func.avg(some.limit(WEIGHED).subquery().c.bytes))).scalar_one()
    return Weight(rows, round(rows * (float(mean or 0.0) + _PLAIN)))


def _mine(query: Select[Any], table: Table, model_id: int) -> Select[Any]:
    if table.name not in _OF_REFERENCE:
        return query.where(table.c.model_id == model_id)
    known = select(tables.references.c.id).where(tables.references.c.model_id == model_id)
    return query.where(table.c.reference_id.in_(known))
