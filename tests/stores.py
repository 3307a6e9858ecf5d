"""Where the stores of the tests are. A test says on which engines it runs by the fixture that it asks for:
``engine_of_stores``, ``engine_of_rows`` or ``on_sqlite`` (see ``tests/conftest.py``); one that says nothing gets no
store, whatever ran before it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from monitor.bootstrap import build
from monitor.service import Service
from monitor.settings import load
from monitor.store.database import Database
from monitor.store.schema import migrate
from tests.postgres import Databases

FILE = "plimsoll.db"
ENGINES = ("sqlite", "postgres")
ENGINES_OF_ROWS = (*ENGINES, "chdb")  # the last: predictions and labels there, all else in SQLite
_engine: list[str | None] = [None]
_servers: list[Databases] = []
_files: dict[str, bytes] = {}


def use(engine: str | None) -> None:
    """The engine of the stores of the test that begins; None: it has none."""
    _engine[0] = engine


def serve(databases: Databases) -> None:
    """The server whose databases are stores of PostgreSQL."""
    _servers[:] = [databases]


def is_sqlite() -> bool:
    """Whether stores are files in this test."""
    return _server() is None


def _server() -> Databases | None:
    if _engine[0] is None:
        raise LookupError("Ask for one of the fixtures that say which engine this test's stores are of")
    return _servers[0] if _engine[0] == "postgres" else None


def new_url(folder: Path) -> str:
    """Where a new store with the newest schema is. A file begins as a copy of one that was migrated once."""
    server = _server()
    if server is not None:
        return server.migrated()
    if not (folder / FILE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_bytes(_migrated())
    return f"sqlite:///{folder / FILE}"


def empty_url(folder: Path) -> str:
    """Where a new store is, or will be, without any table."""
    server = _server()
    return f"sqlite:///{folder / FILE}" if server is None else server.empty()


def new_service(home: Path, **flags: object) -> Service:
    """A service on a new store."""
    if is_sqlite():
        new_url(home)
    if _engine[0] == "chdb":
        flags = {"observations_url": f"chdb://{home / 'rows'}", **flags}
    return build(load({}, home=home, database_url=_given(home), **flags))


def filled(home: Path, fill: Callable[[Service], object]) -> Service:
    """A service on a store of its own as ``fill`` leaves one, which is filled once: it must not depend on anything."""
    server, name = _server(), f"{fill.__module__}.{fill.__qualname__}"
    if server is not None:
        url = server.copy_of(name, lambda made: _close(fill, home / "first", database_url=made))
        return build(load({}, home=home, database_url=url))
    if name not in _files:
        new_url(home / "first")
        _close(fill, home / "first")
        _files[name] = (home / "first" / FILE).read_bytes()
    home.mkdir(parents=True, exist_ok=True)
    (home / FILE).write_bytes(_files[name])
    return build(load({}, home=home))


def _close(fill: Callable[[Service], object], home: Path, **flags: object) -> None:
    """Fill a store, and let go of it, so that it is one file."""
    service = build(load({}, home=home, **flags))
    fill(service)
    if is_sqlite():
        with service.database.read() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    service.close()


def environment(home: Path) -> dict[str, str]:
    """The settings of a process on a new store."""
    url = _given(home)
    return {"PLIMSOLL_HOME": str(home)} | ({} if url is None else {"PLIMSOLL_DATABASE_URL": url})


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/{FILE}")
        migrate(database)
        with database.read() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        return Path(folder, FILE).read_bytes()


def take_away(service: Service) -> None:
    """The store cannot be reached any more."""
    service.database.close()
    server = _server()
    if server is not None:
        server.drop(service.settings.database_url)
        return
    home = service.settings.home
    for file in home.glob("plimsoll.db*"):
        file.rename(file.with_suffix(".away"))
    home.joinpath("plimsoll.db").mkdir()


def _given(home: Path) -> str | None:
    return None if is_sqlite() else new_url(home)
