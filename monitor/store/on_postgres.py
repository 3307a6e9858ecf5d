"""What is particular to PostgreSQL: named locks, time limits, and the one character that its texts cannot hold."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

from sqlalchemy import URL, Connection, Engine, String, Text, create_engine, event, text
from sqlalchemy.ext.compiler import compiles

from monitor.errors import Invalid
from monitor.store import statements

# A host that vanishes without a word, there or here, is given up after some 20 s.
_SOON_MISSED = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
LOCK_SECONDS = 30  # for what another unit of work holds
IDLE_MINUTES = 15  # a transaction that does nothing; a run computes for some time between two statements
RESTING_HOURS = 6
SWOLLEN = "swollen"  # a connection that holds much memory: another takes its place once it is given back

# A text with NUL is kept with this noncharacter in its place, followed by 0; the noncharacter itself by 1.
MARK = "\ufdd0"
_IN_JSON = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_READ_ONLY = "25006"  # a standby, or a server that was told so
_TROUBLES = {
    "53100": "The disk of the store is full",
    "58030": "The disk of the store fails",
    _READ_ONLY: "The store can be read, but not written",
}


class Binary(bytes):
    """A value in the server's binary form; the statement casts it to its type."""


def engine(url: URL) -> Engine:
    """Connections to a server; raises Invalid where the driver is not installed."""
    try:
        import psycopg
    except ImportError:
        raise Invalid("PostgreSQL needs its driver: pip install 'plimsoll[postgres]'", field="database_url") from None
    limits = (
        f"-c lock_timeout={LOCK_SECONDS}s -c idle_in_transaction_session_timeout={IDLE_MINUTES}min"
        " -c client_min_messages=warning -c synchronous_commit=on"
        " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=20000"
    )
    made = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"options": limits, "client_encoding": "utf8", **_SOON_MISSED},
        hide_parameters=True,
        pool_size=16,
        max_overflow=32,
        pool_use_lifo=True,
        pool_pre_ping=True,
        json_serializer=json_text,
        json_deserializer=_read_json,
        execution_options=statements.SHARED,
    )

    @event.listens_for(made, "connect")
    def configure(connection: Any, _record: Any) -> None:
        _adapt(psycopg, connection)

    @event.listens_for(made, "checkout")
    def forget(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.read_only = None  # not what the last reader left: whether it takes writes is the server's to say

    @event.listens_for(made, "checkin")
    def replace(_connection: Any, record: Any) -> None:
        if record.info.pop(SWOLLEN, False):
            record.invalidate()

    return made


def begin_reading(connection: Connection) -> None:
    """The transaction to come sees one snapshot."""
    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def hold(connection: Connection, names: Sequence[str]) -> None:
    """Wait for these names and keep them until the transaction ends; always in one order, so that two never wait for
    each other."""
    connection.execute(_HOLD, {"names": sorted(set(names))})


def hold_free(connection: Connection, names: Sequence[str]) -> set[str]:
    """Keep those names that nobody holds just now until the transaction ends; which those are."""
    return set(connection.execute(_HOLD_FREE, {"names": sorted(set(names))}).scalars())


def wait_at_most(connection: Connection, seconds: float) -> None:
    """The transaction waits no longer for what others hold."""
    if seconds < LOCK_SECONDS:
        connection.execute(text(f"SET LOCAL lock_timeout = '{seconds * 1000:.0f}ms'"))


def allow_rest(connection: Connection) -> None:
    """The transaction may do nothing for hours: its program reads on another connection meanwhile."""
    connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{RESTING_HOURS}h'"))


_HOLD_FREE = text(
    "SELECT name FROM unnest(CAST(:names AS text[])) AS asked (name)"
    " WHERE pg_try_advisory_xact_lock(hashtextextended(name, 7461))"
)
_HOLD = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(name, 7461)) FROM unnest(CAST(:names AS text[])) WITH ORDINALITY"
    " AS held (name, place) ORDER BY place"
)


def is_operational(error: Exception) -> bool:
    """Whether this is the driver's own word for a server that is gone, locked or full."""
    psycopg = sys.modules.get("psycopg")
    return psycopg is not None and isinstance(error, psycopg.OperationalError)


def is_too_large(error: BaseException | None) -> bool:
    """Whether a row or a value is larger than PostgreSQL can hold (class 54): trying again does not help."""
    return str(getattr(error, "sqlstate", None) or "").startswith("54")


def trouble(error: BaseException | None) -> str | None:
    """What keeps the server from taking writes, in words, where that is for an operator to mend."""
    return _TROUBLES.get(str(getattr(error, "sqlstate", None)))


def is_read_only(error: BaseException) -> bool:
    """Whether a server that takes no writes refused one. Of several hosts another may take them by now, which only a
    new connection finds out."""
    told = (error, error.__cause__)  # in our words within another transaction
    return any(getattr(getattr(one, "orig", None) or one, "sqlstate", None) == _READ_ONLY for one in told)


def is_held(error: BaseException | None) -> bool:
    """Whether another transaction held a lock for longer than one waits for it."""
    return getattr(error, "sqlstate", None) in ("55P03", "40P01")


def written(value: str) -> str:
    """A text as PostgreSQL can hold it."""
    if "\0" in value or MARK in value:
        return value.replace(MARK, MARK + "1").replace("\0", MARK + "0")
    return value


def as_was(value: str) -> str:
    """The text that was written."""
    return value.replace(MARK + "0", "\0").replace(MARK + "1", MARK) if MARK in value else value


def json_text(value: Any) -> str:
    """JSON whose texts are ``written``: PostgreSQL takes an escaped NUL, but cannot look into such JSON."""
    found = json.dumps(value, ensure_ascii=False)
    return _IN_JSON.sub(rf"\1{MARK}0", found.replace(MARK, MARK + "1"))


def _read_json(data: bytes) -> Any:
    found = bytes(data).decode()
    if MARK in found:
        found = found.replace(MARK + "0", "\\u0000").replace(MARK + "1", MARK)
    return json.loads(found)


def _adapt(psycopg: Any, connection: Any) -> None:
    """Texts are written and read with the mark, whoever sends them; JSON comes as text, for SQLAlchemy to read."""

    class Written(psycopg.types.string.StrDumper):  # type: ignore[misc]
        def dump(self, value: str) -> Any:
            return super().dump(written(value))

    class WrittenUnknown(psycopg.types.string.StrDumperUnknown):  # type: ignore[misc]
        def dump(self, value: str) -> Any:
            return super().dump(written(value))

    class AsIs(psycopg.adapt.Dumper):  # type: ignore[misc]
        format = psycopg.pq.Format.BINARY

        def dump(self, value: Binary) -> Binary:
            return value

    class Read(psycopg.types.string.TextLoader):  # type: ignore[misc]
        def load(self, data: Any) -> str:
            return as_was(str(super().load(data)))

    adapters = connection.adapters
    adapters.register_dumper(str, Written)
    adapters.register_dumper(str, WrittenUnknown)
    adapters.register_dumper(Binary, AsIs)
    for name in ("text", "varchar"):
        adapters.register_loader(name, Read)


@compiles(String, "postgresql")
@compiles(Text, "postgresql")
def _in_plain_order(type_: Any, compiler: Any, **options: Any) -> str:
    """Columns of text sort by their bytes, as SQLite's do, whatever the server's language."""
    visit = compiler.visit_TEXT if isinstance(type_, Text) else compiler.visit_VARCHAR
    return f'{visit(type_, **options)} COLLATE "C"'
