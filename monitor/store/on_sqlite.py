"""What is particular to SQLite: one file, write-ahead logging, every commit synced, one writer at a time."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from monitor.store import statements

BUSY_MILLISECONDS = 30_000
WRITER_KIBIBYTES, READER_KIBIBYTES = 32_768, 8_192  # there is one writer at a time, and many readers
WITHOUT_ROWS = 4  # times smaller where predictions are elsewhere
# Of 4 KiB each: the log is written back into the file when it is so long. Ids come in no order, so a body of 5,000
# changes most pages of their index: written back after every body, each page would be written, and synced, many times.
LOG_PAGES = 16_000
_STEP = 0.1  # seconds
_TROUBLES = {
    "SQLITE_FULL": "The disk of the store is full",
    "SQLITE_READONLY": "The store can be read, but not written",
    "SQLITE_IOERR": "The disk of the store fails",
}


def engine(url: URL, cache: int) -> Engine:
    """Connections to the file, each with a ``cache`` of so many KiB; it is made, readable by its owner alone, where
    there is none."""
    if url.database not in (None, "", ":memory:"):
        _make_private(Path(str(url.database)))
    made = create_engine(
        url,
        hide_parameters=True,
        connect_args={"check_same_thread": False},
        pool_size=16,
        max_overflow=32,
        pool_use_lifo=True,
        execution_options=statements.SHARED,
    )

    @event.listens_for(made, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's begin event below speaks for itself
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        # Cells that move or go are overwritten in pages that are written anyway: else an erased row may survive in the
        # unused part of a page in which it once stood.
        connection.execute("PRAGMA secure_delete=FAST")
        connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        connection.execute(f"PRAGMA cache_size=-{cache}")
        connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("plimsoll_begin", "BEGIN"))

    return made


def begin_reading(connection: Connection) -> None:
    """The transaction to come sees one snapshot."""
    connection.execution_options(plimsoll_begin="BEGIN")


def begin_writing(connection: Connection, patience: float) -> None:
    """The transaction to come holds the write lock from its first statement on, for which it waits so many seconds."""
    driver: Any = connection.connection.driver_connection
    driver.execute(f"PRAGMA busy_timeout={patience * 1000:.0f}")
    connection.execution_options(plimsoll_begin="BEGIN IMMEDIATE")


def overwrite(connection: Connection) -> None:
    """From here on whole pages that are given up are overwritten, too. The connection keeps to it."""
    connection.exec_driver_sql("PRAGMA secure_delete=ON")


def cut_log(connection: Connection, patience: float) -> bool:
    """Write the log back into the file and cut it, as soon as nobody reads an older state; whether that came about
    within ``patience`` (seconds). Writers go on meanwhile: SQLite's own waiting would hold them up."""
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA busy_timeout=0")
    until = time.monotonic() + patience
    try:
        while driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() >= until:
                return False
            time.sleep(_STEP)
        return True
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")


def trouble(error: BaseException | None) -> str | None:
    """What keeps the file from being written, in words, where that is for an operator to mend."""
    name = str(getattr(error, "sqlite_errorname", None) or "")
    return next((words for code, words in _TROUBLES.items() if name.startswith(code)), None)


def room(url: URL) -> int:
    """Bytes that are free beside the file."""
    return shutil.disk_usage(Path(str(url.database)).absolute().parent).free


def _make_private(file: Path) -> None:
    """A new store is its owner's alone: it holds other people's data and the hashes of keys. What is there already
    keeps its permissions; SQLite gives its side files those of the store."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))
