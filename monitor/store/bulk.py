"""Many rows at once through the driver: SQLAlchemy's insert() costs ten times as much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table, UniqueConstraint

from monitor.store.driver import run_many


def insert_fresh(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert tuples of the named columns whose unique keys are not taken."""
    if connection.dialect.name == "sqlite":
        insert_rows(connection, table, names, rows)
        return
    fields = ",".join(f'"{name}"' for name in names)
    made = list(rows)  # what makes them may ask this connection, which is busy while it copies
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({fields}) FROM STDIN') as copy:
        for row in made:
            copy.write_row(row)


def insert_rows(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert tuples of the named columns; a row whose unique key is taken replaces the one there."""
    run_many(connection, _upsert(table, tuple(names)), rows)


@lru_cache(maxsize=100)
def _upsert(table: Table, names: tuple[str, ...]) -> str:
    fields = ",".join(f'"{name}"' for name in names)
    statement = f'INSERT INTO "{table.name}" ({fields}) VALUES ({",".join("?" for _ in names)})'
    key = _key(table, names)
    if not key:
        return statement
    rest = [name for name in names if name not in key]
    news = ",".join(f'"{name}" = excluded."{name}"' for name in rest)
    return f"{statement} ON CONFLICT ({','.join(key)}) DO " + (f"UPDATE SET {news}" if rest else "NOTHING")


def _key(table: Table, names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of a unique key that the rows bring; none where the key is counted up by the engine."""
    unique = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    for constraint in (*unique, table.primary_key):
        columns = tuple(column.name for column in constraint.columns)
        if columns and set(columns) <= set(names):
            return columns
    return ()
