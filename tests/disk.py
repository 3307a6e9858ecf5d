"""What stands on a store's disk for somebody who reads its files with something else, and what rids it of what was
erased where docs/operations.md leaves that to an operator or to time."""

from __future__ import annotations

import os
import re
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pyarrow as pa
from sqlalchemy import LargeBinary, select

from monitor.service import Service
from monitor.store import tables
from monitor.store.observations.clickhouse.engine import Engine
from monitor.store.observations.clickhouse.store import ClickHouseObservations
from tests.postgres import binaries

# A block of ClickHouse: checksum, method, bytes of the block from the method on, bytes of what is in it.
_CHECKSUM, _HEAD = 16, 9
_METHODS = {0x02: None, 0x82: "lz4_raw", 0x90: "zstd"}


def holding(service: Service, *words: bytes) -> dict[bytes, set[str]]:
    """Of each word the files that hold it, as they are or unpacked, by the first part of their path."""
    found: dict[bytes, set[str]] = {word: set() for word in words}
    for name, content in _contents(service):
        for word in words:
            if word in content:
                found[word].add(name)
    return found


def _contents(service: Service) -> Iterator[tuple[str, bytes]]:
    yield from _of_folder(service.settings.home)
    yield from _packed_here(service)
    rows = service.settings.observations_url
    if rows.startswith("chdb:"):
        yield from _of_engine(Path(rows.removeprefix("chdb://").partition("?")[0]))
    if not service.database.is_sqlite:
        yield from _of_server(service.settings.database_url)


def _of_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in _files(folder):
        with suppress(FileNotFoundError):  # one that was removed meanwhile
            if file.is_file():
                yield file.relative_to(folder).parts[0], file.read_bytes()


def _files(folder: Path) -> list[Path]:
    """Those of all folders, as far as these are not removed meanwhile, as an engine does that merges its parts."""
    return sorted(Path(root, name) for root, _, names in os.walk(folder) for name in names)


def _packed_here(service: Service) -> Iterator[tuple[str, bytes]]:
    """What the service itself packs before a store sees it."""
    columns = [one for table in tables.metadata.tables.values() for one in table.c if isinstance(one.type, LargeBinary)]
    with service.database.read() as connection:
        for column in columns:
            for value in connection.scalars(select(column)):
                if column is tables.reference_rows.c.data:
                    yield str(column), str(pa.ipc.open_stream(value).read_all().to_pylist()).encode()
                else:
                    with suppress(zlib.error):
                        yield str(column), zlib.decompress(value)


def _of_server(url: str) -> Iterator[tuple[str, bytes]]:
    """The folder of PostgreSQL's server without other databases, once it has written all; and rows as they are told,
    since it packs large ones."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("CHECKPOINT")
        ((folder,),) = connection.execute("SHOW data_directory").fetchall()
        others = {
            str(oid) for (oid,) in connection.execute("SELECT oid FROM pg_database WHERE datname <> current_database()")
        }
    for file in _files(Path(folder).parent):
        parts = file.relative_to(Path(folder).parent).parts
        if "base" not in parts or not others.intersection(parts):
            with suppress(FileNotFoundError):
                if file.is_file():
                    yield parts[min(1, len(parts) - 1)], file.read_bytes()
    yield "rows", subprocess.run([binaries() / "pg_dump", "--data-only", url], check=True, capture_output=True).stdout


def _of_engine(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Files of ClickHouse's, unpacked."""
    for name, content in _of_folder(folder):
        yield name, b"".join(_blocks(content))


def _blocks(content: bytes) -> Iterator[bytes]:
    at = 0
    while len(content) - at >= _CHECKSUM + _HEAD and content[at + _CHECKSUM] in _METHODS:
        head = content[at + _CHECKSUM : at + _CHECKSUM + _HEAD]
        size, room = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:9], "little")
        block, codec = content[at + _CHECKSUM + _HEAD : at + _CHECKSUM + size], _METHODS[head[0]]
        if size < _HEAD or len(block) != size - _HEAD:
            return
        try:
            yield block if codec is None else pa.decompress(block, room, codec).to_pybytes()
        except (pa.ArrowInvalid, OSError):
            return
        at += _CHECKSUM + size


def rid(service: Service, model: int | None) -> None:
    """Do what the guide says for PostgreSQL, for one model's tables or (None) after a model was deleted; wait for what
    ClickHouse's engine does some minutes later."""
    if not service.database.is_sqlite:
        guide = Path("docs/operations.md").read_text("utf-8")
        one, everything, then = re.findall(r"^VACUUM .*;", guide, re.MULTILINE)
        with closing(psycopg.connect(service.settings.database_url, autocommit=True)) as connection:
            if not service.observations.shares_transaction:  # their rows are not here
                one = one.replace("p_7, l_7, i_7, ", "")
            connection.execute(everything if model is None else one.replace("_7", f"_{model}"))
            connection.execute(then)
    if isinstance(service.observations, ClickHouseObservations):
        _old_parts_go(service.observations.engine)


def _old_parts_go(engine: Engine) -> None:
    """Old parts are looked for every few minutes, by a thread of the table that begins with it."""
    mine = "database = currentDatabase()"
    names = engine.rows(f"SELECT name FROM system.tables WHERE {mine}", pa.schema([("name", pa.string())]))
    soon = "old_parts_lifetime = 1, cleanup_delay_period = 1, max_cleanup_delay_period = 1"
    for name in names["name"].to_pylist():
        engine.run(f"ALTER TABLE {name} MODIFY SETTING {soon}, cleanup_delay_period_random_add = 0")
        engine.run(f"DETACH TABLE {name}")
        engine.run(f"ATTACH TABLE {name}")
    until(lambda: engine.number(f"SELECT count() FROM system.parts WHERE {mine} AND NOT active") == 0)


def write_over_log(service: Service, word: bytes) -> None:
    """Have PostgreSQL write its log until the bytes of a word are written over."""

    def is_gone() -> bool:
        with closing(psycopg.connect(service.settings.database_url, autocommit=True)) as connection:
            connection.execute("SELECT pg_logical_emit_message(false, 'tests', repeat('x', 16000000)), pg_switch_wal()")
        return "pg_wal" not in holding(service, word)[word]

    until(is_gone)


def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
