"""The configuration as it stands: its named parts and its versions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from monitor.store.tables import config_objects, config_versions


def objects(connection: Connection, kind: str) -> dict[str, Any]:
    """All named parts of a kind: channel, trigger, setting."""
    query = select(config_objects.c.name, config_objects.c.data).where(config_objects.c.kind == kind)
    return {row.name: row.data for row in connection.execute(query.order_by(config_objects.c.name))}


def put(connection: Connection, kind: str, name: str, data: Any) -> None:
    """Replace one named part."""
    mine = (config_objects.c.kind == kind) & (config_objects.c.name == name)
    connection.execute(delete(config_objects).where(mine))
    connection.execute(insert(config_objects).values(kind=kind, name=name, data=data))


def default_notify(connection: Connection) -> list[str]:
    """Who is told when a rule names nobody."""
    return list(objects(connection, "setting").get("default_notify", []))


def version(connection: Connection) -> int:
    """The newest version, 0 before any."""
    return int(connection.execute(select(func.coalesce(func.max(config_versions.c.version), 0))).scalar_one())


def add_version(connection: Connection, document: Any, now: int) -> int:
    """Note what was applied; the new version."""
    new = version(connection) + 1
    connection.execute(insert(config_versions).values(version=new, applied_at=now, document=document))
    return new
