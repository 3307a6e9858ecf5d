"""Statements and Arrow to and from ClickHouse, over HTTP or in this process: clickhouse-connect drives both."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from queue import Empty, LifoQueue
from typing import Any

import pyarrow as pa

from monitor.errors import Invalid, StoreUnavailable
from monitor.store.observations.clickhouse.address import Address

MOST_AT_ONCE = 12  # statements, of several posts
SECONDS = 30  # that the engine may be silent before it counts as gone

_SETTINGS = {
    "max_query_size": 1 << 30,  # statements carry the ids that they ask for
    "output_format_arrow_string_as_string": 0,  # vectors are no UTF-8; texts are checked when they are cast
    "output_format_arrow_compression_method": "none",
    "do_not_merge_across_partitions_select_final": 1,  # a key has its hour in it, and so its week
    "max_partitions_per_insert_block": 0,  # a body may span years
    "mutations_sync": 2,
    "async_insert": 0,  # an insert that was answered is there
}
_OF_CLUSTERS = {
    "distributed_foreground_insert": 1,
    "distributed_product_mode": "local",  # both sides of a join have the shard of their id
}
_OF_EMBEDDED = {"max_threads": 1}  # each thread takes room, of which there is the process's alone

# An id that was stored is found on whichever replica is asked.
_OF_REPLICAS = {"insert_quorum": "auto", "insert_quorum_parallel": 0, "select_sequential_consistency": 1}

# Overloaded, read-only, out of room, cut off from Keeper or from a shard: none says that the statement was wrong.
_PASSING = {3, 74, 75, 76, 159, 164, 202, 209, 210, 225, 236, 241, 242, 243, 252, 279, 285, 286, 319, 439, 516, 999}


class Engine:
    """Clients of one address, each used by one thread at a time."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._idle: LifoQueue[Any] = LifoQueue()
        self._life = secrets.token_hex(8)  # a database brought back from a backup counts its changes once more
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "clickhouse")
        self._empty: set[str] = set()  # tables of an engine that nobody else writes to

    def rows(self, statement: str, schema: pa.Schema) -> pa.Table:
        """A query's rows as an Arrow table of that schema.

        Raises StoreUnavailable when the engine cannot be reached or takes nothing just now.
        """
        with self._client() as client:
            body = client.raw_query(statement, fmt="Arrow")
        if not body:
            return schema.empty_table()
        return pa.ipc.open_file(pa.py_buffer(body)).read_all().cast(schema)

    def number(self, statement: str) -> int:
        """A query's only number. Raises as ``rows`` does."""
        return int(self.rows(f"SELECT toInt64(({statement})) AS n", pa.schema([("n", pa.int64())]))["n"][0].as_py())

    def is_empty(self, table: str) -> bool:
        """Whether a table has no rows. Raises as ``rows`` does."""
        if table in self._empty:
            return True
        empty = self.number(f"SELECT count() FROM {table}") == 0
        if empty and self.address.embedded:
            self._empty.add(table)
        return empty

    def run(self, statement: str) -> None:
        """Do something that answers nothing. Raises as ``rows`` does."""
        with self._client() as client:
            client.command(statement)

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """Insert rows in one statement; the same token again from this process inserts nothing, so that the driver may
        try again when it got no answer. Raises as ``rows`` does."""
        self._empty.discard(table)
        with self._client() as client:
            client.insert_arrow(table, rows, settings={"insert_deduplication_token": f"{self._life}.{token}"})

    def together(self, *tasks: Callable[[], Any]) -> list[Any]:
        """Do things at the same time; their answers once all have ended, or the first error."""
        begun = [self._threads.submit(task) for task in tasks]
        wait(begun)
        return [one.result() for one in begun]

    def close(self) -> None:
        """Give all clients up."""
        self._threads.shutdown()
        with contextlib.suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        with _reachable():
            try:
                client = self._idle.get_nowait()
            except Empty:
                client = _connect(self.address)
            try:
                yield client
            finally:
                self._idle.put(client)


def _connect(address: Address) -> Any:
    try:
        import clickhouse_connect
    except ImportError as error:
        raise Invalid(
            "PLIMSOLL_OBSERVATIONS_URL needs the extra clickhouse: pip install 'plimsoll[clickhouse]'"
        ) from error
    settings = _SETTINGS | (_OF_CLUSTERS if address.cluster else {}) | (_OF_REPLICAS if address.replicated else {})
    options = dict(address.options)
    if address.embedded:
        return _embedded(clickhouse_connect, options, settings | _OF_EMBEDDED)
    options |= {"connect_timeout": 5, "send_receive_timeout": SECONDS}
    if address.database != "default":
        first = clickhouse_connect.get_client(**options)
        on = f" ON CLUSTER {quoted(address.cluster)}" if address.on_cluster and address.cluster else ""
        first.command(f"CREATE DATABASE IF NOT EXISTS {quoted(address.database)}{on}")
        first.close()
    return clickhouse_connect.get_client(**options, database=address.database, settings=settings)


def _embedded(clickhouse_connect: Any, options: dict[str, Any], settings: dict[str, Any]) -> Any:
    try:
        return clickhouse_connect.get_client(**options, settings=settings)
    except clickhouse_connect.driver.exceptions.ProgrammingError as error:
        raise StoreUnavailable(
            f"The folder {options['path']} cannot be opened. chDB belongs to one process: if a service has it, stop"
            " that one first, or send to it (PLIMSOLL_URL)."
        ) from error


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def text(value: str) -> str:
    """A text as SQL has it, whatever is in it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"


@contextlib.contextmanager
def _reachable() -> Iterator[None]:
    from clickhouse_connect.driver import exceptions
    from urllib3.exceptions import HTTPError

    try:
        yield
    except exceptions.DatabaseError as error:
        code = getattr(error, "code", None)
        # Without a code the trouble is of the network or of a proxy before the engine.
        if code is not None and int(code) not in _PASSING:
            raise
        raise _unavailable(error) from error
    except (exceptions.InterfaceError, HTTPError, OSError) as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> StoreUnavailable:
    first = str(error).strip().partition("\n")[0][:200]
    return StoreUnavailable(f"ClickHouse cannot be used just now ({first}). Try again.")
