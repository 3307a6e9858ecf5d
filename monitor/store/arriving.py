"""What is on its way into a store that commits by itself: one row per model, from before until it is noted here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.tables import arriving


@dataclass(frozen=True)
class Arriving:
    """Rows that ``holder`` began to store under a model's ``change``; ``hours`` of predictions that they may touch."""

    model_id: int
    change: int
    hours: tuple[int, ...]
    holder: str
    started_at: int


def begin(connection: Connection, one: Arriving) -> bool:
    """Announce rows, unless others of the model are on their way; whether it was done."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {
        "model_id": one.model_id,
        "change": one.change,
        "hours": list(one.hours),
        "holder": one.holder,
        "started_at": one.started_at,
    }
    put = insert(arriving).values(values).on_conflict_do_nothing().returning(arriving.c.change)
    return connection.execute(put).first() is not None


def find(connection: Connection, model_id: int) -> Arriving | None:
    """What is on its way to a model."""
    row = connection.execute(select(arriving).where(arriving.c.model_id == model_id)).one_or_none()
    return None if row is None else _read(row)


def everything(connection: Connection) -> list[Arriving]:
    """What is on its way to any model."""
    return [_read(row) for row in connection.execute(select(arriving).order_by(arriving.c.model_id))]


def take(connection: Connection, one: Arriving, holder: str) -> bool:
    """Make what somebody left one's own; whether it was still there."""
    taken = update(arriving).where(_is(one)).values(holder=holder).returning(arriving.c.change)
    return connection.execute(taken).first() is not None


def end(connection: Connection, one: Arriving) -> bool:
    """It is noted; whether it was still there and this holder's."""
    return connection.execute(delete(arriving).where(_is(one)).returning(arriving.c.change)).first() is not None


def _is(one: Arriving) -> ColumnElement[bool]:
    return (arriving.c.model_id == one.model_id) & (arriving.c.change == one.change) & (arriving.c.holder == one.holder)


def _read(row: Row[tuple[object, ...]]) -> Arriving:
    return Arriving(row.model_id, row.change, tuple(row.hours), row.holder, row.started_at)
