"""Keys of the API: only their hash is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from monitor.store.tables import keys


@dataclass(frozen=True)
class Key:
    """A key without its secret; times in microseconds."""

    id: str
    name: str
    scope: str
    created_at: int
    revoked_at: int | None


def add(connection: Connection, key: Key, hashed: str) -> None:
    """Keep a new key's hash."""
    connection.execute(
        insert(keys).values(id=key.id, name=key.name, scope=key.scope, hash=hashed, created_at=key.created_at)
    )


def by_hash(connection: Connection, hashed: str) -> Key | None:
    """The live key with that hash."""
    query = select(keys).where(keys.c.hash == hashed, keys.c.revoked_at.is_(None))
    row = connection.execute(query).mappings().first()
    return None if row is None else Key(row["id"], row["name"], row["scope"], row["created_at"], None)


def scopes_of(connection: Connection, hashes: Sequence[str]) -> dict[str, str]:
    """The scopes of the live keys with those hashes, by hash."""
    query = select(keys.c.hash, keys.c.scope).where(keys.c.hash.in_(hashes), keys.c.revoked_at.is_(None))
    return {row.hash: row.scope for row in connection.execute(query)}


def by_id(connection: Connection, key_id: str) -> Key | None:
    """The live key with that id."""
    query = select(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None))
    row = connection.execute(query).mappings().first()
    return None if row is None else Key(row["id"], row["name"], row["scope"], row["created_at"], None)


def any_exist(connection: Connection) -> bool:
    """Whether a key was ever made. Revoking the last one does not open the doors again."""
    return bool(connection.execute(select(func.count()).select_from(keys)).scalar_one())


def all_keys(connection: Connection) -> list[Key]:
    """Every key ever made, oldest first."""
    rows = connection.execute(select(keys).order_by(keys.c.created_at, keys.c.id)).mappings()
    return [Key(r["id"], r["name"], r["scope"], r["created_at"], r["revoked_at"]) for r in rows]


def revoke(connection: Connection, which: str, at: int) -> int:
    """End live keys with that id or name; how many there were."""
    match = (keys.c.id == which) | (keys.c.name == which)
    return connection.execute(update(keys).where(match, keys.c.revoked_at.is_(None)).values(revoked_at=at)).rowcount
