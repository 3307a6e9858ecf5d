"""Statements through the driver itself, written with ``?``: SQLAlchemy's compiling costs more than running them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection


def run(connection: Connection, statement: str, values: Sequence[Any] = ()) -> int:
    """Run one statement inside the unit of work; how many rows it changed."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(in_dialect(connection.dialect.name, statement), values)
        return int(cursor.rowcount)
    finally:
        cursor.close()


def run_many(connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Run a statement once for each row of values."""
    cursor = connection.connection.cursor()
    try:
        cursor.executemany(in_dialect(connection.dialect.name, statement), list(rows))
    finally:
        cursor.close()


def as_json(connection: Connection, value: Any) -> Any:
    """A value for a column of JSON."""
    if connection.dialect.name == "sqlite":
        return json.dumps(value)
    return sys.modules["psycopg.types.json"].Json(value)


@lru_cache(maxsize=1000)
def in_dialect(dialect: str, statement: str) -> str:
    """The statement with the marks that the driver of that dialect takes."""
    return statement if dialect == "sqlite" else statement.replace("%", "%%").replace("?", "%s")
