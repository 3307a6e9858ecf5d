"""The connection to the store and its unit of work: one action, one transaction."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from monitor.errors import StoreUnavailable

BUSY_MILLISECONDS = 30_000


__all__ = ["Connection", "Database"]


class Database:
    """An engine and two kinds of transaction. ``read`` sees one snapshot; ``write`` holds the write lock from its
    first statement on, so that what it reads stays true until it commits."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        if self.url.get_backend_name() == "sqlite" and self.url.database not in (None, "", ":memory:"):
            _make_private(Path(str(self.url.database)))
        self.engine = _engine(str(url))

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction; raises StoreUnavailable when the store cannot be reached."""
        with _reachable(), self.engine.connect() as connection:
            connection.execution_options(plimsoll_begin="BEGIN")
            yield connection
            connection.rollback()

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, committed at the end of the block; raises StoreUnavailable likewise."""
        with _reachable(), self.engine.connect() as connection:
            connection.execution_options(plimsoll_begin="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    def forget_traces(self) -> None:
        """What was deleted is not to be found in side files either: SQLite's log is written back and cut."""
        if self.engine.dialect.name == "sqlite":
            with _reachable(), self.engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _make_private(file: Path) -> None:
    """A new store is its owner's alone: it holds other people's data and the hashes of keys. What is there already
    keeps its permissions; SQLite gives its side files those of the store."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url)
    engine = create_engine(
        url, connect_args={"check_same_thread": False}, pool_size=16, max_overflow=32, pool_use_lifo=True
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's begin event below speaks for itself
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "secure_delete=FAST",  # else an erased row may survive in the unused part of a page it once stood in
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        connection.execute("PRAGMA cache_size=-65536")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("plimsoll_begin", "BEGIN"))

    return engine


@contextlib.contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, sqlite3.OperationalError) as error:  # the driver's own where a cursor was used directly
        raise StoreUnavailable("The store cannot be reached just now; nothing was stored. Try again.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreUnavailable("The store closed the connection; nothing was stored. Try again.") from error
        raise
