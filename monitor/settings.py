"""Settings of one process: from the environment, or flags of the same name."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import Invalid

AT_HOME = "http://127.0.0.1:8000"  # where a service is reached that was told nothing else


@dataclass(frozen=True)
class Settings:
    """``database_url`` and ``observations_url`` are resolved; ``allow_targets`` are host names or networks that may be
    called although they are private; ``max_body`` in bytes, before and after decompression; ``links`` (name, address)
    stand beside the pages' own, to a runbook or a chat."""

    home: Path
    database_url: str
    observations_url: str
    embedded: bool
    host: str = "127.0.0.1"
    port: int = 8000
    config: Path | None = None
    public_url: str = AT_HOME
    allow_targets: tuple[str, ...] = ()
    max_body: int = 64 * 1024 * 1024
    links: tuple[tuple[str, str], ...] = ()

    @property
    def loopback(self) -> bool:
        """Whether the service is reachable from this machine only."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """True for localhost and addresses of the loopback networks."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load(environment: Mapping[str, str], **flags: object) -> Settings:
    """Settings from ``PLIMSOLL_*`` variables; flags that are not None win.

    Raises Invalid for a value that cannot be read.
    """
    given = {name: str(value) for name, value in flags.items() if value is not None}

    def text(name: str, default: str) -> str:
        return given.get(name) or environment.get(f"PLIMSOLL_{name.upper()}") or default

    home = Path(text("home", "plimsoll-data"))
    database = text("database_url", "")
    host, port = text("host", "127.0.0.1"), _port(text("port", "8000"))
    url = database or f"sqlite:///{home.absolute() / 'plimsoll.db'}"
    config = text("config", "")
    return Settings(
        home=home,
        database_url=url,
        observations_url=text("observations_url", url),
        embedded=not database,
        host=host,
        port=port,
        config=Path(config) if config else None,
        public_url=text("public_url", f"http://{_address(host)}:{port}").rstrip("/"),
        allow_targets=tuple(part.strip() for part in text("allow_targets", "").split(",") if part.strip()),
        max_body=_bytes("max_body", text("max_body", "64MiB")),
        links=_links(text("links", "")),
    )


def _address(host: str) -> str:
    """The host as it stands in a link: one that means every address is reached at loopback."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{reachable}]" if ":" in reachable else reachable


def _port(value: str) -> int:
    number = _integer("port", value)
    if number > 65535:
        raise Invalid(f"PLIMSOLL_PORT is {value}; a port is at most 65535", field="port")
    return number


def _integer(name: str, value: str) -> int:
    if not value.isdigit():
        raise Invalid(f"PLIMSOLL_{name.upper()} is {value!r}; it must be a whole number", field=name)
    return int(value)


def _bytes(name: str, value: str) -> int:
    for suffix, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value.endswith(suffix):
            return _integer(name, value.removesuffix(suffix).strip()) * factor
    return _integer(name, value)


def _links(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, address = part.partition("=")
        if not name.strip() or not address.strip().startswith(("http://", "https://", "/")):
            raise Invalid(
                f"PLIMSOLL_LINKS has {part!r}; write Name=https://address, several with commas", field="links"
            )
        found.append((name.strip(), address.strip()))
    return tuple(found)
