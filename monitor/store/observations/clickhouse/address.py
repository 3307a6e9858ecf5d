"""Where the engine is: ``clickhouse://user:password@host:port/database?cluster=name`` or ``chdb://PATH``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from monitor.errors import Invalid

_YES = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_SMALL = {  # bytes of the embedded engine's caches, which would take gigabytes
    "mark_cache_size": 8 << 20,
    "index_mark_cache_size": 1 << 20,
    "primary_index_cache_size": 8 << 20,
    "query_condition_cache_size": 1 << 20,
}
_OPTIONS = {"cluster", "replicated", "on_cluster", "counts"}


@dataclass(frozen=True)
class Address:
    """``options`` as ``clickhouse_connect.get_client`` takes them; ``cluster`` over which tables are spread (None: one
    server), ``replicated``: its shards have replicas, ``on_cluster``: tables are made on all of it by the statement,
    not by the database; ``counts``: hours are counted by the engine; ``embedded``: that is in this process alone."""

    options: Mapping[str, Any] = field(repr=False)  # with the password
    database: str
    cluster: str | None = None
    replicated: bool = False
    on_cluster: bool = True
    counts: bool = False
    embedded: bool = False


def read_address(url: str) -> Address:
    """The address that a URL names.

    Raises Invalid for one that cannot be read.
    """
    if url.startswith("chdb:"):
        return _embedded(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _unreadable(str(error)) from error
    given = _given(parts.query, _OPTIONS | {"secure"})
    if not parts.hostname:
        raise _unreadable("it has no host")
    secure = _flag(given, "secure")
    database = unquote(parts.path.strip("/")) or "default"
    options = {
        "host": parts.hostname,
        "port": port or (8443 if secure else 8123),
        "username": unquote(parts.username or "default"),
        "password": unquote(parts.password or ""),
        "secure": secure,
        "interface": "https" if secure else "http",
        "autogenerate_session_id": False,  # a session takes one query at a time
    }
    return _address(options, database, given, embedded=False)


def _embedded(url: str) -> Address:
    path, _, query = url.removeprefix("chdb:").removeprefix("//").partition("?")
    if not path:
        raise _unreadable("it has no path")
    given = _given(query, _OPTIONS | {"config"})
    own = {"config-file": given["config"]} if "config" in given else _SMALL
    options: dict[str, Any] = {"interface": "chdb", "path": path, "chdb_options": own}
    return _address(options, "default", given, embedded=True)


def _given(query: str, known: set[str]) -> dict[str, str]:
    given = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    if unknown := sorted(set(given) - known):
        raise _unreadable(f"it knows no option {unknown[0]!r}")
    return given


def _address(options: dict[str, Any], database: str, given: Mapping[str, str], *, embedded: bool) -> Address:
    cluster = given.get("cluster") or None
    replicated, counts = _flag(given, "replicated"), _flag(given, "counts")
    on_cluster = cluster is not None and _flag(given, "on_cluster", default="1")
    return Address(options, database, cluster, replicated, on_cluster, counts, embedded)


def _flag(given: Mapping[str, str], name: str, default: str = "0") -> bool:
    text = given.get(name, default).lower()
    if text not in _YES:
        raise _unreadable(f"{name} is {text!r}, not 1 or 0")
    return _YES[text]


def _unreadable(why: str) -> Invalid:
    return Invalid(
        f"PLIMSOLL_OBSERVATIONS_URL cannot be read: {why}. Write clickhouse://user:password@host:port/database, with"
        " ?cluster=name for several shards, or chdb:///path/of/a/folder",
        field="observations_url",
    )
