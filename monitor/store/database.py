"""The connection to the store and its unit of work: one action, one transaction."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import AbstractContextManager

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoneFree

from monitor import memory
from monitor.errors import PlimsollError, StoreBusy, StoreUnavailable, TooLarge
from monitor.store import locks, on_postgres, on_sqlite, version_before
from monitor.store.turn import Names, Writers, WriteTurn
from monitor.store.version_before import StandIns

LEAST_ROOM = 16 << 20  # bytes
PATIENCE = 30.0  # seconds that a unit of work waits for others, unless it says otherwise

log = logging.getLogger(__name__)

__all__ = ["Connection", "Database", "Writing"]

Writing = Callable[[], AbstractContextManager[Connection]]


class Database:
    """An engine and two kinds of transaction. ``read`` sees one snapshot; ``write`` holds what it names (see
    ``monitor.store.locks``) from its beginning on, so that what it reads of that stays true until it commits.
    ``has_rows``: predictions are here, too, and need room at hand."""

    def __init__(self, url: str, *, has_rows: bool = True) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            small = 1 if has_rows else on_sqlite.WITHOUT_ROWS
            self.engine = on_sqlite.engine(self.url, on_sqlite.READER_KIBIBYTES // small)
            self._writer = on_sqlite.engine(self.url, on_sqlite.WRITER_KIBIBYTES // small)
        else:
            self.engine = self._writer = on_postgres.engine(self.url)
        self._turn = WriteTurn()
        self._names = Names()
        self.to_cut = self.is_sqlite  # bytes that were erased may be left in its log
        self._rounds = Writers()
        self._stand_ins: StandIns | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the store's schema is taken for the newest one, which it is not yet."""
        return self._stand_ins is not None

    def is_at_version_before(self, asked: Iterable[str]) -> None:
        """From now on what the schema lacks reads as empty (on PostgreSQL), and is left out where it is written, but
        for columns that somebody asks for (``table.column``). ``is_whole`` ends it."""
        with self.read() as connection:
            gap = version_before.find(connection, asked)
        self._stand_ins = StandIns(self.engine, gap)
        with self.read() as connection:
            connection.exec_driver_sql("SELECT 1")  # whoever may not have the views hears it now

    def is_whole(self) -> None:
        """The schema lacks nothing any more."""
        stand_ins, self._stand_ins = self._stand_ins, None
        if stand_ins is not None:
            stand_ins.end()

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction; raises StoreUnavailable when the store cannot be reached."""
        with reachable(), self.engine.connect() as connection:
            (on_sqlite if self.is_sqlite else on_postgres).begin_reading(connection)
            yield connection
            connection.rollback()

    @contextlib.contextmanager
    def write(self, *names: str, patience: float = PATIENCE) -> Iterator[Connection]:
        """A write transaction that holds ``names`` for itself, committed at the end of the block (a commit within it
        begins another one, which holds no names); raises StoreUnavailable likewise, after ``patience`` seconds where
        others hold them."""
        with self._writing(patience) as connection:
            if not self.is_sqlite:
                on_postgres.hold(connection, names or (locks.HOUSE,))
            yield connection

    @contextlib.contextmanager
    def paused(self, connection: Connection) -> Iterator[None]:
        """Within a ``write``: commit, and leave the store to others while the block lasts."""
        connection.commit()
        with self._turn.given_back() if self.is_sqlite else contextlib.nullcontext():
            yield

    @contextlib.contextmanager
    def one_by_one(self) -> Iterator[Connection]:
        """Statements that are a transaction each: some that change tables may be within no other."""
        with reachable(), self._writer.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextlib.contextmanager
    def read_first(self, *names: str, patience: float = PATIENCE) -> Iterator[tuple[Connection, Writing]]:
        """A unit of work that reads for long before it writes, if at all: one snapshot, and what ends it and begins the
        writing. Posts go on meanwhile. ``names`` are held as in ``write``; on SQLite against others of this kind alone,
        so whoever writes looks first whether what it read still holds."""
        with contextlib.ExitStack() as held, contextlib.ExitStack() as reading:
            if self.is_sqlite:
                held.enter_context(self._names.held(names, patience))
            else:
                connection = held.enter_context(self.write(*names, patience=patience))
            snapshot = reading.enter_context(self.read())
            if not self.is_sqlite:  # either may do nothing for hours, while rows are counted elsewhere
                on_postgres.allow_rest(connection)
                on_postgres.allow_rest(snapshot)

            def writing() -> AbstractContextManager[Connection]:
                reading.close()
                return self.write() if self.is_sqlite else contextlib.nullcontext(connection)

            yield snapshot, writing

    @contextlib.contextmanager
    def write_free(self, names: Sequence[str], patience: float) -> Iterator[tuple[Connection, Set[str]]]:
        """``write`` that holds those of ``names`` which nobody else holds just now, and says which those are."""
        with self._writing(patience) as connection:
            held = set(names) if self.is_sqlite else on_postgres.hold_free(connection, names)
            self._rounds.begun()
            try:
                yield connection, held
            finally:
                self._rounds.ended()

    @contextlib.contextmanager
    def _writing(self, patience: float) -> Iterator[Connection]:
        turn = self._turn.taken(patience) if self.is_sqlite else contextlib.nullcontext()
        with reachable(), turn, self._writer.connect() as connection:
            if self.is_sqlite:
                on_sqlite.begin_writing(connection, patience)
            connection.begin()
            if self.is_sqlite:
                self._turn.begun()
            else:
                on_postgres.wait_at_most(connection, patience)
            try:
                yield connection
            except Exception as error:
                if on_postgres.is_read_only(error):
                    connection.invalidate()
                raise
            connection.commit()

    @property
    def is_writing(self) -> bool:
        """Whether a writer of this process is at work that others wait for: who waits for it waits for no failure."""
        return self._turn.is_writing if self.is_sqlite else self._rounds.is_writing

    @contextlib.contextmanager
    def erasing(self, *names: str) -> Iterator[Connection]:
        """A write transaction whose deletes leave nothing behind: on SQLite neither in the file nor in its log."""
        with self.write(*names) as connection:
            if self.is_sqlite:
                on_sqlite.overwrite(connection)
            yield connection
        if self.is_sqlite:
            self._cut_log(PATIENCE)

    def cut_log(self) -> None:
        """What ``erasing`` could not take out of SQLite's log within its time, or a process before this one, goes, too,
        once nobody reads an older state: tried again by each call."""
        if self.to_cut:
            self._cut_log(0.0)

    def _cut_log(self, patience: float) -> None:
        self.to_cut, is_cut = False, False  # before: whatever others erase from now on is theirs to cut
        try:
            with reachable(), self.engine.connect() as connection:
                is_cut = on_sqlite.cut_log(connection, patience)
        finally:
            self.to_cut = self.to_cut or not is_cut

    @contextlib.contextmanager
    def gone_on(self) -> Iterator[None]:
        """One part of several: where the store was held or slow for this one alone, the others go on. Raises
        StoreUnavailable where the store is away."""
        try:
            yield
        except StoreUnavailable as error:
            with self.read() as connection:
                connection.exec_driver_sql("SELECT 1")
            log.warning("left for later", extra={"error": error.message})

    @property
    def is_nearly_full(self) -> bool:
        """Whether the disk has hardly any room left; of a server that is not known."""
        return self.is_sqlite and on_sqlite.room(self.url) < LEAST_ROOM

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()
        self._writer.dispose()


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Raises StoreUnavailable for whatever a store that is locked, full, slow or gone makes a driver raise."""
    try:
        yield
    except PlimsollError:
        raise
    except Exception as error:
        refused = _refused(error)
        if refused is None:
            raise
        memory.empty(error)  # of sockets, where connections could not be made
        raise refused from error


def is_of_store(error: Exception) -> bool:
    """Whether an error tells of the store, or is one that a caller is to see."""
    return isinstance(error, PlimsollError | SQLAlchemyError | sqlite3.Error)


def _refused(error: Exception) -> PlimsollError | None:
    """What an error of SQLAlchemy or of the driver says to whoever asked; None where it tells of a mistake of ours."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if on_postgres.is_too_large(cause):
        return TooLarge("PostgreSQL cannot hold a row this wide, or a text this long; nothing was stored. Send less.")
    if isinstance(error, NoneFree):
        return StoreBusy("All connections to the store are at work; nothing was stored. Try again.")
    if on_postgres.is_held(cause):
        return StoreBusy("Another writer holds what this needs just now; nothing was stored. Try again.")
    trouble = on_sqlite.trouble(cause) or on_postgres.trouble(cause)
    if trouble is not None:
        return StoreUnavailable(f"{trouble}; nothing was stored. Try again when that is mended.", retry_after=30)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return StoreUnavailable("The store closed the connection; nothing was stored. Try again.")
    if isinstance(error, OperationalError | sqlite3.OperationalError) or on_postgres.is_operational(cause):
        return StoreUnavailable("The store cannot be reached just now; nothing was stored. Try again.")
    return None
