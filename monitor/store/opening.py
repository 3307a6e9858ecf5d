"""Opening a store for the first time: what is wrong with its address is told at once, and by its cause."""

from __future__ import annotations

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from monitor.errors import Invalid, StoreUnavailable
from monitor.store.database import Database

OLDEST = (15,)  # PostgreSQL


def open_database(url: str, *, has_rows: bool = True) -> Database:
    """The store, which answered; ``has_rows`` as of ``Database``. Raises Invalid where the address is none, nobody
    answers there, or what does is not to be used; the message has no password."""
    if url in ("sqlite:", "sqlite://", "sqlite:///"):
        raise Invalid("The address of the store names no file; write sqlite:///path", field="database_url")
    try:
        is_cut_wrong = "@" in (make_url(url).host or "")  # of a password; the driver's words would quote the rest
        database = None if is_cut_wrong else Database(url, has_rows=has_rows)
    except (ArgumentError, ValueError):  # their words quote the address
        database = None
    if database is None:
        raise Invalid(
            "The address of the store cannot be read; write postgresql://user:password@host:port/database (with % for "
            "odd characters of the password: %40 for @), or sqlite:///path",
            field="database_url",
        )
    try:
        with database.read() as connection:
            _check(connection)
    except Invalid:
        database.close()
        raise
    except (StoreUnavailable, DBAPIError) as error:
        database.close()
        raise Invalid(f"The store cannot be opened: {cause_of(error)}", field="database_url") from None
    return database


def _check(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one()
        return
    version = connection.dialect.server_version_info or ()
    if version < OLDEST:
        told = ".".join(map(str, version))
        raise Invalid(f"The server is PostgreSQL {told}; Plimsoll needs {OLDEST[0]} or newer", field="database_url")
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise Invalid(
            f"The database is encoded in {encoding}; make one with CREATE DATABASE … ENCODING 'UTF8'",
            field="database_url",
        )


def cause_of(error: BaseException) -> str:
    """The driver's own words, their first line."""
    inner = error.__cause__ if isinstance(error, StoreUnavailable) and error.__cause__ is not None else error
    told = getattr(inner, "orig", None) or inner
    return next((line.strip() for line in str(told).splitlines() if line.strip()), "no reason given")
