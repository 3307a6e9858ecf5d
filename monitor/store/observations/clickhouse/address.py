"""Where the engine is: ``clickhouse://user:password@host:port/database?cluster=name`` or ``chdb://PATH``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from monitor.errors import Invalid

_YES = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_OPTIONS = {"cluster", "replicated", "secure"}


@dataclass(frozen=True)
class Address:
    """``options`` as ``clickhouse_connect.get_client`` takes them; ``cluster`` over which tables are spread (None: one
    server), ``replicated``: its shards have replicas; ``embedded``: the engine is in this process alone."""

    options: Mapping[str, Any] = field(repr=False)  # with the password
    database: str
    cluster: str | None = None
    replicated: bool = False
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
    given = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    if unknown := sorted(set(given) - _OPTIONS):
        raise _unreadable(f"it knows no option {unknown[0]!r}")
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
    return Address(options, database, given.get("cluster") or None, _flag(given, "replicated"))


def _embedded(url: str) -> Address:
    path = url.removeprefix("chdb:").removeprefix("//")
    if not path:
        raise _unreadable("it has no path")
    return Address({"interface": "chdb", "path": path}, "default", embedded=True)


def _flag(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "0").lower()
    if text not in _YES:
        raise _unreadable(f"{name} is {text!r}, not 1 or 0")
    return _YES[text]


def _unreadable(why: str) -> Invalid:
    return Invalid(
        f"PLIMSOLL_OBSERVATIONS_URL cannot be read: {why}. Write clickhouse://user:password@host:port/database, with"
        " ?cluster=name for several shards, or chdb:///path/of/a/folder",
        field="observations_url",
    )
