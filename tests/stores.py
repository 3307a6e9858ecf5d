"""Where the stores of the tests are: each test that asks for one runs on every engine (see ``tests/conftest.py``)."""

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
_current: list[Databases | None] = [None]
_files: dict[str, bytes] = {}


def use(databases: Databases | None) -> None:
    """From here on stores are databases of this server; None: files of SQLite."""
    _current[0] = databases


def is_sqlite() -> bool:
    """Whether stores are files now."""
    return _current[0] is None


def new_url(folder: Path) -> str:
    """Where a new store with the newest schema is. A file begins as a copy of one that was migrated once."""
    server = _current[0]
    if server is not None:
        return server.migrated()
    if not (folder / FILE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_bytes(_migrated())
    return f"sqlite:///{folder / FILE}"


def empty_url(folder: Path) -> str:
    """Where a new store is, or will be, without any table."""
    server = _current[0]
    return f"sqlite:///{folder / FILE}" if server is None else server.empty()


def new_service(home: Path, **flags: object) -> Service:
    """A service on a new store."""
    if is_sqlite():
        new_url(home)
    return build(load({}, home=home, database_url=_given(home), **flags))


def filled(home: Path, fill: Callable[[Service], object]) -> Service:
    """A service on a store of its own as ``fill`` leaves one, which is filled once: it must not depend on anything."""
    server, name = _current[0], f"{fill.__module__}.{fill.__qualname__}"
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
    server = _current[0]
    if server is not None:
        server.drop(service.settings.database_url)
        return
    home = service.settings.home
    for file in home.glob("plimsoll.db*"):
        file.rename(file.with_suffix(".away"))
    home.joinpath("plimsoll.db").mkdir()


def _given(home: Path) -> str | None:
    return None if is_sqlite() else new_url(home)
