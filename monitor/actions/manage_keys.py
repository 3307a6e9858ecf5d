"""Make, find and revoke keys; sign people in."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from monitor import clock
from monitor.errors import Invalid, NotFound
from monitor.store import installation, keys
from monitor.store.database import Connection, Database

SCOPES = ("ingest", "read", "admin")
REACH = {"ingest": {"ingest", "admin"}, "read": {"read", "admin"}, "admin": {"admin"}}
SESSION = 7 * clock.DAY


def create(database: Database, scope: str, name: str, now: int) -> str:
    """A new key, shown this once.

    Raises Invalid for an unknown scope, an empty name, or one that a live key has.
    """
    if scope not in SCOPES:
        raise Invalid(f"{scope!r} is no scope; there are {', '.join(SCOPES)}", field="scope")
    if not name or len(name) > 100:
        raise Invalid("A key needs a name of at most 100 characters, to know it by later", field="name")
    secret = f"plimsoll_{secrets.token_urlsafe(32)}"
    with database.write() as connection:
        if any(key.name == name and key.revoked_at is None for key in keys.all_keys(connection)):
            raise Invalid(f"There is a live key called {name!r} already; choose another name", field="name")
        keys.add(connection, keys.Key(secrets.token_hex(4), name, scope, now, None), _hash(secret))
    return secret


def revoke(database: Database, which: str, now: int) -> None:
    """End the key of that id or name.

    Raises NotFound.
    """
    with database.write() as connection:
        if not keys.revoke(connection, which, now):
            raise NotFound(f"There is no live key called {which!r}; `plimsoll keys list` shows them")


def listed(database: Database) -> list[keys.Key]:
    """Every key, oldest first."""
    with database.read() as connection:
        return keys.all_keys(connection)


def are_needed(database: Database) -> bool:
    """Whether requests need a key: from the first one made on."""
    with database.read() as connection:
        return keys.any_exist(connection)


def scope_of(database: Database, secret: str) -> str | None:
    """The scope of a key, None if it is not known."""
    with database.read() as connection:
        key = keys.by_hash(connection, _hash(secret))
    return None if key is None else key.scope


def name_of(database: Database, secret: str) -> str | None:
    """The name of a key, None if it is not known."""
    with database.read() as connection:
        key = keys.by_hash(connection, _hash(secret))
    return None if key is None else key.name


def reaching(connection: Connection, secrets_: Iterable[str | None], scope: str) -> set[str | None]:
    """Those of the secrets (None: no key at all) that let a request of that scope in; one query for all."""
    asked = set(secrets_)
    if not keys.any_exist(connection):
        return asked
    scopes = keys.scopes_of(connection, [_hash(secret) for secret in asked if secret is not None])
    return {one for one in asked if one is not None and scopes.get(_hash(one)) in REACH[scope]}


def open_session(database: Database, secret: str, now: int) -> str | None:
    """A cookie's value for a person who showed a key: ``key id.expiry.signature``; None for an unknown key."""
    with database.write() as connection:
        key = keys.by_hash(connection, _hash(secret))
        if key is None or key.scope == "ingest":
            return None
        text = f"{key.id}.{now + SESSION}"
        return f"{text}.{_sign(installation.secret(connection), text)}"


def session_scope(database: Database, cookie: str, now: int) -> str | None:
    """The scope behind a cookie, None when it is forged, expired or its key revoked."""
    key = _session_key(database, cookie, now)
    return None if key is None else key.scope


def session_name(database: Database, cookie: str, now: int) -> str | None:
    """The name of the key behind a cookie, None likewise."""
    key = _session_key(database, cookie, now)
    return None if key is None else key.name


def _session_key(database: Database, cookie: str, now: int) -> keys.Key | None:
    text, _, signature = cookie.rpartition(".")
    key_id, _, expiry = text.partition(".")
    with database.read() as connection:
        secret = installation.known_secret(connection)
        if secret is None or not hmac.compare_digest(_sign(secret, text), signature):
            return None
        key = keys.by_id(connection, key_id)
    return key if key is not None and expiry.isdigit() and int(expiry) > now else None


def form_token(database: Database, cookie: str) -> str:
    """What a form of this session must send back, so that another site's form cannot."""
    with database.read() as connection:
        secret = installation.known_secret(connection)
    if secret is None:  # a page must not wait for a writer but this once
        with database.write() as connection:
            secret = installation.secret(connection)
    return _sign(secret, f"form:{cookie}")


def _sign(secret: bytes, text: str) -> str:
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
