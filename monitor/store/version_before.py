"""On PostgreSQL, a program may answer while the store is still as the version before left it: what was added since
reads as empty.

Every connection gets views of its own (``CREATE TEMPORARY VIEW``, found before the tables of the same name) in which
columns that are not there are NULL, and empty tables in place of those that are not there. Writes leave such columns
out, as the version before would; only what somebody asked for in them is refused, which each migration names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, Insert, Table, Update, event, inspect
from sqlalchemy.schema import CreateTable

from monitor.errors import SchemaOutdated
from monitor.store import tables

_MARK = "version before"  # a connection that has the views


@dataclass(frozen=True)
class Gap:
    """What the store lacks: ``columns`` by table, those that are not left out silently (``asked``, as table.column),
    and what every connection says to have them all the same."""

    columns: Mapping[str, frozenset[str]]
    asked: frozenset[str]
    statements: tuple[str, ...]


def is_behind(connection: Connection) -> bool:
    """Whether what the newest schema adds is not there."""
    return _MARK in connection.info


def find(connection: Connection, asked: Iterable[str]) -> Gap:
    """What this program declares and the store has not; tables that are not there need nothing left out."""
    found, dialect = inspect(connection), connection.dialect
    there = set(found.get_table_names())
    schema = dialect.identifier_preparer.quote(found.default_schema_name or "public")
    columns: dict[str, frozenset[str]] = {}
    statements = []
    for name, table in tables.metadata.tables.items():
        known = {column["name"] for column in found.get_columns(name)} if name in there else set()
        missing = frozenset(column.name for column in table.columns if column.name not in known)
        if not known:
            statements.append(_empty(table, dialect))
        elif missing:
            columns[name] = missing
            statements.append(_view(table, missing, dialect, schema))
    return Gap(columns, frozenset(asked), tuple(statements))


def _view(table: Table, missing: frozenset[str], dialect: Dialect, schema: str) -> str:
    quote = dialect.identifier_preparer.quote
    cells = (
        f"NULL::{column.type.compile(dialect)} AS {quote(column.name)}"
        if column.name in missing
        else quote(column.name)
        for column in table.columns
    )
    name = quote(table.name)
    return f"CREATE TEMPORARY VIEW {name} AS SELECT {', '.join(cells)} FROM {schema}.{name}"


def _empty(table: Table, dialect: Dialect) -> str:
    made = str(CreateTable(table, include_foreign_key_constraints=[]).compile(dialect=dialect))
    return made.replace("CREATE TABLE", "CREATE TEMPORARY TABLE", 1)


class StandIns:
    """The views of a gap, on every connection from now on, until ``end``."""

    def __init__(self, engine: Engine, gap: Gap) -> None:
        self._engine, self._gap, self._is_over = engine, gap, False
        event.listen(engine, "connect", self._connected)
        event.listen(engine, "checkin", self._given_back)
        event.listen(engine, "before_execute", self._narrowed, retval=True)
        engine.dispose()  # of connections that have none

    def end(self) -> None:
        """Connections have none from now on; those at work have them until they are given back."""
        self._is_over = True
        self._engine.dispose()

    def _connected(self, connection: Any, record: Any) -> None:
        if self._is_over:
            return
        record.info[_MARK] = True
        try:
            for statement in self._gap.statements:
                connection.execute(statement)
            connection.commit()
        except Exception:
            connection.close()
            raise

    def _given_back(self, _connection: Any, record: Any) -> None:
        if self._is_over and record.info.pop(_MARK, False):
            record.invalidate()

    def _narrowed(self, connection: Connection, statement: Any, many: Any, one: Any, _options: Any) -> Any:
        """The statement without what is not there. Raises SchemaOutdated where somebody asked for it."""
        if is_behind(connection) and isinstance(statement, Insert | Update) and isinstance(statement.table, Table):
            name = statement.table.name
            missing = self._gap.columns.get(name, frozenset())
            if missing:
                asked = {column for column in missing if f"{name}.{column}" in self._gap.asked}
                statement = _without(statement, missing, asked)
                many, one = [_left(row, missing, asked) for row in many], _left(one, missing, asked)
        return statement, many, one


def _without(statement: Any, missing: Set[str], asked: Set[str]) -> Any:
    """SQLAlchemy has no word for taking a value back."""
    values = statement._values or {}
    named = {column: str(getattr(column, "name", column)) for column in values}
    _refuse(name for column, name in named.items() if name in asked and getattr(values[column], "value", True))
    kept = {column: values[column] for column, name in named.items() if name not in missing}
    if len(kept) == len(values):
        return statement
    if not kept and isinstance(statement, Update):  # how many rows there are is still to be answered
        same = next(column for column in statement.table.columns if column.name not in missing)
        kept = {same: same}
    narrower = statement._clone()
    narrower._values = values.__class__(kept)
    return narrower


def _left(row: Mapping[str, Any], missing: Set[str], asked: Set[str]) -> dict[str, Any]:
    _refuse(name for name in asked if row.get(name))
    return {name: value for name, value in row.items() if name not in missing}


def _refuse(filled: Iterable[str]) -> None:
    for name in filled:
        raise SchemaOutdated(
            f"The store is still at the schema of the version before, which has no {name}; nothing was stored."
            " Run: plimsoll migrate"
        )
