"""Reading the settings of channels and triggers: what is missing or unknown is said by name."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from alerting.secrets import is_reference, references
from alerting.words import parse_duration


class BadSetting(ValueError):
    """A setting that cannot be used; ``key`` names it."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def known(
    raw: Mapping[str, Any], required: Sequence[str], optional: Sequence[str] = (), others: Sequence[str] = ()
) -> None:
    """Raise BadSetting for a key that is missing, unknown, or not a text. ``others`` are there too, read elsewhere."""
    allowed = ("type", *required, *optional)
    for key in required:
        if raw.get(key) in (None, ""):
            raise BadSetting(key, f"{key} is missing")
    for key, value in raw.items():
        if key not in allowed:
            raise BadSetting(key, f"{key!r} is not known here; there are {', '.join((*allowed, *others))}")
        if not isinstance(value, str):
            raise BadSetting(key, f"{key} must be a text")


def address(raw: Mapping[str, Any], key: str) -> str:
    """An http or https address; one with a reference in it can only be looked at when it is sent to."""
    text = str(raw[key])
    if references({key: text}):
        return text
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadSetting(key, f"{key} must be an address that starts with https:// or http://")
    if parts.username is not None or parts.password is not None:
        raise BadSetting(key, f"{key} holds a name or a password; write the whole address as ${{NAME}}")
    return text


def secret_address(raw: Mapping[str, Any], key: str) -> str:
    """An address that is a secret by itself, at least in part a reference."""
    text = str(raw[key])
    if not references({key: text}):
        raise BadSetting(key, f"{key} must be written as ${{NAME}}: who knows the address can post to it")
    return text


def secret(raw: Mapping[str, Any], key: str = "secret") -> str | None:
    """A secret, which is only ever written as a reference."""
    value = raw.get(key)
    if value is not None and not is_reference(value):
        raise BadSetting(key, f"{key} must be written as ${{NAME}}; the value is read from the environment")
    return value


def length(raw: Mapping[str, Any], key: str, default: str) -> int:
    """A duration in microseconds, longer than nothing."""
    try:
        found = parse_duration(str(raw.get(key, default)))
    except ValueError as error:
        raise BadSetting(key, f"{key}: {error}") from error
    if found <= 0:
        raise BadSetting(key, f"{key} must be longer than nothing")
    return found


def authorization(settings: Mapping[str, Any]) -> dict[str, str]:
    """The header of resolved settings with a ``token``, or ``username`` and ``password``; none without either."""
    if settings.get("token"):
        return {"authorization": f"Bearer {settings['token']}"}
    if settings.get("username"):
        pair = f"{settings['username']}:{settings.get('password', '')}".encode()
        return {"authorization": f"Basic {b64encode(pair).decode('ascii')}"}
    return {}
