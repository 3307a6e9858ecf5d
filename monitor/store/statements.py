"""Statements compiled once for all engines of a process: a file has two, one that reads and one that writes, and
whoever replays, compares or moves opens further stores. Compiling took a third of the time of a run on a new one."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.util import LRUCache

KEPT = 1000  # statements, half as many again before the eldest go
_ALL_COLUMNS = re.compile(r"(?:select|,|returning)\s+(?:[\w\"]+\.)?\*", re.IGNORECASE)


class OfEqualDialects(LRUCache[Any, Any]):
    """SQLAlchemy's cache, in which a dialect is known by its class and the server's version: each engine has one of its
    own, and all of ours are made alike (see ``on_sqlite`` and ``on_postgres``). A statement that does not name its
    columns is not kept: which ones it found the first time would be kept with it, and be taken for those of others."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_of_any_engine(key), default)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_of_any_engine(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        if not _ALL_COLUMNS.search(str(value)):
            super().__setitem__(_of_any_engine(key), value)


def _of_any_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple((type(one), one.server_version_info) if isinstance(one, Dialect) else one for one in key)


SHARED = {"compiled_cache": OfEqualDialects(KEPT)}  # an option of engines
