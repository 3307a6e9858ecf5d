"""What belongs to this installation alone: where it is reached, and the secret that signs its cookies and tokens."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, select

from monitor.store import config
from monitor.store.driver import as_json, run
from monitor.store.tables import config_objects

_MINE = (config_objects.c.kind == "setting") & (config_objects.c.name == "installation_secret")


_URL, _DELETIONS = "public_url", "deletions"
_DELETED = select(config_objects.c.data).where(config_objects.c.kind == "setting", config_objects.c.name == _DELETIONS)


def note_public_url(connection: Connection, url: str) -> None:
    """Where people reach the service: other commands on this store write links to it."""
    config.put(connection, "setting", _URL, url)


def public_url(connection: Connection) -> str | None:
    """Where people reach the service, if one ever ran."""
    url: str | None = config.objects(connection, "setting").get(_URL)
    return url


def known_secret(connection: Connection) -> bytes | None:
    """The secret, if one was made."""
    data = connection.execute(select(config_objects.c.data).where(_MINE)).scalar_one_or_none()
    return None if data is None else bytes.fromhex(data["hex"])


def secret(connection: Connection) -> bytes:
    """The secret, made when first asked for (needs a write transaction)."""
    known = known_secret(connection)
    if known is not None:
        return known
    made = secrets.token_bytes(32)
    statement = "INSERT INTO config_objects (kind, name, data) VALUES (?, ?, ?) ON CONFLICT (kind, name) DO NOTHING"
    run(connection, statement, ("setting", "installation_secret", as_json(connection, {"hex": made.hex()})))
    return known_secret(connection) or made


def note_deletion(connection: Connection, model_id: int = 0) -> None:
    """A model was deleted or put in: what other processes keep at hand of one must not be taken for the next one's,
    whose references may get the same numbers."""
    last = max(model_id, last_model(connection))
    config.put(connection, "setting", _DELETIONS, {"count": deletions(connection) + 1, "last_model": last})


def deletions(connection: Connection) -> int:
    """How often that was."""
    return int(_deleted(connection).get("count", 0))


def last_model(connection: Connection) -> int:
    """The highest number of a model that was deleted, 0 for none."""
    return int(_deleted(connection).get("last_model", 0))


def _deleted(connection: Connection) -> dict[str, int]:
    found: dict[str, int] | None = connection.execute(_DELETED).scalar_one_or_none()
    return found or {}
