"""The time by the store's clock: processes on several machines agree on it, however wrong their own clocks are."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import text

from monitor import clock
from monitor.errors import StoreUnavailable
from monitor.store.database import Database

ASK_AGAIN = clock.MINUTE
FIRST_SECONDS = 3.0
_NOW = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")


class ServerTime:
    """Called, it answers with this moment, microseconds. SQLite has no clock but that of this machine; a server is
    asked once a minute how far the two are apart, and where it cannot be reached the last answer holds."""

    def __init__(self, database: Database, local: Callable[[], int] = clock.now) -> None:
        self._database, self._local = database, local
        self._ahead = 0
        self._asked: int | None = None

    def __call__(self) -> int:
        now = self._local()
        if not self._database.is_sqlite and (self._asked is None or abs(now - self._asked) > ASK_AGAIN):
            first, self._asked = self._asked is None, now
            asking = threading.Thread(target=self._ask, name="server-time", daemon=True)
            asking.start()  # whoever asks for the time waits for no server that is gone
            if first:
                asking.join(FIRST_SECONDS)
        return self._local() + self._ahead

    def _ask(self) -> None:
        try:
            with self._database.read() as connection:
                before = self._local()
                there = int(connection.execute(_NOW).scalar_one())
                self._ahead = there - (before + self._local()) // 2
        except StoreUnavailable:
            return
